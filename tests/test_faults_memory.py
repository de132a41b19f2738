"""A MemoryError at each allocation: it reaches the caller, and nothing is changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_index import SCALE, answers, saved, small_index

import quiver

ALLOCATORS = (
    *("zeros", "empty", "full", "ones", "arange", "asarray", "ascontiguousarray"),
    *("concatenate", "stack", "pad", "where", "unique", "sort", "argsort", "require"),
    *("packbits", "unpackbits", "frombuffer", "flatnonzero", "append", "searchsorted"),
)


class ScarceNumPy:
    """Makes NumPy's allocating functions fail at one call from within quiver."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int | None) -> None:
        self.calls = 0
        self._at = at
        for name in ALLOCATORS:
            patch.setattr(np, name, self._counting(getattr(np, name)))

    def _counting(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1).f_globals["__name__"]
            if caller.startswith("quiver"):
                self.calls += 1
                if self.calls - 1 == self._at:
                    raise MemoryError
            return real(*args, **kwargs)

        return counted


@pytest.mark.parametrize("what", ["build", "search", "save", "open", "mmap", "check"])
def test_an_allocation_that_fails_is_a_memory_error(tmp_path, what):
    path, data = saved(tmp_path)
    index, vectors = small_index(), small_index().vectors.copy()
    before, untouched = answers(index), vectors.tobytes()
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    works = {
        "build": lambda: quiver.Index.build(
            vectors, params=params, backend="reference"
        ),
        "search": lambda: index.search(vectors, k=3, ef=8),
        "save": lambda: index.save(path, cold_dtype="float16"),
        "open": lambda: quiver.open(path, verify="full", backend="reference"),
        "mmap": lambda: answers(quiver.open(path, cold="mmap", backend="reference")),
        # A state of its own each time: what is derived from one is derived once.
        "check": lambda: quiver.Index(replace(index.state), index.backend).check(
            full=True
        ),
    }
    with pytest.MonkeyPatch.context() as patch:
        counter = ScarceNumPy(patch, at=None)
        works[what]()
    path.write_bytes(data)
    n_tries = min(counter.calls, 60 * SCALE)
    assert n_tries > 5
    descriptors = open_descriptors()
    for at in np.linspace(0, counter.calls - 1, n_tries).astype(int).tolist():
        with pytest.MonkeyPatch.context() as patch:
            ScarceNumPy(patch, at)
            with pytest.raises(MemoryError):
                works[what]()
        assert path.read_bytes() == data
        assert vectors.tobytes() == untouched
    assert open_descriptors() == descriptors
    assert os.listdir(tmp_path) == [path.name]
    for part, twin in zip(answers(index), before, strict=True):
        np.testing.assert_array_equal(part, twin)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
