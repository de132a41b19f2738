"""Lane sums of two float32 rows as LLVM intrinsics; see `quiver.reference.lanes`.

Eight float64 lanes are one LLVM vector, so the rule costs what the memory costs. No
operation carries a fast-math flag: none is fused or reordered.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quiver.backends._numba.primitives import row_address
from quiver.reference.lanes import N_LANES

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_LANES = ir.VectorType(ir.DoubleType(), N_LANES)


def _lane_sum(builder, dim, term):
    """Add ``term(kind, wide type, number)`` of all coordinates by the lane rule."""
    lanes_at = cgutils.alloca_once_value(builder, ir.Constant(_LANES, None))
    n_whole = builder.lshr(dim, ir.Constant(_I64, 3))
    with cgutils.for_range(builder, n_whole) as loop:
        terms = term(ir.VectorType(ir.FloatType(), N_LANES), _LANES, loop.index)
        builder.store(builder.fadd(builder.load(lanes_at), terms), lanes_at)
    start = builder.shl(n_whole, ir.Constant(_I64, 3))
    with cgutils.for_range(builder, builder.sub(dim, start)) as loop:
        last = term(ir.FloatType(), ir.DoubleType(), builder.add(start, loop.index))
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

            def term(kind, wide, number):
                x = builder.fpext(_element(builder, a_address, kind, number), wide)
                y = builder.fpext(_element(builder, b_address, kind, number), wide)
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


def _element(builder, address, kind, number):
    """Load float or vector ``number`` of a row, wherever it is aligned."""
    pointer = builder.inttoptr(address, kind.as_pointer())
    return builder.load(builder.gep(pointer, [number], source_etype=kind), align=4)


def _fold(builder, lanes):
    """Add eight lanes by the fixed tree of the lane rule."""
    parts = [builder.extract_element(lanes, ir.Constant(_I32, k)) for k in range(8)]
    for stride in (4, 2, 1):
        parts = [builder.fadd(parts[k], parts[k + stride]) for k in range(stride)]
    return parts[0]
