"""Sums over two 2-bit codes, by popcounts of eight words at a time.

LLVM has these for every processor: an instruction where there is one, else lookups.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from llvmlite import ir

from quiver.backends._numba.row_sums import (
    I64,
    Steps,
    call,
    every,
    load,
    long,
    row_sums,
)

_WORDS = ir.VectorType(I64, 8)
_HIGH_BITS = every(_WORDS, 0xAAAA_AAAA_AAAA_AAAA)
_LOW_BITS = every(_WORDS, 0x5555_5555_5555_5555)
_ONES = every(_WORDS, 1)


def _prepare(builder, address, n_bytes, number):
    """Return eight words of the query, and a mask of what is no correction."""
    del n_bytes
    is_first = builder.icmp_unsigned("==", number, long(0))
    code_only = ir.Constant(_WORDS, [0] + [-1] * 7)
    mask = builder.select(is_first, code_only, every(_WORDS, -1))
    return load(builder, address, _WORDS), mask


def _grow_corrected(builder, sums, a, prepared):
    """Add ``(9·dim - ⟨w_a, w_b⟩) / 2`` for values ±1, ±3."""
    b, mask = prepared
    moved_up = builder.shl(builder.and_(b, _LOW_BITS), _ONES)
    moved_down = builder.lshr(builder.and_(b, _HIGH_BITS), _ONES)
    x = builder.and_(builder.xor(a, b), mask)
    y = builder.and_(builder.xor(a, builder.or_(moved_up, moved_down)), mask)
    in_high = _popcounts(builder, builder.and_(x, _HIGH_BITS))
    once = builder.add(_popcounts(builder, x), in_high)
    twice = builder.add(_popcounts(builder, y), in_high)
    return _add_words(builder, sums, once, twice, twice)


def _grow_published(builder, sums, a, prepared):
    """Add ``4·dim - ⟨w_a, w_b⟩`` for values ±1, ±2; padding cancels out.

    A word of 32 coordinates adds ``96 - shared + 2·opposed``, which is never negative.
    """
    b, mask = prepared
    a, b = builder.and_(a, mask), builder.and_(b, mask)
    strong_a, strong_b = _strong(builder, a), _strong(builder, b)
    differs = builder.and_(builder.xor(a, b), _HIGH_BITS)
    both, either = builder.and_(strong_a, strong_b), builder.or_(strong_a, strong_b)
    counts = [
        _count(builder, strong_a, strong_b),
        _popcounts(builder, both),
        _count(builder, differs, builder.and_(differs, either)),
        _popcounts(builder, builder.and_(differs, both)),
    ]
    shared = builder.add(*counts[:2])
    opposed = reduce(builder.add, [counts[2], counts[3], counts[3]])
    alike = builder.sub(every(_WORDS, 96), shared)
    return _add_words(builder, sums, alike, opposed, opposed)


def _popcounts(builder, words):
    return call(builder, "llvm.ctpop.v8i64", _WORDS, words)


def _strong(builder, words):
    """Return the high bit of every pair whose bits are alike."""
    differs = builder.xor(words, builder.shl(words, _ONES))
    return builder.and_(builder.not_(differs), _HIGH_BITS)


def _count(builder, a, b):
    """Count the bits of two planes, which use every second bit, by one popcount."""
    return _popcounts(builder, builder.or_(a, builder.lshr(b, _ONES)))


def _add_words(builder, sums, *counts):
    """Add small counts to the sums: their upper halves are zero."""
    total = reduce(builder.add, counts)
    return builder.add(sums, builder.bitcast(total, sums.type))


def _mismatches(grow: Callable[..., ir.Value]) -> Any:
    steps = Steps(_WORDS, 2 * _WORDS.count, _prepare, grow)
    return row_sums(lambda _: steps)


mismatches_corrected = _mismatches(_grow_corrected)
mismatches_published = _mismatches(_grow_published)
