"""The transform T of a row, as kernels; see `quiver.reference.transform`."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from quiver.backends._numba.lanes import lane_dot
from quiver.backends._numba.primitives import kernel, readonly, row_address, writable
from quiver.backends._numba.rerank import COSINE, EUCLIDEAN, MATRIX
from quiver.backends._numba.row_sums import load, long, shuffled, store
from quiver.reference.transform import SHORTEST

VECTOR = readonly(types.float32, 1)
BUFFER = writable(types.float32, 2)
PLACES = writable(types.int64, 1)
N_FLOATS = 8

_FLOATS = ir.VectorType(ir.FloatType(), N_FLOATS)


@kernel(PLACES(types.int64, types.int64))
def spread_places(dim, coded_dim):
    """Return where each value goes among the coordinates; divisions take long."""
    places = np.empty(dim, np.int64)
    for j in range(dim):
        places[j] = j * coded_dim // dim
    return places


@kernel(types.void(MATRIX, types.int64, types.int64, VECTOR, BUFFER))
def prepare(vectors, row, metric, mean, out):
    """Write the prepared vector less the mean into ``out[0]``."""
    factor = 1.0
    if metric != EUCLIDEAN:
        norm = np.sqrt(lane_dot(vectors, row, vectors, row))
        if metric == COSINE:
            factor = 1.0 / norm if norm > 0 else 0.0
        else:
            norm = max(norm, SHORTEST)
            factor = 1.0 / (norm * np.sqrt(norm))
    for j in range(vectors.shape[1]):
        out[0, j] = np.float32(np.float64(vectors[row, j]) * factor) - mean[j]


@intrinsic
def add_and_subtract(typing_context, buffer, a, b):
    """Write ``x + y`` and ``x - y`` where eight x and eight y are.

    A loop over these is scalar code for steps shorter than LLVM's vectors.
    """

    def generate(context, builder, signature, args):
        row = row_address(context, builder, signature.args[0], args[0], long(0))
        at, beside = (
            builder.add(row, builder.mul(place, long(4))) for place in args[1:]
        )
        x, y = load(builder, at, _FLOATS), load(builder, beside, _FLOATS)
        store(builder, builder.fadd(x, y), at)
        store(builder, builder.fsub(x, y), beside)
        return context.get_dummy_value()

    return types.void(buffer, types.int64, types.int64), generate


@intrinsic
def butterflies_of_8(typing_context, buffer, start):
    """Take the steps 1, 2 and 4 of eight floats."""

    def generate(context, builder, signature, args):
        row = row_address(context, builder, signature.args[0], args[0], long(0))
        at = builder.add(row, builder.mul(args[1], long(4)))
        floats = load(builder, at, _FLOATS)
        for h in (1, 2, 4):
            lower = shuffled(builder, floats, floats, [j & ~h for j in range(N_FLOATS)])
            upper = shuffled(builder, floats, floats, [j | h for j in range(N_FLOATS)])
            # The sum stays where h is no bit of the place, the difference elsewhere.
            chosen = [j if j & h == 0 else N_FLOATS + j for j in range(N_FLOATS)]
            both = builder.fadd(lower, upper), builder.fsub(lower, upper)
            floats = shuffled(builder, *both, chosen)
        store(builder, floats, at)
        return context.get_dummy_value()

    return types.void(buffer, types.int64), generate


@kernel(types.void(BUFFER, types.int64, types.int64))
def hadamard(buffer, first, p):
    """Take all steps of ``p`` floats of ``buffer[0]`` from one on, a power of two."""
    h = 1
    if p >= N_FLOATS:
        for start in range(first, first + p, N_FLOATS):
            butterflies_of_8(buffer, start)
        h = N_FLOATS
    while h < p:
        for start in range(first, first + p, 2 * h):
            if h >= N_FLOATS:
                for j in range(start, start + h, N_FLOATS):
                    add_and_subtract(buffer, j, j + h)
            else:
                for j in range(start, start + h):
                    a, b = buffer[0, j], buffer[0, j + h]
                    buffer[0, j] = a + b
                    buffer[0, j + h] = a - b
        h *= 2
    scale = np.float32(1.0 / np.sqrt(p))
    for j in range(first, first + p):
        buffer[0, j] *= scale


@kernel(types.void(BUFFER, readonly(types.float32, 2)))
def rotate(buffer, signs):
    """Rotate ``buffer[0]`` in place."""
    dim = buffer.shape[1]
    p = 1
    while 2 * p <= dim:
        p *= 2
    for round_number in range(signs.shape[0]):
        for j in range(dim):
            buffer[0, j] *= signs[round_number, j]
        hadamard(buffer, 0 if round_number == 0 else dim - p, p)


@kernel(
    types.void(
        *(MATRIX, types.int64, types.int64, VECTOR, MATRIX, PLACES, BUFFER, BUFFER)
    )
)
def transform_row(vectors, row, metric, mean, signs, places, prepared, out):
    """Write ``T(x)`` of one row into ``out[0]``; ``prepared`` is scratch."""
    prepare(vectors, row, metric, mean, prepared)
    out[:] = np.float32(0)
    for j in range(len(places)):
        out[0, places[j]] = prepared[0, j]
    rotate(out, signs)
