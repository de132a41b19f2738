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
from quiver.reference.lanes import N_LANES

_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))
_LANES = ir.VectorType(ir.DoubleType(), N_LANES)
# What an element is, its alignment, and how it becomes float64.
_ELEMENTS = {
    types.float32: (ir.FloatType(), 4, ir.IRBuilder.fpext),
    types.uint8: (_I8, 1, ir.IRBuilder.uitofp),
    types.int8: (_I8, 1, ir.IRBuilder.sitofp),
}


def _lane_sum(builder, dim, term):
    """Add ``term(type, number)`` of all coordinates by the lane rule."""
    lanes_at = cgutils.alloca_once_value(builder, ir.Constant(_LANES, None))
    n_whole = builder.lshr(dim, ir.Constant(_I64, 3))
    with cgutils.for_range(builder, n_whole) as loop:
        terms = term(_LANES, loop.index)
        builder.store(builder.fadd(builder.load(lanes_at), terms), lanes_at)
    start = builder.shl(n_whole, ir.Constant(_I64, 3))
    with cgutils.for_range(builder, builder.sub(dim, start)) as loop:
        last = term(ir.DoubleType(), builder.add(start, loop.index))
        lanes = builder.load(lanes_at)
        lane = builder.trunc(loop.index, _I32)
        grown = builder.fadd(builder.extract_element(lanes, lane), last)
        builder.store(builder.insert_element(lanes, grown, lane), lanes_at)
    return _fold(builder, builder.load(lanes_at))


def _lane_intrinsic(name, combine):
    """Return the intrinsic that sums ``combine(builder, x, y)`` over two rows."""

    def typed(typing_context, a, a_row, b, b_row):
        def generate(context, builder, signature, args):
            struct = context.make_array(signature.args[0])(context, builder, args[0])
            dim = cgutils.unpack_tuple(builder, struct.shape, 2)[1]
            a_address = row_address(context, builder, signature.args[0], *args[:2])
            b_address = row_address(context, builder, signature.args[2], *args[2:4])

            def term(wide, number):
                x = _widened(builder, a_address, a.dtype, wide, number)
                y = _widened(builder, b_address, b.dtype, wide, number)
                return combine(builder, x, y)

            return _lane_sum(builder, dim, term)

        return types.float64(a, types.int64, b, types.int64), generate

    typed.__name__ = typed.__qualname__ = name
    return intrinsic(typed)


def _square_difference(builder, x, y):
    difference = builder.fsub(x, y)
    return builder.fmul(difference, difference)


lane_dot = _lane_intrinsic("lane_dot", lambda builder, x, y: builder.fmul(x, y))
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
    """Add eight lanes by the fixed tree of the lane rule."""
    parts = [builder.extract_element(lanes, ir.Constant(_I32, k)) for k in range(8)]
    for stride in (4, 2, 1):
        parts = [builder.fadd(parts[k], parts[k + stride]) for k in range(stride)]
    return parts[0]
