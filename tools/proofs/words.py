"""Words of the solver: what the kernels compute on, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence

import z3

HIGH_BITS, LOW_BITS = 0xAAAA_AAAA_AAAA_AAAA, 0x5555_5555_5555_5555
PAIRS = 32
"""Coordinates of a 2-bit code in a word."""


def words(names: str, bits: int = 64) -> list[z3.BitVecRef]:
    """Return unknown words of so many bits."""
    return [z3.BitVec(name, bits) for name in names.split()]


def field(word: z3.BitVecRef, place: int, width: int) -> z3.BitVecRef:
    """Return the ``place``-th field of a word, of so many bits, from below."""
    return z3.Extract(width * (place + 1) - 1, width * place, word)


def widened(bits: z3.BitVecRef, width: int = 16) -> z3.BitVecRef:
    """Return a number without a sign in more bits."""
    return z3.ZeroExt(width - bits.size(), bits)


def signed(bits: z3.BitVecRef, width: int = 32) -> z3.BitVecRef:
    """Return a number with a sign in more bits."""
    return z3.SignExt(width - bits.size(), bits)


def popcount(bits: z3.BitVecRef, width: int = 16) -> z3.BitVecRef:
    """Return the number of ones, by its definition: the sum of all bits."""
    ones = [widened(field(bits, place, 1), width) for place in range(bits.size())]
    return sum(ones[1:], start=ones[0])


def looked_up(table: Sequence[int], place: z3.BitVecRef, width: int) -> z3.BitVecRef:
    """Return an entry of a table, a number of so many bits."""
    found = z3.BitVecVal(table[0], width)
    for number, entry in enumerate(table):
        found = z3.If(place == number, z3.BitVecVal(entry, width), found)
    return found
