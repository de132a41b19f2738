"""Distances by products of bytes: int8 queries and wide codes, in narrow registers."""

from __future__ import annotations

import z3

from proofs.c_text import Edit, Header
from proofs.claim import Lemmas, claim
from proofs.words import field, signed, widened, words
from quiver.reference.codes import VALUES, capacity, least_lines
from quiver.validation.checks import MAX_DIM

INT16, INT32 = 2**15 - 1, 2**31 - 1


@claim(
    "v·w = factor·(v·u) - offset·v for w = factor·u - offset, and every w is an int8: "
    "⟨v, w⟩ = 2·⟨v, u⟩ - 3·Σv, 2·⟨v, u⟩ - 15·Σv or ⟨v, u⟩ - 128·Σv",
    "`reference/codes.py` `VALUES`, which the reference and Numba use; "
    "`_simd/layout.h` `value_factor` and `value_offset`, read",
    values={**VALUES, 8: (1, 127)},
)
def values_linear_in_u(values: dict[int, tuple[int, int]] = VALUES) -> Lemmas:
    (v,), layout = words("v", 8), Header("layout.h")
    for bits, (factor, offset) in values.items():
        in_c = (layout.call(name, bits) for name in ("value_factor", "value_offset"))
        yield z3.BoolVal((factor, offset) == tuple(in_c))
        (u,) = words("u", bits)
        w = factor * widened(u, 32) - offset
        yield signed(v) * w == factor * (signed(v) * widened(u, 32)) - offset * signed(
            v
        )
        yield w == signed(z3.Extract(7, 0, w))


@claim(
    "What is summed in an int16 fits: pairs of all planes of a byte (AVX2, AVX-512), "
    "all planes of a byte (Numba), and 21 or 8 pieces of 16 bytes (portable C), even "
    "with v = -128",
    "`dot_values` of `_simd/*.h`; `_simd/simd_portable.h` `widest_run`, read; "
    "`_numba/products.py`",
    edit=("bits == 2 ? 21 : 8", "bits == 2 ? 22 : 8"),
)
def sums_in_16_bits(edit: Edit = None) -> Lemmas:
    header = Header("simd_portable.h", edit)
    planes = {2: 4, 4: 2, 8: 1}
    for bits in (2, 4, 8):
        u, v = words("u", bits)[0], words("v", 8)[0]
        most, product = 128 * (2**bits - 1), widened(u, 32) * signed(v)
        yield z3.And(product <= most, product >= -most)
        yield z3.BoolVal(planes[bits] * most <= INT16)
        if bits < 8:
            yield z3.BoolVal(2 * planes[bits] * most <= INT16)
            run = header.call("widest_run", bits)
            yield z3.BoolVal(run * planes[bits] * most <= INT16)


@claim(
    "An 8-bit u is two nibbles of the same v: v·u = v·(u AND 15) + 16·v·(u >> 4)",
    "`_simd/simd_avx2.h`, `_simd/simd_avx512.h` `dot_values`",
    moved=3,
)
def nibbles_of_a_byte(moved: int = 4) -> Lemmas:
    u, v = words("u v", 8)
    lower, upper = widened(u & 15, 32), widened(z3.LShR(u, moved), 32)
    yield signed(v) * widened(u, 32) == signed(v) * lower + (signed(v) * upper << 4)


@claim(
    "A pair of bits taken in place is worth 4 times itself, and so is its sum, which "
    "one shift with sign brings back",
    "`_simd/simd_avx512.h` `add_line`",
    upper=8,
)
def pairs_in_place(upper: int = 12) -> Lemmas:
    byte, v = words("byte v", 8)
    u = widened(field(byte, 1, 2), 32)
    yield signed(v) * widened(byte & upper, 32) == 4 * (signed(v) * u)
    (total,) = words("total", 32)
    fits = z3.And(total < 2**29, total >= -(2**29))
    yield z3.Implies(fits, (4 * total) >> 2 == total)


@claim(
    "A shift of 16 bits and a mask take the same bits of both bytes",
    "`dot_values` of `_simd/*.h`; `_numba/products.py` `_field`",
    mask=0x0707,
)
def fields_of_two_bytes(mask: int = 0x0303) -> Lemmas:
    (both,) = words("both", 16)
    for shift in (0, 2, 4, 6):
        moved = z3.LShR(both, shift) & mask
        for place in range(2):
            byte = field(both, place, 8)
            yield field(moved, place, 8) == z3.LShR(byte, shift) & 3


@claim(
    "Sums over the longest rows fit an int32, for every width of code: Σ u·v, four "
    "times it where pairs are taken in place, factor·Σ u·v, offset·Σv and ⟨v, w⟩",
    "`protocol.py` `distance`",
    most_dim=10 * MAX_DIM,
)
def sums_in_32_bits(most_dim: int = MAX_DIM) -> Lemmas:
    for bits, (factor, offset) in VALUES.items():
        dim = capacity(least_lines(most_dim, bits), bits)
        most_u = 2**bits - 1
        in_place = 4 if bits == 2 else 1
        most_w = max(offset, factor * most_u - offset)
        # Σ u·v, times what is multiplied with it; offset·Σv; Σ v·w.
        for most in (in_place * most_u, factor * most_u, offset, most_w):
            yield z3.BoolVal(dim * 127 * most <= INT32)
