"""Sums of products of coded rows and int8 queries, by what the processor has for them.

x86 multiplies bytes and adds neighbouring products in one instruction, which LLVM does
not find in loops; so this is where its intrinsics are named. Elsewhere, as on ARM, the
same sum is written in what every processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

from llvmlite import ir

from quiver.backends._numba.row_sums import (
    I8,
    I16,
    Steps,
    call,
    every,
    load,
    part,
    row_sums,
)


class Multiply(NamedTuple):
    """How products of bytes, u without a sign and v with one, grow int32 sums.

    ``grow(builder, sums, us, vs)`` gets all planes of one piece.
    """

    piece_bytes: int
    n_sums: int
    grow: Callable[..., ir.Value]


def products(bits: int, multiply: Multiply | None = None) -> Any:
    """Make Σ v_j·u_j of coded rows and an int8 query; see `row_sums`.

    Every shift of a row's bytes lines up with one plane of values; beside the
    corrections these are zero.
    """

    def steps_for(features):
        chosen = multiply or multiply_for(features)
        piece = ir.VectorType(I8, chosen.piece_bytes)
        shifts = range(0, 8, bits)

        def prepare(builder, address, n_bytes, number):
            del number
            planes = []
            for _ in shifts:
                planes.append(load(builder, address, piece))
                address = builder.add(address, n_bytes)
            return planes

        def grow(builder, sums, coded, planes):
            fields = [_field(builder, coded, bits, shift) for shift in shifts]
            return chosen.grow(builder, sums, fields, planes)

        return Steps(piece, chosen.n_sums, prepare, grow)

    return row_sums(steps_for)


def multiply_for(features: str) -> Multiply:
    """Return what suits a processor, by its features as LLVM lists them."""
    there = set(features.split(","))
    if {"+avx512vnni", "+avx512bw"} <= there:
        return BY_FOURS
    return BY_PAIRS if "+avx2" in there else ONE_BY_ONE


def _field(builder, coded, bits, shift):
    """Return some bits of every byte; x86 can shift pairs of bytes, but no bytes."""
    if bits == 8:
        return coded
    pairs = ir.VectorType(I16, coded.type.count // 2)
    moved = builder.lshr(builder.bitcast(coded, pairs), every(pairs, shift))
    mask = every(coded.type, (1 << bits) - 1)
    return builder.and_(builder.bitcast(moved, coded.type), mask)


def _grow_by_fours(builder, sums, us, vs):
    """VNNI adds four products to a sum, in one instruction a plane."""
    name = "llvm.x86.avx512.vpdpbusd.512"
    for u, v in zip(us, vs, strict=True):
        # LLVM 21 takes bytes, and makes them of the integers that it took before.
        as_ints = (builder.bitcast(x, sums.type) for x in (u, v))
        sums = call(builder, name, sums.type, sums, *as_ints)
    return sums


def _grow_by_pairs(builder, sums, us, vs):
    """AVX2: 16 bits hold the pairs of all planes, if no u has more than four."""
    if len(us) == 1:
        return _grow_widened(builder, sums, us[0], vs[0])
    name, words = "llvm.x86.avx2.pmadd.ub.sw", ir.VectorType(I16, 16)
    pairs = [call(builder, name, words, u, v) for u, v in zip(us, vs, strict=True)]
    return _add_pairs(builder, sums, reduce(builder.add, pairs), every(words, 1))


def _grow_widened(builder, sums, u, v):
    wide = ir.VectorType(I16, 32)
    u, v = builder.zext(u, wide), builder.sext(v, wide)
    for start in (0, 16):
        halves = (part(builder, x, start, 16) for x in (u, v))
        sums = _add_pairs(builder, sums, *halves)
    return sums


def _add_pairs(builder, sums, a, b):
    name = "llvm.x86.avx2.pmadd.wd"
    return builder.add(sums, call(builder, name, sums.type, a, b))


def _grow_one_by_one(builder, sums, us, vs):
    """All planes of a byte reach 1 524, 3 810 or 32 385: 16 bits hold them."""
    wide = ir.VectorType(I16, 32)
    each = [
        builder.mul(builder.zext(u, wide), builder.sext(v, wide))
        for u, v in zip(us, vs, strict=True)
    ]
    total = reduce(builder.add, each)
    for start in (0, 16):
        half = part(builder, total, start, 16)
        sums = builder.add(sums, builder.sext(half, sums.type))
    return sums


BY_FOURS = Multiply(64, 16, _grow_by_fours)
BY_PAIRS = Multiply(32, 8, _grow_by_pairs)
ONE_BY_ONE = Multiply(32, 16, _grow_one_by_one)
