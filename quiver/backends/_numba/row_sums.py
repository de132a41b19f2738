"""Integer sums over one query and listed rows of codes, as LLVM vectors.

LLVM makes a loop over words of popcounts and byte products into neither of what
processors have for them, so the steps are given in its own terms. Four rows share every
load of the query and one folding of their sums. Sums of integers are exact: they depend
neither on the instructions chosen nor on the order of adding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quiver.backends._numba.primitives import row_address, row_bytes
from quiver.reference.codes import CACHE_LINE

N_ROWS = 4

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_FOUR_FLOATS = ir.VectorType(ir.FloatType(), N_ROWS)


class Steps(NamedTuple):
    """How the int32 sums of a row grow by one piece of it.

    ``prepare(builder, address, n_bytes, number)`` returns what all rows need of piece
    ``number`` of the query, whose planes have ``n_bytes`` each; and
    ``grow(builder, sums, piece, prepared)`` the next sums.
    """

    piece: ir.VectorType
    n_sums: int
    prepare: Callable[..., Any]
    grow: Callable[..., ir.Value]


def row_sums(steps_for: Callable[[str], Steps]) -> Any:
    """Make an intrinsic of the steps that suit the features of a processor.

    It writes ``factor·Σ + offset``, which fits in 32 bits, of the first ``count`` rows
    listed, as float32 or int32; Σ over their lines ``start`` to ``stop``.
    """

    @intrinsic
    def write_sums(
        typing_context,
        words,
        ids,
        count,
        query_words,
        query,
        start,
        stop,
        factor,
        offset,
        out,
    ):
        def generate(context, builder, signature, args):
            steps = steps_for(context.codegen().magic_tuple()[-1])
            _write_sums(context, builder, signature.args, args, steps)
            return context.get_dummy_value()

        number = types.int64
        return (
            types.void(
                *(words, ids, number, query_words, number, number, number),
                *(number, number, out),
            ),
            generate,
        )

    return write_sums


def _write_sums(context, builder, kinds, args, steps):
    words, _, count, query_words, query, start, stop, factor, offset, _ = args
    ids_at, out_at = (
        context.make_array(kinds[place])(context, builder, args[place]).data
        for place in (1, 9)
    )
    lines = start, stop
    query_at = row_address(context, builder, kinds[3], query_words, query)
    n_bytes = row_bytes(context, builder, kinds[0], words)
    factor, offset = (_four(builder, number) for number in (factor, offset))
    last = builder.sub(count, long(1))
    with cgutils.for_range_slice(builder, long(0), count, long(N_ROWS)) as (first, _):
        # Past the end the last row is measured again, to the same place.
        places = [
            _least(builder, builder.add(first, long(k)), last) for k in range(N_ROWS)
        ]
        ids = [builder.load(builder.gep(ids_at, [place])) for place in places]
        rows = [
            row_address(context, builder, kinds[0], words, builder.zext(row, I64))
            for row in ids
        ]
        sums = _sum_rows(builder, rows, query_at, n_bytes, lines, steps)
        found = builder.add(builder.mul(_fold_rows(builder, sums), factor), offset)
        if kinds[9].dtype == types.float32:
            found = builder.sitofp(found, _FOUR_FLOATS)
        for k, place in enumerate(places):
            value = builder.extract_element(found, ir.Constant(I32, k))
            builder.store(value, builder.gep(out_at, [place]))


def _sum_rows(builder, rows, query_at, n_bytes, lines, steps):
    """Return the sums of every row over some lines, not yet folded."""
    zero = ir.Constant(ir.VectorType(I32, steps.n_sums), None)
    sums_at = [cgutils.alloca_once(builder, zero.type) for _ in rows]
    for at in sums_at:
        builder.store(zero, at)
    n_piece = steps.piece.count * steps.piece.element.width // 8
    first, last = (builder.mul(at, long(CACHE_LINE // n_piece)) for at in lines)
    with cgutils.for_range(builder, last, start=first) as loop:
        start = builder.mul(loop.index, long(n_piece))
        asked = builder.add(query_at, start)
        prepared = steps.prepare(builder, asked, n_bytes, loop.index)
        for row, at in zip(rows, sums_at, strict=True):
            piece = load(builder, builder.add(row, start), steps.piece)
            builder.store(steps.grow(builder, builder.load(at), piece, prepared), at)
    return [builder.load(at) for at in sums_at]


def _fold_rows(builder, sums):
    """Add up each of four vectors, the way that costs x86 an instruction a step."""
    ab, cd = (_add_halves(builder, *sums[k : k + 2], 1) for k in (0, 2))
    folded = _add_halves(builder, ab, cd, 2)
    while folded.type.count > N_ROWS:
        half = folded.type.count // 2
        folded = builder.add(*(part(builder, folded, at, half) for at in (0, half)))
    return folded


def _add_halves(builder, a, b, size):
    """Add the pairs of every four; ``size`` numbers of ``a`` and ``b`` take turns."""

    def pairs(first):
        places = [
            side * a.type.count + start + first + group + place
            for start in range(0, a.type.count, 4)
            for group in range(0, 2, size)
            for side in (0, 1)
            for place in range(size)
        ]
        return shuffled(builder, a, b, places)

    return builder.add(pairs(0), pairs(2))


def long(value: int) -> ir.Constant:
    """Return an int64."""
    return ir.Constant(I64, value)


def every(kind: ir.VectorType, value: int) -> ir.Constant:
    """Return a vector of one number."""
    return ir.Constant(kind, [value] * kind.count)


def load(builder, address, kind):
    """Load a vector, wherever it is aligned."""
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def store(builder, vector, address):
    """Store a vector, wherever it is aligned."""
    builder.store(vector, builder.inttoptr(address, vector.type.as_pointer()), align=1)


def shuffled(builder, a, b, places):
    """Return the numbers at places of two vectors one behind the other."""
    kind = ir.VectorType(I32, len(places))
    return builder.shuffle_vector(a, b, ir.Constant(kind, list(places)))


def part(builder, vector, start, count):
    """Return ``count`` numbers of a vector from one on."""
    return shuffled(builder, vector, vector, range(start, start + count))


def call(builder, name, result, *operands):
    """Call what LLVM offers under a name."""
    kind = ir.FunctionType(result, [operand.type for operand in operands])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, operands)


def _four(builder, number):
    """Return a vector of one int64 as int32."""
    kind = ir.VectorType(I32, N_ROWS)
    empty = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(empty, builder.trunc(number, I32), ir.Constant(I32, 0))
    return builder.shuffle_vector(one, empty, ir.Constant(kind, None))


def _least(builder, a, b):
    return builder.select(builder.icmp_signed("<", a, b), a, b)
