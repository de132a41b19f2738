"""What hypothesis draws: sizes, hazards and a seed; NumPy does the rest.

The arrays come from `quiver.conformance.hazards`. Drawing them number by number would
be slower by orders of magnitude and shrink no better: what shrinks here is the
description.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from quiver import reference
from quiver._typing import Metric, Vectors
from quiver.conformance import hazards
from quiver.reference.codes import Codes, Queries, Transform, code_bytes, row_bytes

dims = st.sampled_from(hazards.BOUNDARY_DIMS)
metrics = st.sampled_from(hazards.METRICS)
strong_values = st.sampled_from([3, 2])
graph_kinds = st.sampled_from(hazards.GRAPHS)
hazard_lists = st.lists(st.sampled_from(sorted(hazards.HAZARDS)), max_size=2)
rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)
# 64 is how rows are allocated; 16 is what numpy gives; 1 is a mapped foreign buffer.
row_offsets = st.sampled_from([0, 16, 8, 1])


class Case(NamedTuple):
    """One drawn situation: vectors and queries with the transform fitted to them."""

    rng: Generator
    vectors: Vectors
    queries: Vectors
    transform: Transform


class CodedCase(NamedTuple):
    """A case after encoding by the reference."""

    rng: Generator
    codes: Codes
    queries: Codes | Queries


@st.composite
def cases(draw: st.DrawFn, min_n: int = 0, max_n: int = 12) -> Case:
    rng = draw(rngs)
    dim, metric = draw(dims), draw(metrics)
    names = draw(hazard_lists)
    vectors = hazards.make_vectors(rng, draw(st.integers(min_n, max_n)), dim, names)
    queries = hazards.make_vectors(rng, draw(st.integers(0, 3)), dim, names)
    if len(vectors) and len(queries) and draw(st.booleans()):
        queries[0] = vectors[0]
    transform = hazards.make_transform(
        rng, vectors, metric, center=draw(st.booleans()), rotate=draw(st.booleans())
    )
    return Case(rng, vectors, queries, transform)


@st.composite
def coded_cases(draw: st.DrawFn, min_n: int = 0, max_n: int = 12) -> CodedCase:
    rng, vectors, raw_queries, transform = draw(cases(min_n, max_n))
    codes = reference.encode(vectors, transform, draw(strong_values))
    if draw(st.booleans()):
        queries: Codes | Queries = reference.quantize(raw_queries, transform)
    else:
        queries = reference.encode(raw_queries, transform, codes.strong)
    return CodedCase(rng, at_offset(codes, draw(row_offsets)), queries)


def at_offset(codes: Codes, offset: int) -> Codes:
    """Copy the rows to a buffer that starts ``offset`` bytes after a cache line."""
    raw = np.zeros(codes.rows.size + 128, dtype=np.uint8)
    start = -raw.ctypes.data % 64 + offset
    rows = raw[start : start + codes.rows.size].reshape(codes.rows.shape)
    rows[:] = codes.rows
    return codes._replace(rows=rows)


def plain_transform(metric: Metric, dim: int) -> Transform:
    """Return a transform that neither centres nor rotates."""
    zeros = np.zeros(dim, np.float32)
    return Transform(metric, zeros, np.zeros((0, dim), np.float32))


def random_codes(rng: Generator, n: int, dim: int, strong: int = 3) -> Codes:
    """Return the codes of normal vectors, not transformed."""
    vectors = rng.standard_normal((n, dim)).astype(np.float32)
    codes = reference.encode(vectors, plain_transform("euclidean", dim), strong)
    assert codes.rows.shape == (n, row_bytes(dim))
    assert codes.codes.shape == (n, code_bytes(dim))
    return codes
