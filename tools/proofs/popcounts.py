"""Distances of two corrected 2-bit codes by XOR, AND and popcount.

The words are whole: shifts and masks act on 64 bits, and that nothing leaks from one
pair into the next is part of each lemma.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import z3

from proofs.c_text import Edit, Header
from proofs.claim import Lemmas, claim
from proofs.codes import grown_in_numba, in_pair, reference
from proofs.intrinsics import INTRINSICS
from proofs.numbers import Word
from proofs.words import (
    HIGH_BITS,
    LOW_BITS,
    PAIRS,
    field,
    looked_up,
    popcount,
    widened,
    words,
)
from quiver.reference.codes import CACHE_LINE
from quiver.reference.distance import _swap_pairs

CORRECTED = (-3, -1, 1, 3)
"""What u = 0, 1, 2, 3 are worth."""


def products(
    a: Word, b: Word, values: tuple[int, ...] = CORRECTED
) -> list[z3.BitVecRef]:
    """Return w_a·w_b of every coordinate of two words."""
    return [
        looked_up(values, field(a.bits, j, 2), 16)
        * looked_up(values, field(b.bits, j, 2), 16)
        for j in range(PAIRS)
    ]


def weight(x: Word, y: Word) -> Callable[[int, int], z3.BitVecRef]:
    """Return pop(x) + 3·pop(x AND high) + 2·pop(y) of any field of two words."""

    def of(place: int, width: int) -> z3.BitVecRef:
        in_x, in_high, in_y = (
            popcount(field(word.bits, place, width)) for word in (x, x & HIGH_BITS, y)
        )
        return in_x + 3 * in_high + 2 * in_y

    return of


@claim(
    "⟨w_a, w_b⟩ = 9·dim - 2·(pop(x) + 3·pop(x AND high) + 2·pop(y)) for values ±1, ±3, "
    "with x = a XOR b and y = a XOR swap(b)",
    "`reference/distance.py` `symmetric_dot`, called; `_numba/mismatches.py` "
    "`_grow_corrected`, called, which adds half of what is taken from 9·dim",
    high=LOW_BITS,
)
def corrected_codes(high: int = HIGH_BITS) -> Lemmas:
    a, b = map(Word, words("a b"))
    for j, product in enumerate(products(a, b)):
        pair = a, b, in_pair(j)
        yield reference("symmetric_dot", *pair, HIGH_BITS=high) == product
        less = grown_in_numba("_grow_corrected", *pair).in_bits(16)
        yield 9 - 2 * less == product


@claim(
    "What C weighs is x = a XOR b and y = a XOR swap(b), and it takes twice the weight "
    "from 9·dim",
    "`_simd/simd_portable.h` and `_simd/simd_avx2.h` `mismatch`, `_simd/distance.h` "
    "`symmetric4`, read",
    edit=("word_a ^ swap_pairs(word_b)", "word_b ^ swap_pairs(word_a)"),
)
def words_that_are_weighed(edit: Edit = None) -> Lemmas:
    a, b, weighed = map(Word, words("a b weighed"))
    x, y = a ^ b, a ^ _swap_pairs(b)
    weighs = {"weigh_bytes": lambda *pair: found.append(pair) or weighed}
    found: list[tuple[Word, Word]] = []
    Header("simd_portable.h", edit, weighs).values("mismatch", word_a=a, word_b=b)
    in_avx2 = Header("simd_avx2.h", given=INTRINSICS)
    known = in_avx2.values("mismatch", words_a=a, words_b=b)
    for one, other in (*found, (known["x"], known["y"])):
        yield one == x
        yield other == y
    total, dim = map(Word, words("total dim", 32))
    meaning = {
        "mismatch4": lambda *_: total,
        "linear4": lambda x, factor, offset: factor * x + offset,
    }
    query = SimpleNamespace(dim=dim, code=0)
    header = Header("distance.h", given=meaning)
    dot = header.values("symmetric4", query=query, rows=0, n_lines=1)["dot"]
    yield dot == 9 * dim - 2 * total


@claim(
    "Pairs past the last coordinate, all zero, change no distance: they add nothing to "
    "what is taken from 9·dim, and 4 - ⟨w_a, w_b⟩ = 0 to a published one",
    "`reference/distance.py` `symmetric_dot` and `published`, called",
    dim=1,
)
def zero_padding(dim: int = 0) -> Lemmas:
    a, b = map(Word, words("a b"))
    for j in range(PAIRS):
        pair = a, b, in_pair(j)
        padding = z3.And(*(field(word.bits, j, 2) == 0 for word in (a, b)))
        dot = reference("symmetric_dot", *pair, dim=dim)
        yield z3.Implies(padding, dot == 0)
        # All but one of 32 pairs add 3 for themselves.
        yield z3.Implies(padding, reference("published", *pair) == 3 * (PAIRS - 1))


@claim(
    "swap(b) has the two bits of every pair exchanged",
    "`reference/distance.py` `_swap_pairs`, called; `_simd/layout.h` `swap_pairs`, "
    "`_simd/simd_avx2.h` `swap_pairs_32`, `_simd/simd_avx512.h` `swap_pairs_64`, read",
    edit=("srli_epi64(words, 1), low", "srli_epi64(words, 1), words"),
)
def swapped_pairs(edit: Edit = None) -> Lemmas:
    b = Word(words("b")[0])
    swapped = _swap_pairs(b)
    for j in range(PAIRS):
        for bit in (0, 1):
            yield field(swapped.bits, 2 * j + bit, 1) == field(
                b.bits, 2 * j + 1 - bit, 1
            )
    yield Header("layout.h").call("swap_pairs", b) == swapped
    in_avx2 = Header("simd_avx2.h", edit, INTRINSICS)
    yield in_avx2.call("swap_pairs_32", b) == swapped
    in_avx512 = Header("simd_avx512.h", given=INTRINSICS)
    yield in_avx512.call("swap_pairs_64", b) == swapped


@claim(
    "Every byte of `weigh_bytes(x, y)` is pop(x) + 3·pop(x AND high) + 2·pop(y) of the "
    "byte, at most 36",
    "`_simd/simd_portable.h` `weigh_bytes`, read",
    edit=("(x >> 1 & LOW_BITS)", "(x >> 2 & LOW_BITS)"),
)
def weighed_bytes(edit: Edit = None) -> Lemmas:
    x, y = map(Word, words("x y"))
    weighed, of = (
        Header("simd_portable.h", edit).call("weigh_bytes", x, y),
        weight(x, y),
    )
    for place in range(8):
        byte = widened(field(weighed.bits, place, 8))
        yield z3.And(byte == of(place, 8), z3.ULE(byte, 36))


@claim(
    "The words of a line, whose bytes are at most 36, are summed without a carry "
    "between fields: of 16 bits each, then (sums · 0001 0001 0001 0001) >> 48",
    "`_simd/simd_portable.h` `mismatch`, read",
    n_words=228,
)
def sums_of_weighed_bytes(n_words: int = CACHE_LINE // 8) -> Lemmas:
    bytes_, sums = map(Word, words("bytes sums"))
    header = Header("simd_portable.h")
    folded = header.values("mismatch", bytes=bytes_)["sums"]
    small = z3.And(*(z3.ULE(field(bytes_.bits, place, 8), 36) for place in range(8)))
    for place in range(4):
        pair = [widened(field(bytes_.bits, 2 * place + half, 8)) for half in (0, 1)]
        yield z3.Implies(small, field(folded.bits, place, 16) == pair[0] + pair[1])
    most = n_words * 2 * 36
    fields = [field(sums.bits, place, 16) for place in range(4)]
    total = sum((widened(one, 64) for one in fields[1:]), start=widened(fields[0], 64))
    added = header.last("mismatch", "total", sums=sums) == total
    yield z3.Implies(z3.And(*(z3.ULE(one, most) for one in fields)), added)


@claim(
    "The popcount by shifts, masks and one product is the number of ones",
    "`_simd/portable.h` `popcount`, read",
    edit=("0x0101010101010101) >> 56", "0x0101010101010100) >> 56"),
)
def portable_popcount(edit: Edit = None) -> Lemmas:
    word, counts = map(Word, words("word counts"))
    header = Header("portable.h", edit)
    folded = header.values("popcount", word=word)["word"]
    for place in range(8):
        count = popcount(field(word.bits, place, 8), 8)
        yield field(folded.bits, place, 8) == count
    fields = [field(counts.bits, place, 8) for place in range(8)]
    total = sum((widened(one, 64) for one in fields[1:]), start=widened(fields[0], 64))
    added = header.last("popcount", "return", word=counts) == total
    yield z3.Implies(z3.And(*(z3.ULE(one, 8) for one in fields)), added)


@claim(
    "Lookups of nibbles, or popcounts by an instruction, weigh x and y as "
    "pop(x) + 3·pop(x AND high) + 2·pop(y); a byte is at most 36",
    "`_simd/simd_avx2.h` `mismatch` and `weigh_nibbles`, `_simd/simd_avx512.h` `weigh` "
    "in both ways, read",
    edit=("0, 2, 2, 4, 2,", "0, 2, 2, 4, 3,"),
)
def weighed_by_x86(edit: Edit = None) -> Lemmas:
    x, y = map(Word, words("x y"))
    of = weight(x, y)
    in_avx2 = Header("simd_avx2.h", edit, INTRINSICS).values("mismatch", x=x, y=y)
    in_avx512 = Header("simd_avx512.h", given=INTRINSICS)
    looked = in_avx512.values("weigh", version=1, x=x, y=y)
    for weighed in (in_avx2["bytes"], looked["bytes"]):
        for place in range(8):
            byte = widened(field(weighed.bits, place, 8))
            yield z3.And(byte == of(place, 8), z3.ULE(byte, 36))
    for j in range(PAIRS):
        counts = {**INTRINSICS, "_mm512_popcnt_epi64": in_pair(j)}
        yield Header("simd_avx512.h", given=counts).call("weigh", x, y) == of(j, 2)


@claim(
    "The place of the lowest one is pop(NOT w AND (w - 1)), for w not 0",
    "`_simd/portable.h` `lowest_bit`, read",
    edit=("(word - 1)", "(word - 2)"),
)
def lowest_bit(edit: Edit = None) -> Lemmas:
    (word,) = words("w")
    header = Header("portable.h", edit, {"popcount": lambda counted: counted})
    counted = header.call("lowest_bit", Word(word))
    for place in range(64):
        is_lowest = z3.And(
            field(word, place, 1) == 1, word & z3.BitVecVal(2**place - 1, 64) == 0
        )
        yield z3.Implies(is_lowest, counted == 2**place - 1)
