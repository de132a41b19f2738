"""Transform: from a caller's vector to the coordinates that are coded.

``T(x) = Q(prepare(x) - mean)``: the preparation of the metric, centring, and a
rotation made of sign flips and Hadamard butterflies. Only codes see it; stored
vectors and the re-rank stay the caller's own.

Source: section 2 of the specification. The paper codes unit vectors as they are;
centring and rotation are quiver's departure, and ``Encoding.paper()`` has neither.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Lanes, Vectors
from quiver.codes import Transform
from quiver.reference.lanes import squared_norms


def prepare(vectors: Vectors, transform: Transform, *, is_query: bool) -> Vectors:
    """Bring vectors into the Euclidean space of the metric's task.

    Cosine scales to unit norm (a zero vector stays zero). Inner product adds the
    coordinate ``sqrt(max_norm² - ‖x‖²)`` to a base vector; a query gets 0 there and
    the norm ``max_norm``, which leaves its ranking as it was and its 8 bits well
    used. Scaling multiplies in float64 and rounds to float32 once.
    """
    if transform.metric == "euclidean":
        return vectors
    norms2 = squared_norms(vectors)
    if transform.metric == "cosine":
        return _scale_rows(vectors, 1.0, np.sqrt(norms2))
    if is_query:
        scaled = _scale_rows(vectors, transform.max_norm, np.sqrt(norms2))
        return np.pad(scaled, ((0, 0), (0, 1)))
    room = np.maximum(transform.max_norm * transform.max_norm - norms2, 0.0)
    extra = np.sqrt(room).astype(np.float32)
    return np.concatenate([vectors, extra[:, None]], axis=1)


def _scale_rows(vectors: Vectors, norm: float, norms: Lanes) -> Vectors:
    factors = np.divide(norm, norms, out=np.zeros_like(norms), where=norms > 0)
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


def apply_transform(
    vectors: NDArray[np.float32], transform: Transform, *, is_query: bool
) -> Vectors:
    """Return ``T(x)`` for every row: shape (n, code_dim), float32."""
    prepared = prepare(vectors, transform, is_query=is_query)
    return rotate(prepared - transform.mean, transform.signs)
