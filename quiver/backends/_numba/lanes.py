"""Lane sums of two rows as LLVM intrinsics; see `quiver.reference.lanes`.

Eight float64 lanes are one LLVM vector, so the rule costs what the memory costs. No
operation carries a fast-math flag: none is fused or reordered. Rows are float32 or
bytes.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quiver.backends._numba.primitives import row_address
from quiver.backends._numba.row_sums import part
from quiver.reference.lanes import N_LANES

_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))
_LANES = ir.VectorType(ir.DoubleType(), N_LANES)
# What an element is, its alignment, and how it becomes float64.
_ELEMENTS = {
    types.float32: (ir.FloatType(), 4, ir.IRBuilder.fpext),
    types.uint8: (_I8, 1, ir.IRBuilder.uitofp),
    types.int8: (_I8, 1, ir.IRBuilder.sitofp),
}


def _lane_sums(builder, dim, n_sums, terms):
    """Add each of ``terms(type, number)`` over all coordinates by the lane rule."""
    zero = ir.Constant(_LANES, None)
    sums_at = [cgutils.alloca_once_value(builder, zero) for _ in range(n_sums)]
    n_whole = builder.lshr(dim, ir.Constant(_I64, 3))
    with cgutils.for_range(builder, n_whole) as loop:
        for at, term in zip(sums_at, terms(_LANES, loop.index), strict=True):
            builder.store(builder.fadd(builder.load(at), term), at)
    start = builder.shl(n_whole, ir.Constant(_I64, 3))
    with cgutils.for_range(builder, builder.sub(dim, start)) as loop:
        lane = builder.trunc(loop.index, _I32)
        last = terms(ir.DoubleType(), builder.add(start, loop.index))
        for at, term in zip(sums_at, last, strict=True):
            lanes = builder.load(at)
            grown = builder.fadd(builder.extract_element(lanes, lane), term)
            builder.store(builder.insert_element(lanes, grown, lane), at)
    return [_fold(builder, builder.load(at)) for at in sums_at]


def _lane_intrinsic(name, *combine):
    """Return the intrinsic that sums each ``combine(builder, x, y)`` over two rows."""

    def typed(typing_context, a, a_row, b, b_row):
        result = types.float64
        if len(combine) > 1:
            result = types.UniTuple(result, len(combine))

        def generate(context, builder, signature, args):
            struct = context.make_array(signature.args[0])(context, builder, args[0])
            dim = cgutils.unpack_tuple(builder, struct.shape, 2)[1]
            a_address = row_address(context, builder, signature.args[0], *args[:2])
            b_address = row_address(context, builder, signature.args[2], *args[2:4])

            def terms(wide, number):
                x = _widened(builder, a_address, a.dtype, wide, number)
                y = _widened(builder, b_address, b.dtype, wide, number)
                return [term(builder, x, y) for term in combine]

            sums = _lane_sums(builder, dim, len(combine), terms)
            if len(combine) == 1:
                return sums[0]
            return context.make_tuple(builder, result, sums)

        return result(a, types.int64, b, types.int64), generate

    typed.__name__ = typed.__qualname__ = name
    return intrinsic(typed)


def _product(builder, x, y):
    return builder.fmul(x, y)


def _square(builder, x, y):
    del y
    return builder.fmul(x, x)


def _square_difference(builder, x, y):
    difference = builder.fsub(x, y)
    return builder.fmul(difference, difference)


lane_dot = _lane_intrinsic("lane_dot", _product)
lane_dot_and_norm2 = _lane_intrinsic("lane_dot_and_norm2", _product, _square)
lane_squared_difference = _lane_intrinsic("lane_squared_difference", _square_difference)


def _widened(builder, address, dtype, wide, number):
    """Load number ``number`` of a row, or of its vectors, as float64."""
    kind, align, widen = _ELEMENTS[dtype]
    if wide is _LANES:
        kind = ir.VectorType(kind, N_LANES)
    pointer = builder.inttoptr(address, kind.as_pointer())
    place = builder.gep(pointer, [number], source_etype=kind)
    return widen(builder, builder.load(place, align=align), wide)


def _fold(builder, lanes):
    """Add eight lanes by the fixed tree of the lane rule: halves, as vectors."""
    for half in (4, 2, 1):
        lanes = builder.fadd(
            part(builder, lanes, 0, half), part(builder, lanes, half, half)
        )
    return builder.extract_element(lanes, ir.Constant(_I32, 0))
