"""Distances of two 2-bit codes by XOR, AND and popcount.

A popcount is a sum over bits, so what holds for every pair of bits of a word holds for
the word, and for a row. The words are whole: shifts and masks act on 64 bits, and that
nothing leaks from one pair into the next is part of each lemma.
"""

from __future__ import annotations

from collections.abc import Callable

import z3

from proofs.claim import Lemmas, claim
from proofs.words import (
    HIGH_BITS,
    LOW_BITS,
    PAIRS,
    field,
    looked_up,
    popcount,
    strong_plane,
    swapped,
    widened,
    words,
)

CORRECTED, PUBLISHED = (-3, -1, 1, 3), (-2, -1, 1, 2)
"""What u = 0, 1, 2, 3 are worth."""

IN_X = (0, 1, 4, 5, 1, 2, 5, 6, 4, 5, 8, 9, 5, 6, 9, 10)
IN_Y = (0, 2, 2, 4, 2, 4, 4, 6, 2, 4, 4, 6, 4, 6, 6, 8)
EVEN_BYTES = 0x00FF_00FF_00FF_00FF

Word = z3.BitVecRef


def products(a: Word, b: Word, values: tuple[int, ...]) -> list[Word]:
    """Return w_a·w_b of every coordinate of two words."""
    return [
        looked_up(values, field(a, j, 2), 16) * looked_up(values, field(b, j, 2), 16)
        for j in range(PAIRS)
    ]


def weight(x: Word, y: Word, high: int = HIGH_BITS) -> Callable[[int, int], Word]:
    """Return pop(x) + 3·pop(x AND high) + 2·pop(y) of any field of two words."""

    def of(place: int, width: int) -> Word:
        in_x, in_high, in_y = (
            popcount(field(word, place, width)) for word in (x, x & high, y)
        )
        return in_x + 3 * in_high + 2 * in_y

    return of


@claim(
    "⟨w_a, w_b⟩ = 9·dim - 2·(pop(x) + 3·pop(x AND high) + 2·pop(y)) for values ±1, ±3, "
    "with x = a XOR b and y = a XOR swap(b)",
    "`reference/distance.py` `symmetric_dot`; `simd.h` `mismatch4`; "
    "`_numba/mismatches.py`",
    high=LOW_BITS,
)
def corrected_codes(high: int = HIGH_BITS) -> Lemmas:
    a, b = words("a b")
    of = weight(a ^ b, a ^ swapped(b), high)
    for j, product in enumerate(products(a, b, CORRECTED)):
        yield product == 9 - 2 * of(j, 2)


@claim(
    "⟨w_a, w_b⟩ = dim + |s_a| + |s_b| + |s_a AND s_b| - 2|z| - 2|z AND (s_a OR s_b)| "
    "- 4|z AND s_a AND s_b| for values ±1, ±2, with s the strong planes and z the high "
    "bits of a XOR b",
    "`reference/distance.py` `published`",
    twice=1,
)
def published_codes(twice: int = 2) -> Lemmas:
    a, b = words("a b")
    s_a, s_b, z = strong_plane(a), strong_plane(b), (a ^ b) & HIGH_BITS
    planes = s_a, s_b, s_a & s_b, z, z & (s_a | s_b), z & s_a & s_b
    for j, product in enumerate(products(a, b, PUBLISHED)):
        in_a, in_b, in_both, *opposed = (popcount(field(p, j, 2)) for p in planes)
        shared = in_a + in_b + in_both
        costs = 2 * opposed[0] + twice * opposed[1] + 4 * opposed[2]
        yield product == 1 + shared - costs


@claim(
    "Pairs past the last coordinate, all zero, change no distance: they add nothing to "
    "the popcounts of corrected codes, and 4 - ⟨w_a, w_b⟩ = 0 to a published one",
    "`reference/codes.py` `Codes`",
    value=-1,
)
def zero_padding(value: int = PUBLISHED[0]) -> Lemmas:
    a, b = words("a b")
    of = weight(a ^ b, a ^ swapped(b))
    for j in range(PAIRS):
        is_padding = z3.And(field(a, j, 2) == 0, field(b, j, 2) == 0)
        yield z3.Implies(is_padding, of(j, 2) == 0)
    yield z3.BoolVal(4 - value * value == 0)


@claim(
    "Two planes that use every second bit share a popcount: "
    "pop(s OR t >> 1) = pop(s) + pop(t) for s, t within the high bits",
    "`_simd/distance.h` `published`; `_numba/mismatches.py` `_count`",
    places=2,
)
def two_planes_in_one_popcount(places: int = 1) -> Lemmas:
    s, t = (word & HIGH_BITS for word in words("s t"))
    for j in range(PAIRS):
        joined = popcount(field(s | z3.LShR(t, places), j, 2))
        yield joined == popcount(field(s, j, 2)) + popcount(field(t, j, 2))


@claim(
    "A word of 32 published coordinates adds 96 - shared + 2·opposed = 4·32 - ⟨w_a, "
    "w_b⟩ to the distance, which is never negative",
    "`_numba/mismatches.py` `_grow_published`",
    alike=2,
)
def published_word(alike: int = 3) -> Lemmas:
    a, b = words("a b")
    s_a, s_b, z = strong_plane(a), strong_plane(b), (a ^ b) & HIGH_BITS
    shared_planes = s_a | z3.LShR(s_b, 1), s_a & s_b
    opposed_planes = z | z3.LShR(z & (s_a | s_b), 1), z & s_a & s_b, z & s_a & s_b
    for j, product in enumerate(products(a, b, PUBLISHED)):
        shared, opposed = (
            sum(popcount(field(plane, j, 2)) for plane in planes)
            for planes in (shared_planes, opposed_planes)
        )
        added = alike - shared + 2 * opposed
        yield z3.And(added == 4 - product, added >= 0)


@claim(
    "swap(b) = (b AND low) << 1 OR (b >> 1) AND low",
    "`_simd/simd_avx2.h` `swap_pairs_32`; `_simd/simd_avx512.h` `swap_pairs_64`",
    low=HIGH_BITS,
)
def swap_by_one_mask(low: int = LOW_BITS) -> Lemmas:
    (b,) = words("b")
    yield swapped(b) == ((b & low) << 1 | z3.LShR(b, 1) & low)


@claim(
    "Every byte of `weigh_bytes(x, y)` is pop(x) + 3·pop(x AND high) + 2·pop(y) of the "
    "byte, at most 36",
    "`_simd/simd_portable.h` `weigh_bytes`",
    moved=2,
)
def weighed_bytes(moved: int = 1) -> Lemmas:
    x, y = words("x y")
    pairs, nibbles = 0x3333_3333_3333_3333, 0x0F0F_0F0F_0F0F_0F0F
    twice = (z3.LShR(x, moved) & LOW_BITS) + (y - (z3.LShR(y, 1) & LOW_BITS))
    once = (x & pairs) + (z3.LShR(x, 2) & pairs)
    twice = (twice & pairs) + (z3.LShR(twice, 2) & pairs)
    once = (once + z3.LShR(once, 4)) & nibbles
    twice = (twice + z3.LShR(twice, 4)) & nibbles
    weighed, of = once + 2 * twice, weight(x, y)
    for place in range(8):
        byte = widened(field(weighed, place, 8))
        yield z3.And(byte == of(place, 8), z3.ULE(byte, 36))


@claim(
    "Eight words of bytes of at most 36 are summed without a carry between fields: of "
    "16 bits each, then (sums · 0001 0001 0001 0001) >> 48",
    "`_simd/simd_portable.h` `mismatch`",
    n_words=228,
)
def sums_of_weighed_bytes(n_words: int = 8) -> Lemmas:
    bytes_, sums = words("bytes sums")
    folded = (bytes_ & EVEN_BYTES) + (z3.LShR(bytes_, 8) & EVEN_BYTES)
    small = z3.And(*(z3.ULE(field(bytes_, place, 8), 36) for place in range(8)))
    for place in range(4):
        pair = [widened(field(bytes_, 2 * place + half, 8)) for half in (0, 1)]
        yield z3.Implies(small, field(folded, place, 16) == pair[0] + pair[1])
    most = n_words * 2 * 36
    fields = [field(sums, place, 16) for place in range(4)]
    total = sum((widened(one, 64) for one in fields[1:]), start=widened(fields[0], 64))
    added = z3.LShR(sums * 0x0001_0001_0001_0001, 48) == total
    yield z3.Implies(z3.And(*(z3.ULE(one, most) for one in fields)), added)


@claim(
    "The popcount by shifts, masks and one product is the number of ones",
    "`_simd/portable.h` `popcount`",
    byte_sum=0x0101_0101_0101_0100,
)
def portable_popcount(byte_sum: int = 0x0101_0101_0101_0101) -> Lemmas:
    word, counts = words("word counts")
    pairs, nibbles = 0x3333_3333_3333_3333, 0x0F0F_0F0F_0F0F_0F0F
    folded = word - (z3.LShR(word, 1) & LOW_BITS)
    folded = (folded & pairs) + (z3.LShR(folded, 2) & pairs)
    folded = (folded + z3.LShR(folded, 4)) & nibbles
    for place in range(8):
        yield field(folded, place, 8) == popcount(field(word, place, 8), 8)
    fields = [field(counts, place, 8) for place in range(8)]
    total = sum((widened(one, 64) for one in fields[1:]), start=widened(fields[0], 64))
    added = z3.LShR(counts * byte_sum, 56) == total
    yield z3.Implies(z3.And(*(z3.ULE(one, 8) for one in fields)), added)


@claim(
    "A lookup of each nibble weighs its bits: 1 and 4 in x, 2 and 2 in y; both nibbles "
    "of x and y are at most 36, and a shift of 16 bits serves both bytes",
    "`_simd/simd_avx2.h`, `_simd/simd_avx512.h` `weigh_nibbles`",
    in_y=IN_X,
)
def nibble_lookups(in_y: tuple[int, ...] = IN_Y) -> Lemmas:
    x, y = words("x y", 16)
    of = weight(x, y, HIGH_BITS & 0xFFFF)
    upper = [z3.LShR(word, 4) & 0x0F0F for word in (x, y)]
    lower = [word & 0x0F0F for word in (x, y)]
    for place in range(2):
        looked = [
            looked_up(table, field(nibbles[number], place, 8), 8)
            for nibbles in (lower, upper)
            for number, table in enumerate((IN_X, in_y))
        ]
        total = sum(looked[1:], start=looked[0])
        yield z3.And(widened(total) == of(place, 8), z3.ULE(total, 36))


@claim(
    "The place of the lowest one is pop(NOT w AND (w - 1)), for w not 0",
    "`_simd/portable.h` `lowest_bit`",
    less=2,
)
def lowest_bit(less: int = 1) -> Lemmas:
    (word,) = words("w")
    for place in range(64):
        is_lowest = z3.And(
            field(word, place, 1) == 1, word & z3.BitVecVal(2**place - 1, 64) == 0
        )
        yield z3.Implies(is_lowest, ~word & (word - less) == 2**place - 1)


@claim(
    "u = 2·sign + [strong = sign]: strong is NOT (high XOR low), and u XOR 1 is the "
    "same sign with the other strength",
    "`reference/encode.py` `encode`; `_simd/encode.h` `code_by_rank`",
    flip=2,
)
def sign_and_strength(flip: int = 1) -> Lemmas:
    sign, strong = words("sign strong", 1)

    def coded(strength: Word) -> Word:
        alike = z3.If(strength == sign, z3.BitVecVal(1, 2), z3.BitVecVal(0, 2))
        return 2 * widened(sign, 2) + alike

    u = coded(strong)
    yield ~(field(u, 1, 1) ^ field(u, 0, 1)) == strong
    yield u ^ flip == coded(~strong)
