"""Floats read as bits: the total order, magnitudes, and rounding by an addition."""

from __future__ import annotations

from types import FunctionType, SimpleNamespace
from unittest.mock import patch

import numpy as np
import z3

from proofs.c_text import Edit, Header
from proofs.claim import Lemmas, claim
from proofs.numbers import FLOAT, NEAREST, Real, Word, every_way
from proofs.words import signed, words
from quiver.reference import keys
from quiver.reference.keys import NO_ID, NO_KEY

BITS = {"float_bits": lambda x: x.view(np.uint32)}
"""What C does by a copy, and Numba by a cast."""


def floats(names: str) -> list[tuple[z3.BitVecRef, z3.FPRef]]:
    """Return unknown floats, as bits and as numbers."""
    return [(bits, z3.fpBVToFP(bits, FLOAT)) for bits in words(names, 32)]


def numba_key(distance: Real, row: Word) -> list[tuple[z3.BoolRef, Word]]:
    """Return the key that Numba makes, for each way through its branch."""
    from quiver.backends._numba.primitives import make_key

    casts = {
        f"uint{bits}": lambda x, b=bits: x.in_bits(b) if isinstance(x, Word) else x
        for bits in (32, 64)
    }
    names = {"np": SimpleNamespace(**casts, float32=np.float32), **BITS}
    return every_way(FunctionType(make_key.py_func.__code__, names), distance, row)


@claim(
    "The order of keys is that of (distance, id): key_a < key_b if and only if a < b, "
    "or a = b and id_a < id_b, for all floats but NaN, both zeros being equal",
    "`reference/keys.py` `make_keys`, called",
    sign_bit=0x4000_0000,
)
def order_of_keys(sign_bit: int = 0x8000_0000) -> Lemmas:
    (_, a), (_, b) = floats("a b")
    a_id, b_id = words("a_id b_id", 32)
    with patch.object(keys, "_SIGN_BIT", np.uint32(sign_bit)):
        made = [keys.make_keys(Real(x), Word(i)) for x, i in ((a, a_id), (b, b_id))]
    before = z3.Or(z3.fpLT(a, b), z3.And(z3.fpEQ(a, b), z3.ULT(a_id, b_id)))
    no_nan = z3.Not(z3.Or(z3.fpIsNaN(a), z3.fpIsNaN(b)))
    used = z3.And(a_id != int(NO_ID), b_id != int(NO_ID))
    in_order = z3.ULT(*(key.bits for key in made)) == before
    yield z3.Implies(z3.And(no_nan, used), in_order)
    # What marks an unused place sorts after every real key.
    yield z3.Implies(z3.And(no_nan, used), z3.ULT(made[0].bits, int(NO_KEY)))


@claim(
    "All backends make the same key, without NaN, and it gives distance and id back, "
    "-0.0 as 0.0",
    "`reference/keys.py` `make_keys`, `key_distances` and `key_ids`, called; "
    "`_simd/keys.h` `make_key`, `key_distance` and `key_id`, read; "
    "`_numba/primitives.py` `make_key`, called",
    edit=("(0 - (bits >> 31))", "(0 - (bits >> 30))"),
)
def keys_there_and_back(edit: Edit = None) -> Lemmas:
    (_, x), (row,) = floats("x")[0], words("id", 32)
    real = z3.And(z3.Not(z3.fpIsNaN(x)), row != int(NO_ID))
    key, header = keys.make_keys(Real(x), Word(row)), Header("keys.h", edit, BITS)
    yield z3.Implies(real, header.call("make_key", Real(x), Word(row)) == key)
    for way, other in numba_key(Real(x), Word(row)):
        yield z3.Implies(z3.And(real, way), other == key)
    plain = z3.fpToIEEEBV(z3.fpAdd(NEAREST, x, z3.FPVal(0.0, FLOAT)))
    found = keys.key_distances(key).view(np.uint32)
    yield z3.Implies(real, found == plain)
    yield z3.Implies(real, header.values("key_distance", key=key)["bits"] == plain)
    for back in (keys.key_ids(key), header.call("key_id", key)):
        yield back == row


@claim(
    "x + 0.0 has the bits of x, but for -0.0, which becomes 0.0",
    "`reference/keys.py` `make_keys`",
    added=-0.0,
)
def zero_added(added: float = 0.0) -> Lemmas:
    ((bits, x),) = floats("x")
    total = z3.fpAdd(NEAREST, x, z3.FPVal(added, FLOAT))
    normal = z3.If(bits == 0x8000_0000, z3.BitVecVal(0, 32), bits)
    yield z3.Implies(z3.Not(z3.fpIsNaN(x)), z3.fpToIEEEBV(total) == normal)


@claim(
    "|a| < |b| if and only if the bits without the sign are, for all floats but NaN",
    "`_simd/encode.h` `peak_of` and `code_by_rank`, read; `_numba/encode.py`",
    edit=("float_bits(r[j]) & ~SIGN_BIT", "float_bits(r[j]) & SIGN_BIT"),
)
def magnitudes_as_bits(edit: Edit = None) -> Lemmas:
    (_, a), (_, b) = floats("a b")
    no_nan = z3.Not(z3.Or(z3.fpIsNaN(a), z3.fpIsNaN(b)))
    smaller, header = z3.fpLT(z3.fpAbs(a), z3.fpAbs(b)), Header("encode.h", edit, BITS)
    for function, name in (("peak_of", "bits"), ("code_by_rank", "magnitudes[j]")):
        sizes = [header.last(function, name, r=[Real(x)], j=0).bits for x in (a, b)]
        yield z3.Implies(no_nan, smaller == (sizes[0] < sizes[1]))


@claim(
    "x + 1.5·2²³ has rint(x), halves to even, in its low bits, for |x| <= 256",
    "`_simd/encode.h` `rounded_bits`, read",
    edit=("x + 12582912.0f", "x + 8388608.0f"),
)
def rounding_by_an_addition(edit: Edit = None) -> Lemmas:
    ((_, x),) = floats("x")
    moved = Header("encode.h", edit, BITS).call("rounded_bits", Real(x)).bits
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
