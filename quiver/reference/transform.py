"""Transform: from a caller's vector to the coordinates that are coded.

``T(x) = Q·S(prepare(x) - mean)``: the preparation of the metric, centring, spreading
over as many coordinates as a row's cache lines hold, and a rotation made of sign flips
and Hadamard butterflies. Only codes see it; stored
vectors and the re-rank stay the caller's own.

The paper codes unit vectors as they are; centring and rotation are quiver's
departure, and ``Encoding.paper()`` has neither. See docs/algorithm/transform.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyVectors, Distances, Lanes, Metric, Vectors
from quiver.reference.codes import Transform
from quiver.reference.lanes import N_LANES, fold_lanes, squared_norms

BLOCK_ROWS = 512
"""Rows prepared at a time: their float64 temporaries stay in the cache. A multiple of
the lanes, so that blocks do not shift them."""

FAR, MEDIAN_ROWS = 100.0, 1024
"""Times the usual squared distance from the middle, and rows that say where it is."""

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


def prepared_mean(vectors: AnyVectors, metric: Metric) -> Distances:
    """Return the mean of the prepared rows, but for rows far away from all others.

    A row farther from the median row than ``FAR`` times the median squared distance
    counts for nothing: a corrupt or unscaled one would move the mean so that all
    others share one large component. Directions cannot lie that far.

    Lane k adds rows k, k + 8, … in order; a row left out adds nothing.
    """
    far = np.zeros(len(vectors), dtype=bool)
    if metric != "cosine" and len(vectors):
        far = far_rows(vectors, metric)
    lanes = np.zeros((N_LANES, vectors.shape[1]), dtype=np.float64)
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        prepared = prepare(vectors[block], metric)
        prepared = np.where(far[block, None], np.float32(0), prepared)
        for first in range(0, len(prepared), N_LANES):
            rows = prepared[first : first + N_LANES]
            lanes[: len(rows)] += rows
    n_counted = max(1, len(far) - int(np.count_nonzero(far)))
    return (fold_lanes(lanes) / n_counted).astype(np.float32)


def far_rows(vectors: AnyVectors, metric: Metric) -> NDArray[np.bool_]:
    """Return which rows lie ``FAR`` times as far from the middle as is usual.

    The middle is the coordinate-wise median of a few rows, evenly taken, which no
    tenth of the rows can move; but every row is measured.
    """
    few = vectors[evenly_taken(len(vectors), MEDIAN_ROWS)]
    middle = np.median(prepare(few, metric), axis=0)
    distances = squared_distances_from(middle, vectors, metric)
    usual = float(np.median(distances))
    # Where most rows are equal, the usual distance is none, and nothing is far.
    return (distances > FAR * usual) & (usual > 0)


def squared_distances_from(
    point: NDArray[np.floating] | np.float32, vectors: AnyVectors, metric: Metric
) -> Lanes:
    """Return the float64 squared distance of every prepared row from a point."""
    distances = np.empty(len(vectors))
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        distances[block] = squared_norms(prepare(vectors[block], metric) - point)
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
