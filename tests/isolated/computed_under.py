"""Load and use quiver where a library has changed how this thread computes.

Usage: computed_under.py PREPARE BACKEND, where PREPARE is a mode of `float_modes`, a
shared object to load, torch, or nothing. quiver is imported later, and but for torch
NumPy as well. Prints a digest of all that quiver computes, and the rules of the thread
before and after.
"""

from __future__ import annotations

import ctypes
import importlib
import sys

import float_modes

if __name__ == "__main__":
    what, backend = sys.argv[1:]
    if what.endswith(".so"):
        ctypes.CDLL(what)
    elif what == "torch":
        assert importlib.import_module("torch").set_flush_denormal(True)
    elif what != "nothing":
        float_modes.set_mode(what)
    before = float_modes.current()

    from computed import digest_of_all_words

    print(digest_of_all_words(backend), before, float_modes.current())
