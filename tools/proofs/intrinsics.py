"""Intrinsics of x86, as far as codes are weighed by them, on one 64-bit lane.

None of these moves bits from one lane into another, so a lane stands for all. The names
of AVX2 and AVX-512 differ in the width of registers, which is none of a lane's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import z3

from proofs.numbers import Word
from proofs.words import field, looked_up, popcount


def _fields(width: int, operation: Callable[..., Any], *words: Word) -> Word:
    """Apply an operation to every field of so many bits."""
    places = reversed(range(64 // width))
    parts = (
        operation(*(field(word.bits, place, width) for word in words))
        for place in places
    )
    return Word(z3.Concat(*parts))


def _shuffled(table: tuple[int, ...], places: Word) -> Word:
    """Look up every byte of the places: a high bit gives zero."""

    def entry(byte: Any) -> Any:
        return z3.If(byte >= 0, looked_up(table, byte & 15, 8), z3.BitVecVal(0, 8))

    return _fields(8, entry, places)


def _sum_of_bytes(word: Word, _: int) -> Word:
    total = Word(field(word.bits, 0, 8)).in_bits(64)
    for place in range(1, 8):
        total = total + Word(field(word.bits, place, 8))
    return total


_LANE: dict[str, Callable[..., Any]] = {
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "slli_epi64": lambda a, n: a << n,
    "srli_epi64": lambda a, n: a >> n,
    "srli_epi16": lambda a, n: _fields(16, lambda field: z3.LShR(field, n), a),
    "add_epi8": lambda a, b: _fields(8, lambda x, y: x + y, a, b),
    "add_epi64": lambda a, b: a + b,
    "popcnt_epi64": lambda a: Word(popcount(a.bits, 64)),
    "sad_epu8": _sum_of_bytes,
    "shuffle_epi8": _shuffled,
    "setr_epi8": lambda *entries: entries,
    "set1_epi8": lambda byte: (byte & 0xFF) * 0x0101_0101_0101_0101,
    "broadcastsi128": lambda table: table,
    "broadcast_i32x4": lambda table: table,
    "setzero": lambda: 0,
}

INTRINSICS = {
    f"_mm{width}_{name}{end}": meaning
    for width in ("", 256, 512)
    for name, meaning in _LANE.items()
    for end in ("", f"_si{width}")
}
