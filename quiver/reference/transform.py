"""Transform: from a caller's vector to the coordinates that are coded.

``T(x) = Q·S(prepare(x) - mean)``: the preparation of the metric, centring, spreading
over as many coordinates as a row's cache lines hold, and a rotation made of sign flips
and Hadamard butterflies. Only codes see it; stored
vectors and the re-rank stay the caller's own.

The paper codes unit vectors as they are; centring and rotation are quiver's
departure, and ``Encoding.paper()`` has neither. See docs/algorithm/transform.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyVectors, Distances, InChunks, Lanes, Metric, Vectors
from quiver.reference.codes import Transform
from quiver.reference.lanes import N_LANES, fold_lanes, squared_norms

BLOCK_ROWS = 512
"""Rows prepared at a time: their float64 temporaries stay in the cache."""

SUMMED_ROWS = 4 * BLOCK_ROWS
"""Prepared rows held at once while their mean is taken."""

FAR, MEDIAN_ROWS = 100.0, 1024
"""Times the usual squared distance from the middle, and rows that say where it is."""

T = TypeVar("T")

SHORTEST = 1e-24
"""Smaller norms count as this under inner product, so that no factor overflows."""


def query_transform(transform: Transform, metric: Metric) -> Transform:
    """Return the transform of queries: that of the rows, but for inner product.

    ⟨q, x - mean⟩ ranks like ⟨q, x⟩, but (q - mean) would not.
    """
    if metric != "inner_product":
        return transform
    return transform._replace(mean=np.zeros_like(transform.mean))


def prepare(vectors: Vectors, metric: Metric) -> Vectors:
    """Scale vectors to the points whose Euclidean neighbours serve the metric.

    cosine: to unit norm; a zero vector stays zero. euclidean: not at all.
    inner_product: to ``x / ‖x‖^1.5``. Rows of large norm get short, so they gain
    in-edges; quiver's own rule, measured in docs/algorithm/transform.md. The factor
    is computed in float64 and each product rounded to float32 once.
    """
    if metric == "euclidean":
        return vectors
    norms = np.sqrt(squared_norms(vectors))
    if metric == "cosine":
        factors = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    else:
        norms = np.maximum(norms, SHORTEST)
        factors = 1.0 / (norms * np.sqrt(norms))
    return (vectors.astype(np.float64) * factors[:, None]).astype(np.float32)


def rotate(vectors: Vectors, signs: Distances) -> Vectors:
    """Apply the rounds of sign flips and Hadamard transforms; an orthogonal map.

    Round 0 transforms the first ``p = 2^floor(log2 dim)`` coordinates, round 1 the
    last p, so that together they mix all of them in O(dim log dim).
    """
    dim = vectors.shape[1]
    p = 1 << (dim.bit_length() - 1)
    rotated = vectors.copy()
    for round_number, round_signs in enumerate(signs):
        rotated *= round_signs
        first = 0 if round_number == 0 else dim - p
        rotated[:, first : first + p] = _hadamard(rotated[:, first : first + p])
    return rotated


def _hadamard(block: Vectors) -> Vectors:
    """Run the butterfly h = 1, 2, 4, … in float32, then scale by ``1/sqrt(p)``."""
    n, p = block.shape
    h = 1
    while h < p:
        pairs = block.reshape(n, p // (2 * h), 2, h)
        a, b = pairs[:, :, 0], pairs[:, :, 1]
        block = np.stack([a + b, a - b], axis=2).reshape(n, p)
        h *= 2
    return block * np.float32(1.0 / np.sqrt(p))


def spread(vectors: Vectors, coded_dim: int) -> Vectors:
    """Put coordinate i at position ``i * coded_dim // dim``, zeros between.

    An isometry that gives a row's cache lines more coordinates to code: after the
    rotation all of them carry information. With the zeros at the end instead, two
    rounds of a power-of-two window would leave the energy uneven.
    """
    n, dim = vectors.shape
    wide = np.zeros((n, coded_dim), dtype=np.float32)
    wide[:, np.arange(dim) * coded_dim // dim] = vectors
    return wide


def apply_transform(vectors: Vectors, transform: Transform) -> Vectors:
    """Return ``T(x)`` for every row: shape (n, coded_dim), float32."""
    centered = prepare(vectors, transform.scaling) - transform.mean
    return rotate(spread(centered, transform.coded_dim), transform.signs)


def in_turn(
    task: Callable[[int, int], T],
    n_rows: int,
    *,
    chunk_rows: int,
    row_work: float = 0,  # noqa: ARG001
) -> list[T]:
    """Call ``task(start, stop)`` for one chunk of rows after another.

    Threads do the same in `quiver.parallel.workers.Workers.map`, which takes this
    function's place where tasks write only their own rows.
    """
    starts = range(0, n_rows, chunk_rows)
    return [task(start, min(start + chunk_rows, n_rows)) for start in starts]


def prepared_mean(
    vectors: AnyVectors, metric: Metric, in_chunks: InChunks = in_turn
) -> Distances:
    """Return the mean of the prepared rows, but for rows far away from all others.

    A row farther from the median row than ``FAR`` times the median squared distance
    counts for nothing: a corrupt or unscaled one would move the mean so that all
    others share one large component. Directions cannot lie that far.

    Lane k adds rows k, k + 8, … in order; a row left out adds nothing.
    """
    n, dim = vectors.shape
    far = np.zeros(n, dtype=bool)
    if metric != "cosine" and n:
        far = far_rows(vectors, metric, in_chunks)
    lanes = np.zeros((N_LANES, dim), dtype=np.float64)
    for first in range(0, n, SUMMED_ROWS):
        prepared = _prepared_or_zero(vectors, metric, far, first, in_chunks)
        turns = prepared.reshape(-1, N_LANES, dim)
        # Along an axis that is not the last NumPy adds in order.
        lanes = np.add.reduce(np.concatenate([lanes[None], turns]), axis=0)
    n_counted = max(1, n - int(np.count_nonzero(far)))
    return (fold_lanes(lanes) / n_counted).astype(np.float32)


def _prepared_or_zero(
    vectors: AnyVectors,
    metric: Metric,
    far: NDArray[np.bool_],
    first: int,
    in_chunks: InChunks,
) -> Vectors:
    """Return the next prepared rows, zeros for those far away.

    More zeros fill the last turn of the lanes.
    """
    dim, n_rows = vectors.shape[1], min(SUMMED_ROWS, len(vectors) - first)
    prepared = np.zeros((n_rows + -n_rows % N_LANES, dim), dtype=np.float32)

    def prepare_chunk(start: int, stop: int) -> None:
        rows = slice(first + start, first + stop)
        near = prepare(vectors[rows], metric)
        prepared[start:stop] = np.where(far[rows, None], np.float32(0), near)

    in_chunks(prepare_chunk, n_rows, chunk_rows=BLOCK_ROWS, row_work=dim)
    return prepared


def far_rows(
    vectors: AnyVectors, metric: Metric, in_chunks: InChunks = in_turn
) -> NDArray[np.bool_]:
    """Return which rows lie ``FAR`` times as far from the middle as is usual.

    The middle is the coordinate-wise median of a few rows, evenly taken, which no
    tenth of the rows can move; but every row is measured.
    """
    few = vectors[evenly_taken(len(vectors), MEDIAN_ROWS)]
    middle = np.median(prepare(few, metric), axis=0)
    distances = squared_distances_from(middle, vectors, metric, in_chunks)
    usual = float(np.median(distances))
    # Where most rows are equal, the usual distance is none, and nothing is far.
    return (distances > FAR * usual) & (usual > 0)


def squared_distances_from(
    point: NDArray[np.floating] | np.float32,
    vectors: AnyVectors,
    metric: Metric,
    in_chunks: InChunks = in_turn,
) -> Lanes:
    """Return the float64 squared distance of every prepared row from a point."""
    distances = np.empty(len(vectors))

    def measure_chunk(start: int, stop: int) -> None:
        prepared = prepare(vectors[start:stop], metric)
        distances[start:stop] = squared_norms(prepared - point)

    dim = vectors.shape[1]
    in_chunks(measure_chunk, len(vectors), chunk_rows=BLOCK_ROWS, row_work=dim)
    return distances


def evenly_taken(n: int, most: int) -> NDArray[np.intp]:
    """Return at most so many of n row numbers, evenly spread."""
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)


def searched_metric(metric: Metric) -> Metric:
    """Return the metric whose codes a search compares with its queries.

    Inner product walks codes of the vectors as they are; only its graph was built
    on those of the scaled ones.
    """
    return "euclidean" if metric == "inner_product" else metric
