"""Floats read as bits: the total order, magnitudes, and rounding by an addition."""

from __future__ import annotations

import z3

from proofs.claim import Lemmas, claim
from proofs.words import signed, widened, words

FLOAT, NEAREST = z3.Float32(), z3.RNE()
SIGN_BIT = 0x8000_0000


def floats(names: str) -> list[tuple[z3.BitVecRef, z3.FPRef]]:
    """Return unknown floats, as bits and as numbers."""
    return [(bits, z3.fpBVToFP(bits, FLOAT)) for bits in words(names, 32)]


def normal_zero(bits: z3.BitVecRef) -> z3.BitVecRef:
    """Return the bits of x + 0.0, which makes 0.0 of -0.0 and changes nothing else."""
    return z3.If(bits == SIGN_BIT, z3.BitVecVal(0, 32), bits)


def ordered(bits: z3.BitVecRef) -> z3.BitVecRef:
    """Return the upper half of a key, as the reference makes it."""
    plain = normal_zero(bits)
    return z3.If(plain & SIGN_BIT != 0, ~plain, plain | SIGN_BIT)


@claim(
    "x + 0.0 has the bits of x, but for -0.0, which becomes 0.0",
    "`reference/keys.py` `make_keys`",
    added=-0.0,
)
def zero_added(added: float = 0.0) -> Lemmas:
    ((bits, x),) = floats("x")
    total = z3.fpAdd(NEAREST, x, z3.FPVal(added, FLOAT))
    same = z3.fpToIEEEBV(total) == normal_zero(bits)
    yield z3.Implies(z3.Not(z3.fpIsNaN(x)), same)


@claim(
    "The order of keys is that of (distance, id): key_a < key_b if and only if a < b, "
    "or a = b and id_a < id_b, for all floats but NaN, both zeros being equal",
    "`reference/keys.py`; `_simd/keys.h`; `_numba/primitives.py` `make_key`",
    shift=31,
)
def order_of_keys(shift: int = 32) -> Lemmas:
    (a_bits, a), (b_bits, b) = floats("a b")
    a_id, b_id = words("a_id b_id", 32)
    keys = [
        widened(ordered(bits), 64) << shift | widened(row, 64)
        for bits, row in ((a_bits, a_id), (b_bits, b_id))
    ]
    before = z3.Or(z3.fpLT(a, b), z3.And(z3.fpEQ(a, b), z3.ULT(a_id, b_id)))
    no_nan = z3.Not(z3.Or(z3.fpIsNaN(a), z3.fpIsNaN(b)))
    yield z3.Implies(no_nan, z3.ULT(*keys) == before)


@claim(
    "A key gives its distance and id back, and C's spelling without a branch makes the "
    "same key: bits XOR ((0 - (bits >> 31)) OR sign)",
    "`reference/keys.py` `key_distances`; `_simd/keys.h` `make_key`",
    moved=30,
)
def keys_there_and_back(moved: int = 31) -> Lemmas:
    (bits,) = words("x", 32)
    plain, upper = normal_zero(bits), ordered(bits)
    back = z3.If(upper & SIGN_BIT != 0, upper ^ SIGN_BIT, ~upper)
    yield back == plain
    yield plain ^ ((0 - z3.LShR(plain, moved)) | SIGN_BIT) == upper


@claim(
    "|a| < |b| if and only if the bits without the sign are, for all floats but NaN",
    "`_simd/encode.h` `strong_threshold`, `peak_of`; `_numba/encode.py`",
    mask=0xFFFF_FFFF,
)
def magnitudes_as_bits(mask: int = 0x7FFF_FFFF) -> Lemmas:
    (a_bits, a), (b_bits, b) = floats("a b")
    no_nan = z3.Not(z3.Or(z3.fpIsNaN(a), z3.fpIsNaN(b)))
    smaller = z3.fpLT(z3.fpAbs(a), z3.fpAbs(b))
    yield z3.Implies(no_nan, smaller == (a_bits & mask < b_bits & mask))


@claim(
    "x + 1.5·2²³ has rint(x), halves to even, in its low bits, for |x| <= 256",
    "`_simd/encode.h` `rounded_bits`",
    magic=8388608.0,
)
def rounding_by_an_addition(magic: float = 12582912.0) -> Lemmas:
    ((_, x),) = floats("x")
    moved = z3.fpToIEEEBV(z3.fpAdd(NEAREST, x, z3.FPVal(magic, FLOAT)))
    rounded = z3.fpToSBV(NEAREST, x, z3.BitVecSort(16))
    small = z3.fpLEQ(z3.fpAbs(x), z3.FPVal(256.0, FLOAT))
    yield z3.Implies(small, signed(z3.Extract(15, 0, moved)) == signed(rounded))


@claim(
    "Adding -b is subtracting b, and a + b is b + a, in every bit",
    "`_simd/simd_x86.h` `butterflies_of_8`",
    negated=False,
)
def butterflies(negated: bool = True) -> Lemmas:
    (_, a), (_, b) = floats("a b")
    added = z3.fpNeg(b) if negated else b
    yield z3.fpAdd(NEAREST, a, added) == z3.fpSub(NEAREST, a, b)
    yield z3.fpAdd(NEAREST, a, b) == z3.fpAdd(NEAREST, b, a)
