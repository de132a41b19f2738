"""Inputs chosen by hazard, not by volume: what `quiver.verify` and the tests feed.

Dimensions sit on both sides of every boundary of the layout (bytes, words, blocks,
cache lines, lanes); values are those that break ties, roundings and divisions. All
is drawn from a seeded generator.

Source: the hazard list of bottleneck's ``array_generator``, rewritten for codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from quiver import reference
from quiver._typing import (
    Bits,
    Counts,
    Distances,
    Ids,
    KeptVectors,
    Keys,
    Mask,
    Metric,
    Neighbors,
    Vectors,
)
from quiver.reference.codes import Codes, Transform, capacity, least_lines
from quiver.reference.horizon import Horizon
from quiver.reference.keys import NO_ID, NO_KEY, make_keys
from quiver.reference.masks import make_mask, n_words
from quiver.reference.rerank import exact_distance
from quiver.reference.transform import prepare

# Around a byte, a word, half a block, a block (128) and the cache lines of a row; one
# dimension has a rotation of length 1, and the two rounds of 1025 nearly coincide.
BOUNDARY_DIMS = (
    *(1, 2, 3, 7, 8, 9, 31, 32, 33, 55, 56, 57, 64, 111, 112, 113, 119, 120, 121),
    *(128, 223, 224, 225, 239, 240, 241, 257, 384, 479, 480, 481, 513, 736, 992, 1025),
    1761,
)
METRICS: tuple[Metric, ...] = get_args(Metric)
FAR_LIMITS = np.array([-np.inf, -0.0, 0.0, np.inf], dtype=np.float32)
GRAPHS = ("random", "complete", "chain", "islands", "empty")


# Each hazard changes vectors in place and must cope with no rows at all.


def _all_equal(_: Generator, vectors: Vectors) -> None:
    vectors[:] = vectors[:1]


def _all_zero(_: Generator, vectors: Vectors) -> None:
    vectors[:] = 0


def _zero_row(rng: Generator, vectors: Vectors) -> None:
    vectors[_somewhere(rng, len(vectors))] = 0


def _signed_zeros(rng: Generator, vectors: Vectors) -> None:
    # Both count as negative, and neither may outrank the other by magnitude.
    vectors[rng.random(vectors.shape) < 0.3] = 0.0
    vectors[rng.random(vectors.shape) < 0.3] = -0.0


def _subnormal(_: Generator, vectors: Vectors) -> None:
    # The scale of a query overflows here; hardware set to flush would lose all.
    vectors *= np.float32(1e-42)


def _square_underflows(_: Generator, vectors: Vectors) -> None:
    vectors *= np.float32(1e-25)


def _one_huge(rng: Generator, vectors: Vectors) -> None:
    # The square, and the squared norm of a few thousand of them, still fit float32.
    vectors[_somewhere(rng, len(vectors)), _somewhere(rng, vectors.shape[1])] = 1e17


def _duplicates(rng: Generator, vectors: Vectors) -> None:
    n = len(vectors)
    vectors[:] = vectors[rng.integers(0, 1 + n // 2, n)] if n > 1 else vectors


def _constant_coordinate(rng: Generator, vectors: Vectors) -> None:
    vectors[:, _somewhere(rng, vectors.shape[1])] = 2.5


def _tied_magnitudes(rng: Generator, vectors: Vectors) -> None:
    vectors[:] = rng.choice([-1.0, -0.5, 0.5, 1.0], vectors.shape)


def _offset(_: Generator, vectors: Vectors) -> None:
    vectors += np.float32(5)


def _somewhere(rng: Generator, length: int) -> slice:
    start = int(rng.integers(0, max(1, length)))
    return slice(start, start + 1)


HAZARDS: dict[str, Callable[[Generator, Vectors], None]] = {
    "all_equal": _all_equal,
    "all_zero": _all_zero,
    "zero_row": _zero_row,
    "signed_zeros": _signed_zeros,
    "subnormal": _subnormal,
    "square_underflows": _square_underflows,
    "one_huge": _one_huge,
    "duplicates": _duplicates,
    "constant_coordinate": _constant_coordinate,
    "tied_magnitudes": _tied_magnitudes,
    "offset": _offset,
}


def make_vectors(rng: Generator, n: int, dim: int, hazards: Iterable[str]) -> Vectors:
    """Return normal float32 vectors after the named hazards, applied in order."""
    vectors = rng.standard_normal((n, dim)).astype(np.float32)
    for hazard in hazards:
        HAZARDS[hazard](rng, vectors)
    return vectors


def as_bytes(vectors: Vectors, dtype: Literal["uint8", "int8"]) -> KeptVectors:
    """Return rows of bytes with the hazards of vectors: zeros, ties and both ends."""
    numbers = np.clip(np.rint(50.0 * vectors), -128, 127).astype(np.int8)
    return numbers.view(dtype)


def make_coded_dim(rng: Generator, dim: int, bits: Bits) -> int:
    """Return how many coordinates to code: those of the vectors, or whole lines."""
    lines = least_lines(dim, bits) + int(rng.integers(0, 2))
    return rng.choice([dim, capacity(lines, bits)]).item()


def make_transform(
    rng: Generator,
    vectors: Vectors,
    scaling: Metric,
    coded_dim: int,
    *,
    center: bool,
    rotate: bool,
) -> Transform:
    """Return a transform fitted to ``vectors`` as an index would fit it."""
    mean = np.zeros(vectors.shape[1], np.float32)
    flips = rng.choice([-1, 1], (2 if rotate else 0, coded_dim))
    if center and len(vectors):
        prepared = prepare(vectors, scaling)
        mean = prepared.mean(axis=0, dtype=np.float64).astype(np.float32)
    return Transform(scaling, mean, flips.astype(np.float32))


def make_neighbors(rng: Generator, n: int, width: int, kind: str) -> Neighbors:
    """Return a graph of one of `GRAPHS`; rows hold ``width`` places, ``NO_ID`` last."""
    neighbors = np.full((n, width), NO_ID, dtype=np.uint32)
    for node, row in enumerate(neighbors):
        ids = _targets(rng, n, node, kind)[:width]
        row[: len(ids)] = ids
    return neighbors


def _targets(rng: Generator, n: int, node: int, kind: str) -> NDArray[np.integer]:
    if kind == "random":
        return rng.permutation(n)[: rng.integers(0, n + 1)]
    if kind == "chain":
        return np.arange(node + 1, min(node + 2, n))
    if kind == "islands":
        return np.setdiff1d(np.arange(node % 2, n, 2), [node])
    every_other = np.setdiff1d(np.arange(n), [node])
    return every_other if kind == "complete" else every_other[:0]


def make_new_edges(rng: Generator, n: int) -> tuple[Ids, Neighbors]:
    """Return some of n rows, ascending, and whom each has chosen, with holes.

    Of two rows or more at least one has chosen another.
    """
    is_source = rng.random(n) < rng.random()
    is_source[_somewhere(rng, n)] = True
    sources = np.flatnonzero(is_source).astype(np.uint32)
    width = int(rng.integers(min(2, n), n + 1))
    edges = np.full((len(sources), width), NO_ID, dtype=np.uint32)
    for source, row in zip(sources, edges, strict=True):
        ids = rng.permutation(n)[:width]
        row[:] = np.where(ids == source, NO_ID, ids)
    return sources, edges


def make_ids(rng: Generator, n: int, shape: tuple[int, int]) -> Ids:
    """Return row numbers below ``n`` with holes; only holes where ``n`` is 0."""
    ids = rng.integers(0, max(1, n), shape).astype(np.uint32)
    # random() stays below 1, so without rows every place is a hole.
    ids[rng.random(shape) < (0.2 if n else 1.0)] = NO_ID
    return ids


def make_bounds(
    rng: Generator,
    vectors: KeptVectors,
    queries: Vectors,
    candidates: Ids,
    metric: Metric,
) -> Distances:
    """Return bounds of candidates: their distances, a bit beside them, or none.

    Some are above the distance, as no true bound is: which rows are read must be
    the same even then.
    """
    bounds = rng.choice(np.array([-np.inf, np.inf], np.float32), candidates.shape)
    for row, query, ids in zip(bounds, queries, candidates, strict=True):
        used = np.flatnonzero((ids != NO_ID) & (rng.random(len(ids)) < 0.9))
        distances = exact_distance(vectors[ids[used]], query, metric)
        towards = rng.choice([-np.inf, np.inf], len(used)).astype(np.float32)
        beside = np.nextafter(distances, towards)
        row[used] = np.where(rng.random(len(used)) < 0.5, beside, distances)
    return bounds


def make_masks(rng: Generator, n: int, n_masks: int) -> Mask:
    """Return masks of n rows each: all, none, a single one, or a drawn share."""
    masks = np.zeros((n_masks, n_words(n)), dtype=np.uint64)
    for mask in masks:
        share = rng.choice([0.0, 0.1, 0.5, 1.0])
        is_allowed = rng.random(n) < share
        if rng.random() < 0.2:
            is_allowed = np.arange(n) == rng.integers(0, n)
        mask[:] = make_mask(is_allowed)
    return masks


def make_budgets(rng: Generator, n: int, n_queries: int) -> Counts:
    """Return budgets from none at all to more than n rows can use up."""
    # A walk that has not filled its beam stops at a part of its budget.
    budgets = rng.integers(0, n + 2, n_queries) * rng.choice([1, 15], n_queries)
    extremes = rng.choice([0, 1, 2**62], n_queries)
    return np.where(rng.random(n_queries) < 0.2, extremes, budgets)


def make_horizon(rng: Generator, ef: int) -> Horizon | None:
    """Return a horizon of any rank, past a full beam too; sometimes none."""
    if rng.random() < 0.3:
        return None
    factor = rng.choice([1.0, 1.0 + rng.random() / 10, 4 * rng.random() + 1, 1e6])
    return Horizon(int(rng.integers(1, ef + 3)), float(factor))


def make_limits(rng: Generator, distances: Distances) -> Distances:
    """Return a distance of each row of a matrix as its limit, some beyond all."""
    columns = rng.integers(0, distances.shape[1], (len(distances), 1))
    limits = np.take_along_axis(distances, columns, axis=1)[:, 0]
    extremes = rng.choice(FAR_LIMITS, len(limits))
    return np.where(rng.random(len(limits)) < 0.3, extremes, limits)


def make_prune_keys(
    rng: Generator, codes: Codes, n_targets: int, width: int, *, true_distances: bool
) -> Keys:
    """Return sorted candidates of random targets, from 0 to ``width`` in a row.

    Without ``true_distances`` they are drawn, negative and tied ones among them:
    a rule that recomputes instead of reading the key is found out.
    """
    keys = np.full((n_targets, width), NO_KEY, dtype=np.uint64)
    for row in keys:
        # A target is never among its own candidates: the contract says so.
        target, *others = rng.permutation(codes.n_rows).astype(np.uint32)
        ids = np.array(others[: rng.integers(0, width + 1)], dtype=np.uint32)
        distances = (
            reference.distance(codes, codes.take(target[None]), ids[None])[0]
            if true_distances
            else _drawn_distances(rng, len(ids))
        )
        row[: len(ids)] = np.sort(make_keys(distances, ids))
    return keys


def _drawn_distances(rng: Generator, n: int) -> Distances:
    # One decimal of a narrow spread ties often.
    spread = rng.choice([0.5, 50.0])
    return (spread * rng.standard_normal(n)).round(1).astype(np.float32)
