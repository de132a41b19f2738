"""What is particular to Numba: a folder for its cache, and arrays lent to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from strategies import random_codes

import quiver
from quiver.reference.keys import NO_ID, make_keys

pytest.importorskip("numba", reason="needs the extra `numba`")

# The module with the fewest kernels: it compiles in two seconds.
CODE = """
import warnings
from quiver.errors import SlowBackendWarning
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from quiver.backends._numba import primitives
print(primitives.__file__)
print(primitives.make_key(0.0, 7) % 2**32)
print(*(str(w.message) for w in caught if w.category is SlowBackendWarning))
"""


@pytest.fixture
def unwritable(tmp_path: Path) -> Path:
    """Copy the package to where no cache can be written, not even by root."""
    package = Path(quiver.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", "*.npz", "*.npy")
    shutil.copytree(package, tmp_path / "quiver", ignore=ignored)
    # Below a file there is no folder.
    (tmp_path / "quiver" / "backends" / "_numba" / "__pycache__").write_text("")
    return tmp_path


def test_without_a_cache_folder_the_kernels_compile_and_one_warning_says_so(
    unwritable: Path,
) -> None:
    nowhere = str(unwritable / "quiver" / "__init__.py" / "below-a-file")
    folders = ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME")
    done = subprocess.run(
        [sys.executable, "-B", "-c", CODE],
        env={
            **os.environ,
            **dict.fromkeys((*folders, "NUMBA_CACHE_DIR"), nowhere),
            "PYTHONPATH": os.pathsep.join([str(unwritable), *filter(None, sys.path)]),
        },
        cwd=unwritable,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found, key, warning = done.stdout.splitlines()
    assert found.startswith(str(unwritable))
    assert key == "7"
    assert warning.count("no folder can be written") == 1
    assert "NUMBA_CACHE_DIR" in warning


def test_a_walk_and_pruning_neither_keep_nor_free_the_arrays_they_are_lent() -> None:
    backend, rng = quiver.get_backend("numba"), np.random.default_rng(3)
    codes = random_codes(rng, 40, 70)
    neighbors = rng.integers(0, 40, (40, 5), dtype=np.uint32)
    entry_points, masks = (
        np.arange(2, dtype=np.uint32),
        np.full((1, 1), NO_ID, np.uint64),
    )
    ids = np.arange(40, dtype=np.uint32)
    keys = np.sort(make_keys(backend.distance(codes, codes), ids[None]), axis=1)
    lent = codes.rows, neighbors, entry_points, masks, keys
    before = [sys.getrefcount(array) for array in lent]
    for _ in range(3):
        backend.search(codes, neighbors, codes, entry_points, 7)
        backend.search(codes, neighbors, codes, entry_points, 7, allowed=masks)
        backend.prune(codes, keys, 5, 1.1, 0.7, "vamana")
    assert [sys.getrefcount(array) for array in lent] == before
