"""What hypothesis draws: sizes, hazards and a seed; NumPy does the rest.

The arrays come from `quiver.conformance.hazards`. Drawing them number by number would
be slower by orders of magnitude and shrink no better: what shrinks here is the
description.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import naive
import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from quiver import reference
from quiver._typing import Bits, Metric, Vectors, Weights
from quiver.conformance import hazards
from quiver.conformance.cases import KINDS
from quiver.errors import PrecisionWarning
from quiver.reference.codes import Codes, Queries, Transform
from quiver.reference.encode import unpack

dims = st.sampled_from(hazards.BOUNDARY_DIMS)
metrics = st.sampled_from(hazards.METRICS)
code_kinds = st.sampled_from(KINDS)
bit_widths = st.sampled_from([2, 4, 8])
graph_kinds = st.sampled_from(hazards.GRAPHS)
hazard_lists = st.lists(st.sampled_from(sorted(hazards.HAZARDS)), max_size=2)
rngs = st.integers(0, 2**32 - 1).map(np.random.default_rng)
# 64 is how rows are allocated; 16 is what numpy gives; 1 is a mapped foreign buffer.
row_offsets = st.sampled_from([0, 16, 8, 1])


@contextmanager
def told_of_tiny_squares(names: list[str], metric: Metric) -> Iterator[None]:
    """Let a build warn of vanishing squares, but only where hazards make them."""
    with warnings.catch_warnings():
        if {"square_underflows", "subnormal"} & {*names} and metric != "cosine":
            warnings.simplefilter("ignore", PrecisionWarning)
        yield


class Case(NamedTuple):
    """One drawn situation: vectors and queries with the transform fitted to them."""

    rng: Generator
    vectors: Vectors
    queries: Vectors
    transform: Transform
    bits: Bits
    weights: Weights

    def encode(self, vectors: Vectors) -> Codes:
        return reference.encode(vectors, self.transform, self.bits, self.weights)


class CodedCase(NamedTuple):
    """A case after encoding by the reference."""

    rng: Generator
    codes: Codes
    queries: Codes | Queries


@st.composite
def cases(draw: st.DrawFn, min_n: int = 0, max_n: int = 12) -> Case:
    rng = draw(rngs)
    dim, metric = draw(dims), draw(metrics)
    bits, weights = draw(code_kinds)
    names = draw(hazard_lists)
    vectors = hazards.make_vectors(rng, draw(st.integers(min_n, max_n)), dim, names)
    queries = hazards.make_vectors(rng, draw(st.integers(0, 3)), dim, names)
    if len(vectors) and len(queries) and draw(st.booleans()):
        queries[0] = vectors[0]
    transform = hazards.make_transform(
        *(rng, vectors, metric, hazards.make_coded_dim(rng, dim, bits)),
        center=draw(st.booleans()),
        rotate=draw(st.booleans()),
    )
    return Case(rng, vectors, queries, transform, bits, weights)


@st.composite
def coded_cases(draw: st.DrawFn, min_n: int = 0, max_n: int = 12) -> CodedCase:
    case = draw(cases(min_n, max_n))
    codes = case.encode(case.vectors)
    if draw(st.booleans()):
        queries: Codes | Queries = reference.quantize(
            case.queries, case.transform, case.bits
        )
    else:
        queries = case.encode(case.queries)
    rows = at_offset(codes.rows, draw(row_offsets))
    return CodedCase(case.rng, codes._replace(rows=rows), queries)


def at_offset(rows: np.ndarray, offset: int) -> np.ndarray:
    """Copy rows to a buffer that starts ``offset`` bytes after a cache line."""
    raw = np.zeros(rows.nbytes + 128, dtype=np.uint8)
    start = -raw.ctypes.data % 64 + offset
    copied = raw[start : start + rows.nbytes].view(rows.dtype).reshape(rows.shape)
    copied[:] = rows
    return copied


def plain_transform(metric: Metric, dim: int) -> Transform:
    """Return a transform that neither centres nor rotates."""
    zeros = np.zeros(dim, np.float32)
    return Transform(metric, zeros, np.zeros((0, dim), np.float32))


def random_codes(
    rng: Generator,
    n: int,
    dim: int,
    bits: Bits = 2,
    weights: Weights = "corrected",
) -> Codes:
    """Return the codes of normal vectors, not transformed."""
    vectors = rng.standard_normal((n, dim)).astype(np.float32)
    return reference.encode(vectors, plain_transform("euclidean", dim), bits, weights)


def to_naive(codes: Codes) -> list[naive.Code]:
    """Return rows as the second oracle has them."""
    levels = unpack(codes.packed, codes.dim, codes.bits).tolist()
    pairs = codes.corrections.tolist()
    kind = codes.bits, codes.weights
    return [naive.Code(u, *kind, *pair) for u, pair in zip(levels, pairs, strict=True)]
