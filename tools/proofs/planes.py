"""Signs and strengths of 2-bit codes, as planes, and the published distance."""

from __future__ import annotations

from proofs.c_text import Edit, Header
from proofs.claim import Lemmas, claim
from proofs.codes import grown_in_numba, in_pair, published_in_c, reference
from proofs.numbers import Word
from proofs.popcounts import products
from proofs.words import PAIRS, field, words
from quiver.reference.codes import code_bytes
from quiver.reference.distance import strong_plane

PUBLISHED = (-2, -1, 1, 2)
"""What u = 0, 1, 2, 3 are worth."""


@claim(
    "The strong plane has NOT (high XOR low) of every pair in its high bit, and "
    "nothing in its low one",
    "`reference/distance.py` `strong_plane`, called; `_simd/layout.h` `strong_plane`, "
    "read",
    edit=("word << 1) & HIGH_BITS", "word << 1) & LOW_BITS"),
)
def strong_planes(edit: Edit = None) -> Lemmas:
    (word,) = words("w")
    strong = strong_plane(Word(word))
    for j in range(PAIRS):
        high, low = (field(word, 2 * j + bit, 1) for bit in (1, 0))
        yield field(strong.bits, 2 * j + 1, 1) == ~(high ^ low)
        yield field(strong.bits, 2 * j, 1) == 0
    yield Header("layout.h", edit).call("strong_plane", Word(word)) == strong


@claim(
    "u = 2·sign + [strong = sign] is of this sign and strength, and u XOR 1 of the "
    "same sign and the other strength",
    "`_simd/encode.h` `code_by_mean` and `code_by_rank`, read; "
    "`reference/distance.py` `strong_plane`, called",
    edit=("u[j] ^= 1", "u[j] ^= 2"),
)
def sign_and_strength(edit: Edit = None) -> Lemmas:
    sign, strong = (Word(bit).in_bits(8) for bit in words("sign strong", 1))
    header = Header("encode.h", edit)
    for function, strength in (
        ("code_by_mean", strong),
        # What was below the threshold, made strong; or the other way.
        ("code_by_rank", strong ^ 1),
    ):
        known = header.values(function, sign=sign, strong=strong)
        u = known["scratch->u[j]"].in_bits(64)
        yield u >> 1 == sign
        yield strong_plane(u) & 3 == 2 * strength


@claim(
    "4·dim - ⟨w_a, w_b⟩ for values ±1, ±2 by the popcounts of strong planes s and of "
    "the high bits z of a XOR b: ⟨w_a, w_b⟩ = dim + |s_a| + |s_b| + |s_a AND s_b| "
    "- 2|z| - 2|z AND (s_a OR s_b)| - 4|z AND s_a AND s_b|; planes that share a "
    "popcount, one moved by a bit, are counted as two",
    "`reference/distance.py` `published`, called; `_simd/distance.h` `published`, "
    "read; `_numba/mismatches.py` `_grow_published`, called",
    edit=("opposed += 2 * popcount", "opposed += 1 * popcount"),
)
def published_codes(edit: Edit = None) -> Lemmas:
    a, b = map(Word, words("a b"))
    coded = 4 * code_bytes(1)
    for j, product in enumerate(products(a, b, PUBLISHED)):
        # Of the other pairs, whose bits are not counted, each adds 4 - 1.
        pair, others = (a, b, in_pair(j)), 3 * (PAIRS - 1)
        yield reference("published", *pair) == others + 4 - product
        yield grown_in_numba("_grow_published", *pair) == others + 4 - product
        found = published_in_c(*pair, edit)
        yield found.in_bits(16) == 3 * (coded - 1) + 4 - product
        yield product <= 4
