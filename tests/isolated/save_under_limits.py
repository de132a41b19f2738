"""Save under limits of the file size that the kernel enforces.

Usage: save_under_limits.py PATH LIMIT... Prints the error number of each refusal.
"""

from __future__ import annotations

import resource
import sys

from small_index import small_index

from quiver.errors import FileAccessError

if __name__ == "__main__":
    path, *limits = sys.argv[1:]
    for limit in map(int, limits):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            small_index(seed=2).save(path)
        except FileAccessError as error:
            print(error.errno)
