"""A complete backend outside quiver: matrices and a heap instead of bit tricks.

The guide "Writing a backend" shows this file, and the test-suite installs and
verifies it. Only NumPy and quiver's public modules are used.
"""

from __future__ import annotations

import heapq

import numpy as np

from quiver import reference
from quiver.reference.answer import by_words
from quiver.reference.codes import (
    CACHE_LINE,
    CORRECTION_BYTES,
    VALUES,
    Codes,
    Queries,
    n_strong,
)
from quiver.reference.distance import TYPICAL_COSINE
from quiver.reference.encode import unpack
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids, make_keys
from quiver.reference.masks import marked_rows
from quiver.reference.screen import screened as measure_screened
from quiver.reference.search import Beams


class TextbookBackend:
    """Every method of the protocol; nothing is inherited."""

    name = "textbook"
    target = "numpy matrices"

    # What a backend does not want to replace it may borrow.
    encode = staticmethod(reference.encode)
    quantize = staticmethod(reference.quantize)
    merge = staticmethod(reference.merge)
    search_radius = staticmethod(reference.search_radius)
    scan = staticmethod(reference.scan)
    rerank = staticmethod(reference.rerank)

    # By its own words, one after another.
    answer = by_words

    def distance(self, codes, queries, candidates=None):
        """See `Backend.distance`."""
        every_row = np.arange(codes.n_rows, dtype=np.uint32)
        n_queries = len(queries[0])
        if candidates is None:
            candidates = np.tile(every_row, (n_queries, 1))
        distances = np.full(candidates.shape, np.inf, dtype=np.float32)
        for number, ids in enumerate(candidates):
            used = ids != NO_ID
            query = take_query(queries, number)
            distances[number, used] = measure(codes.take(ids[used]), query)
        return distances

    def prune(self, codes, candidates, max_degree, alpha, beta, rule):
        """See `Backend.prune`."""
        neighbors = np.full((len(candidates), max_degree), NO_ID, dtype=np.uint32)
        for row, keys in zip(neighbors, candidates, strict=True):
            keys = keys[keys != NO_KEY]
            ids, reach = key_ids(keys), key_distances(keys)
            pairs = self.distance(codes, codes.take(ids), np.tile(ids, (len(ids), 1)))
            bias = codes.corrections[ids, 1]
            far_out = bias >= np.float32(beta) * bias[:, None]
            kept = choose(pairs, far_out, reach, max_degree, np.float32(alpha), rule)
            row[: len(kept)] = ids[kept]
        return neighbors

    def search(
        self,
        codes,
        neighbors,
        queries,
        entry_points,
        ef,
        *,
        allowed=None,
        budget=None,
        screened=False,
        horizon=None,
    ):
        """See `Backend.search`."""
        n_queries = len(queries[0])
        keys = np.full((n_queries, ef), NO_KEY, dtype=np.uint64)
        hops = np.zeros(n_queries, dtype=np.int64)
        computed = np.zeros(n_queries, dtype=np.int64)
        lines = np.zeros(n_queries, dtype=np.int64)
        complete = np.zeros(n_queries, dtype=np.bool_)
        everyone = np.ones(codes.n_rows, dtype=np.bool_)
        for number in range(n_queries):
            query, may_answer, most = take_query(queries, number), everyone, 2**63
            expected = 0
            if allowed is not None:
                expected = ef
                may_answer = marked_rows(allowed[number % len(allowed)], codes.n_rows)
            if budget is not None:
                most = budget[number]
            graph = codes, neighbors, query, entry_points
            beam, *counters = walk(
                *(*graph, ef, may_answer, most, expected, screened, horizon),
            )
            hops[number], computed[number], lines[number], complete[number] = counters
            while beam and is_beyond(horizon, beam[-1], beam):
                beam.pop()
            keys[number, : len(beam)] = beam
        return Beams(keys, hops, computed, lines, complete)


def take_query(queries, number):
    """Return one query of a batch, as a batch of one."""
    one = slice(number, number + 1)
    if isinstance(queries, Codes):
        return queries._replace(rows=queries.rows[one])
    return Queries(queries.values[one], queries.corrections[one])


def coordinates(codes):
    """Return the value that every coordinate of the codes stands for."""
    u = unpack(codes.packed, codes.dim, codes.bits)
    if codes.weights == "published":
        return np.array([-2, -1, 1, 2])[u]
    factor, offset = VALUES[codes.bits]
    return factor * u.astype(np.int64) - offset


def lengths(codes):
    """Return what gives the coordinates of each code the length of its vector."""
    scale, bias = codes.corrections.T
    if codes.bits > 2:
        return scale * TYPICAL_COSINE[codes.bits]
    n = n_strong(codes.dim)
    return np.sqrt(bias) * np.float32(1.0 / np.sqrt(9 * n + (codes.dim - n)))


def measure(rows, query):
    """Return the distances of one query to all rows, by integer matrix product."""
    two = np.float32(2)
    if isinstance(query, Queries):
        in_order = query.values[0, :, CORRECTION_BYTES:].reshape(-1)[: rows.dim]
        dot = coordinates(rows) @ in_order.astype(np.int64)
        step, norm2 = query.corrections[0]
        scale, bias = rows.corrections.T
        return (norm2 + bias) - two * (dot.astype(np.float32) * (step * scale))
    dot = coordinates(rows) @ coordinates(query)[0]
    if rows.weights == "published":
        return (4 * rows.dim - dot).astype(np.float32)
    bias, query_bias = rows.corrections[:, 1], query.corrections[:, 1]
    scaled = dot.astype(np.float32) * (lengths(rows) * lengths(query))
    estimate = (bias + query_bias) - two * scaled
    return np.maximum(np.float32(0), estimate)


def choose(pairs, far_out, reach, max_degree, alpha, rule):
    """Return which candidates are kept, from all their mutual distances."""
    kept, rejected = [], []
    slack = np.float32(1) if rule == "strict_first" else alpha

    def is_covered(place, slack):
        to_kept = pairs[place, kept]
        if rule == "published":
            return np.any(to_kept < alpha * reach[place])
        return np.any((slack * to_kept <= reach[place]) & far_out[place, kept])

    for place in range(len(reach)):
        if len(kept) == max_degree:
            break
        (rejected if is_covered(place, slack) else kept).append(place)
    if rule == "published":
        kept += rejected[: max_degree - len(kept)]
    for place in rejected if rule == "strict_first" else ():
        if len(kept) < max_degree and not is_covered(place, alpha):
            kept.append(place)
    return kept


def measure_likely(codes, query, ids, beam, ef):
    """Return distances, +inf where the last of a full beam is likely nearer; lines."""
    last = np.array(beam[-1:] if len(beam) == ef else [NO_KEY], dtype=np.uint64)
    return measure_screened(codes, query, ids, key_distances(last)[0])


def is_beyond(horizon, key, beam):
    """Return whether a key is so many times as far as one in the beam."""
    if horizon is None or len(beam) < horizon.rank:
        return False
    near, far = key_distances(np.array([beam[horizon.rank - 1], key], dtype=np.uint64))
    with np.errstate(over="ignore"):
        return far > np.float32(horizon.factor) * max(near, np.float32(0))


def walk(
    codes,
    neighbors,
    query,
    entry_points,
    ef,
    may_answer,
    budget,
    expected,
    is_screened,
    horizon,
):
    """Return one query's beam and counters, with a heap of what to expand next."""
    beam, waiting, seen, hops, lines = [], [], set(), 0, 0
    fresh = entry_points
    while True:
        seen.update(fresh.tolist())
        if is_screened:
            distances, n_lines = measure_likely(codes, query, fresh, beam, ef)
        else:
            distances = measure(codes.take(fresh), query)
            n_lines = len(fresh) * codes.rows.shape[1] // CACHE_LINE
        lines += n_lines
        found = make_keys(distances, fresh)
        beam = sorted(beam + found[may_answer[fresh]].tolist())[:ef]
        for key in found.tolist():
            heapq.heappush(waiting, key)
        # What fell out of the beam is never expanded.
        is_over = not waiting or (len(beam) == ef and waiting[0] > beam[-1])
        is_over = is_over or is_beyond(horizon, waiting[0], beam)
        most = budget if len(beam) >= expected else budget // 15
        if is_over or len(seen) >= most:
            return beam, hops, len(seen), lines, is_over
        hops += 1
        row = neighbors[heapq.heappop(waiting) & 0xFFFF_FFFF]
        ids = [id_ for id_ in row[row != NO_ID].tolist() if id_ not in seen]
        fresh = np.array(ids, dtype=np.uint32)
