"""Distance: between two codes (symmetric) and from a query to a code (asymmetric).

Symmetric distances need XOR, AND, OR and popcount only, on the 64-bit words of the
codes; asymmetric ones an int8 by 2-bit integer dot product. All integers are exact;
the few float32 operations that follow are rounded one by one, as written.

Source: QuIVer (arXiv 2605.02171), Table 1 as its reference code computes it;
RaBitQ (SIGMOD 2024) for the corrected estimate. See docs/algorithm/distance.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids
from quiver.reference.codes import (
    CACHE_LINE,
    CORRECTION_BYTES,
    VALUES,
    Codes,
    Queries,
    n_strong,
)
from quiver.reference.encode import to_planes, unpack, values_of
from quiver.reference.keys import NO_ID

HIGH_BITS = np.uint64(0xAAAA_AAAA_AAAA_AAAA)
LOW_BITS = np.uint64(0x5555_5555_5555_5555)

TYPICAL_COSINE = {4: np.float32(0.9944), 8: np.float32(0.99997)}
"""Mean cosine between r and its wide code, coordinates being nearly normal."""

Words = NDArray[np.uint64]


def distance(
    codes: Codes, queries: Codes | Queries, candidates: Ids | None = None
) -> Distances:
    """Measure queries against rows; see `quiver.backends.protocol.Backend.distance`."""
    if candidates is None:
        every_id = np.arange(codes.n_rows, dtype=np.uint32)
        n_queries = len(queries[0])
        candidates = np.broadcast_to(every_id, (n_queries, codes.n_rows))
    distances = np.full(candidates.shape, np.inf, dtype=np.float32)
    for number, ids in enumerate(candidates):
        used = ids != NO_ID
        query = one_query(queries, number)
        distances[number, used] = distance_to_rows(codes, query, ids[used])
    return distances


def one_query(queries: Codes | Queries, number: int) -> Codes | Queries:
    """Return query ``number`` as a batch of one."""
    if isinstance(queries, Codes):
        return queries._replace(rows=queries.rows[number : number + 1])
    values, corrections = queries
    return Queries(values[number : number + 1], corrections[number : number + 1])


def distance_to_rows(codes: Codes, query: Codes | Queries, ids: Ids) -> Distances:
    """Return the distances of one query to the rows ``ids``, shape (len(ids),)."""
    rows = codes.take(ids)
    if isinstance(query, Queries):
        return asymmetric(rows, query)
    if codes.weights == "published":
        return published(rows, query)
    return symmetric(rows, query)


def symmetric(a: Codes, b: Codes) -> Distances:
    """Return the squared distance between the points ``m·w`` of two codes.

    ``d = max(0, (bias_a + bias_b) - 2·dot·(m_a·m_b))``.
    """
    m_a, m_b = code_factors(a), code_factors(b)
    bias_a, bias_b = a.corrections[:, 1], b.corrections[:, 1]
    dot = symmetric_dot(a, b).astype(np.float32)
    estimate = (bias_a + bias_b) - np.float32(2) * (dot * (m_a * m_b))
    return np.maximum(np.float32(0), estimate)


def code_factors(codes: Codes) -> Distances:
    """Return m of every row: the factor that gives its w the length of its r.

    With two bits all w have one length ‖w‖ and ``m = sqrt(bias) / ‖w‖`` is exact, so
    d(a, a) is 0 up to rounding. Lengths of wide codes vary, but they make nearly the
    same angle with r: ``m = scale·cos`` with the cosine that ``TYPICAL_COSINE`` says.
    """
    scale, bias = codes.corrections.T
    if codes.bits > 2:
        return scale * TYPICAL_COSINE[codes.bits]
    return np.sqrt(bias) * inverse_length(codes.dim)


def inverse_length(dim: int) -> np.float32:
    """Return 1/‖w‖ of a corrected 2-bit code: a third of ±3, the rest ±1."""
    strong = n_strong(dim)
    return np.float32(1.0 / np.sqrt(9 * strong + (dim - strong)))


def as_queries(codes: Codes) -> Queries:
    """Return wide codes in the form of int8 queries: their values w, and (m, bias).

    Their distances to other rows are then the symmetric ones, but not clamped at 0.
    """
    w = values_of(unpack(codes.packed, codes.dim, codes.bits), codes.bits)
    lines = codes.rows.shape[1] // CACHE_LINE
    planes = to_planes(w.astype(np.int8), codes.bits, lines)
    values = np.pad(planes, ((0, 0), (0, 0), (CORRECTION_BYTES, 0)))
    bias = codes.corrections[:, 1]
    return Queries(values, np.stack([code_factors(codes), bias], axis=1))


def symmetric_dot(a: Codes, b: Codes) -> NDArray[np.int64]:
    """Return ⟨w_a, w_b⟩: with values ±1, ±3 by three popcounts a word."""
    if a.bits > 2:
        w_a, w_b = (values_of(unpack(c.packed, c.dim, c.bits), c.bits) for c in (a, b))
        return (w_a * w_b).sum(axis=1).astype(np.int64)
    words_a, words_b = code_words(a), code_words(b)
    x = words_a ^ words_b
    y = words_a ^ _swap_pairs(words_b)
    return 9 * a.dim - 2 * (_count(x) + 3 * _count(x & HIGH_BITS) + 2 * _count(y))


def published(a: Codes, b: Codes) -> Distances:
    """Return the paper's distance ``4·dim - ⟨w_a, w_b⟩`` for values ±1, ±2.

    The range is 0 … 8·dim, so float32 holds it exactly. Bits past ``dim`` read as
    strong and alike, which contributes ``4 - 2·2 = 0`` each: counting them as
    dimensions makes the padding harmless.
    """
    words_a, words_b = code_words(a), code_words(b)
    strong_a, strong_b = strong_plane(words_a), strong_plane(words_b)
    differs = (words_a ^ words_b) & HIGH_BITS
    both = strong_a & strong_b
    n_coded = 4 * 8 * words_a.shape[1]
    dot = (
        n_coded
        + _count(strong_a)
        + _count(strong_b)
        + _count(both)
        - 2 * _count(differs)
        - 2 * _count(differs & (strong_a | strong_b))
        - 4 * _count(differs & both)
    )
    return (4 * n_coded - dot).astype(np.float32)


def asymmetric(rows: Codes, query: Queries) -> Distances:
    """Return RaBitQ's unbiased estimate of the squared Euclidean distance.

    ``d = (‖r‖² + bias) - 2·(float32(dot)·(step·scale))``; it may be negative.
    """
    v = coordinates_of(query, rows.dim)
    u = unpack(rows.packed, rows.dim, rows.bits).astype(np.int64)
    factor, offset = VALUES[rows.bits]
    dot = (factor * (u @ v) - offset * v.sum()).astype(np.float32)
    step, norm2 = query.corrections[0]
    scale, bias = rows.corrections.T
    return (norm2 + bias) - np.float32(2) * (dot * (step * scale))


def coordinates_of(query: Queries, dim: int) -> NDArray[np.int64]:
    """Return the coordinates v of a batch of one, in their order."""
    planes = query.values[0, :, CORRECTION_BYTES:]
    return planes.reshape(-1)[:dim].astype(np.int64)


def code_words(codes: Codes) -> Words:
    """Return 2-bit codes as words: a sign and a low bit for every coordinate."""
    return np.ascontiguousarray(codes.packed).view(np.uint64)


def _swap_pairs(words: Words) -> Words:
    """Exchange the two bits of every dimension."""
    one = np.uint64(1)
    return (words & LOW_BITS) << one | (words & HIGH_BITS) >> one


def strong_plane(words: Words) -> Words:
    """Return strong = ¬(high ⊕ low), one bit per dimension, in the high places."""
    return ~(words ^ (words << np.uint64(1))) & HIGH_BITS


def _count(words: Words) -> NDArray[np.int64]:
    return np.bitwise_count(words).sum(axis=1, dtype=np.int64)
