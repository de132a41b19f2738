"""The functions on 2-bit codes, called on one pair of bits of words of the solver.

A popcount is a sum over bits, so what holds for every pair of bits of a word holds for
the word, and for a row: each function gets ``count`` in the place of its popcount,
which counts one pair only. All else is its own lines, of Python or read as C.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import z3

from proofs.c_text import Edit, Header
from proofs.numbers import Word
from proofs.words import field, popcount

distance = import_module("quiver.reference.distance")
"""The module; the package calls its function so."""

Count = Callable[[Word], Word]


def in_pair(place: int) -> Count:
    """Return what counts the bits of one pair."""
    return lambda word: Word(popcount(field(word.bits, place, 2)))


def reference(
    function: str, a: Word, b: Word, count: Count, *, dim: int = 1, **constants: int
) -> Word:
    """Return what a function of `quiver.reference.distance` says of two codes."""
    codes = [SimpleNamespace(bits=2, dim=dim, words=word) for word in (a, b)]
    changed = {name: np.uint64(value) for name, value in constants.items()}
    words = {"code_words": lambda code: code.words, "_count": count, **changed}
    with patch.multiple(distance, **words):
        return getattr(distance, function)(*codes)


def published_in_c(a: Word, b: Word, count: Count, edit: Edit = None) -> Word:
    """Return what `published` of ``distance.h`` says of two rows of one line."""
    header = Header("distance.h", edit, {"popcount": count})
    return header.values("published", a=a, b=b, n_lines=1)["return"]


def grown_in_numba(function: str, a: Word, b: Word, count: Count) -> Word:
    """Return what a function of ``_numba/mismatches.py`` adds to a sum."""
    from quiver.backends._numba import mismatches

    nothing, prepared = Word(z3.BitVecVal(0, 64)), (b, Word(z3.BitVecVal(-1, 64)))
    calls = {"call": lambda _, name, __, word: _CALLS[name](count, word)}
    with patch.multiple(mismatches, **calls):
        return getattr(mismatches, function)(_Builder(), nothing, a, prepared)


_CALLS = {"llvm.ctpop.v8i64": lambda count, word: count(word)}


class _Builder:
    """What LLVM's builder writes down is computed at once, of one lane."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: _LLVM[name](*map(_lane, args))

    def bitcast(self, word: Word, _: Any) -> Word:
        """Return the lane as it is."""
        return word


_LLVM: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "and_": lambda a, b: a & b,
    "or_": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "not_": lambda a: ~a,
    "shl": lambda a, n: a << n,
    "lshr": lambda a, n: a >> n,
}


def _lane(value: Any) -> Any:
    """Return a constant, alike in all lanes, as a number."""
    if isinstance(value, Word):
        return value
    (number,) = {getattr(entry, "constant", entry) for entry in value.constant}
    return number
