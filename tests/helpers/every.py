"""Everything of a small size: all codes, all lists to prune, all graphs to walk.

And twins of distance, prune and walk that take a whole enumeration at once. They share
no line with the reference, which takes minutes for what they do in seconds; it is
compared with them wherever its time allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, permutations, product
from typing import NamedTuple

import numpy as np

from quiver._typing import Bits, Weights
from quiver.reference.codes import Codes, Queries, aligned_zeros, least_lines
from quiver.reference.encode import pack, to_planes
from quiver.reference.keys import NO_ID, NO_KEY

FEW_V = (-127, -64, -1, 0, 1, 63, 127)
FEW_U = (0, 1, 2, 127, 128, 129, 254, 255)
"""Of wide codes and of queries, where all would be too many."""

TYPICAL_COSINE = {4: np.float32(0.9944), 8: np.float32(0.99997)}


def every_row(numbers: int | tuple[int, ...], dim: int) -> np.ndarray:
    """Return all rows of ``dim`` coordinates out of so many numbers."""
    some = np.arange(numbers) if isinstance(numbers, int) else np.array(numbers)
    grid = np.meshgrid(*dim * [some], indexing="ij")
    return np.stack(grid, axis=-1).reshape(-1, dim)


def code_rows(
    u: np.ndarray, bits: Bits, weights: Weights, scale: float = 1, bias: float = 1
) -> Codes:
    """Return rows of the codes given, all with the same corrections."""
    n, dim = u.shape
    lines = least_lines(dim, bits)
    codes = Codes(aligned_zeros((n, 64 * lines), np.uint8), dim, bits, weights)
    codes.packed[:] = pack(u.astype(np.uint8), bits, lines)
    codes.corrections[:] = scale, bias
    return codes


def query_rows(v: np.ndarray, bits: Bits) -> Queries:
    """Return queries of the coordinates given, of step 1 and squared norm 4096."""
    planes = to_planes(v.astype(np.int8), bits, least_lines(v.shape[1], bits))
    pairs = np.tile(np.float32([1, 4096]), (len(v), 1))
    return Queries(np.pad(planes, ((0, 0), (0, 0), (8, 0))), pairs)


def values_of(u: np.ndarray, bits: Bits, weights: Weights) -> np.ndarray:
    """Return what u is worth, by the table of the chapters."""
    if weights == "published":
        return np.array([-2, -1, 1, 2])[u]
    return u - 128 if bits == 8 else 2 * u - (2**bits - 1)


def defined_distances(
    dots: np.ndarray, codes: Codes, queries: Codes | Queries
) -> np.ndarray:
    """Return the distances that exact dot products (q, n) make, float32."""
    dots = dots.astype(np.float32)
    if codes.weights == "published":
        return np.float32(4 * codes.dim) - dots
    if isinstance(queries, Queries):
        step, norm2 = queries.corrections.T[:, :, None]
        scale, bias = codes.corrections.T
        return (norm2 + bias) - np.float32(2) * (dots * (step * scale))
    (m, bias), (m_query, bias_query) = map(_lengths, (codes, queries))
    twice = np.float32(2) * (dots * (m_query[:, None] * m))
    return np.maximum((bias_query[:, None] + bias) - twice, np.float32(0))


def _lengths(codes: Codes) -> tuple[np.ndarray, np.ndarray]:
    scale, bias = codes.corrections.T
    if codes.bits > 2:
        return scale * TYPICAL_COSINE[codes.bits], bias
    n_strong = (codes.dim + 1) // 3
    length = np.sqrt(9 * n_strong + (codes.dim - n_strong))
    return np.sqrt(bias) * np.float32(1 / length), bias


class Lists(NamedTuple):
    """Candidate lists: row numbers and distances to the target, ascending by both."""

    ids: np.ndarray
    distances: np.ndarray


def every_list(n_rows: int, length: int, levels: np.ndarray) -> Lists:
    """Return all lists of so many distinct rows, at all distances out of some."""
    ids = np.array([*permutations(range(n_rows), length)])
    places = np.array([*combinations_with_replacement(range(len(levels)), length)])
    all_ids = np.repeat(ids, len(places), axis=0)
    all_places = np.tile(places, (len(ids), 1))
    # Where distances tie, ids ascend.
    tied = all_places[:, 1:] == all_places[:, :-1]
    in_order = ~(tied & (all_ids[:, 1:] < all_ids[:, :-1])).any(axis=1)
    return Lists(all_ids[in_order], levels[all_places[in_order]].astype(np.float32))


def pruned(
    between: np.ndarray,
    biases: np.ndarray,
    lists: Lists,
    max_degree: int,
    alpha: float,
    beta: float,
    rule: str,
) -> np.ndarray:
    """Prune all lists at once, given the distances between all rows."""
    ids, reach = lists
    n, length = ids.shape
    out = np.full((n, max_degree), NO_ID, dtype=np.uint32)
    kept = np.zeros((n, length), dtype=bool)
    struck = kept.copy()

    def covered(place: int, slack: float) -> np.ndarray:
        found = np.zeros(n, dtype=bool)
        for other in set(range(length)) - {place}:
            apart = between[ids[:, place], ids[:, other]]
            if rule == "published":
                covers = apart < np.float32(slack) * reach[:, place]
            else:
                least = np.float32(beta) * biases[ids[:, place]]
                covers = np.float32(slack) * apart <= reach[:, place]
                covers &= biases[ids[:, other]] >= least
            found |= kept[:, other] & covers
        return found

    def keep(place: int, marked: np.ndarray) -> None:
        rows = np.flatnonzero(marked)
        out[rows, kept[rows].sum(axis=1)] = ids[rows, place]
        kept[rows, place] = True

    for place in range(length):
        has_room = kept.sum(axis=1) < max_degree
        struck[:, place] = covered(place, 1.0 if rule == "strict_first" else alpha)
        keep(place, has_room & ~struck[:, place])
    for place in range(length) if rule != "vamana" else ():
        again = struck[:, place] & (kept.sum(axis=1) < max_degree)
        keep(place, again if rule == "published" else again & ~covered(place, alpha))
    return out


def every_graph(n: int, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Return graphs of n nodes without loops as bit masks of neighbours, (g, n).

    There are 2^(n·(n - 1)), in a fixed order; all of them, or some from the middle.
    """
    places = n * (n - 1)
    numbers = np.arange(start, 2**places if stop is None else stop)
    chosen = numbers[:, None] >> np.arange(places) & 1
    masks = np.zeros((len(numbers), n), dtype=np.int64)
    for node in range(n):
        others = [other for other in range(n) if other != node]
        own = chosen[:, node * (n - 1) : (node + 1) * (n - 1)]
        masks[:, node] = own @ (1 << np.array(others))
    return masks


def as_neighbors(masks: np.ndarray) -> np.ndarray:
    """Return masks as rows of ids, ended by ``NO_ID``: (g, n, n - 1), uint32."""
    n = masks.shape[1]
    table = np.full((2**n, n - 1), NO_ID, dtype=np.uint32)
    for mask in range(2**n - 1):
        ids = [node for node in range(n) if mask >> node & 1]
        table[mask, : len(ids)] = ids
    return table[masks]


def every_order(n: int) -> np.ndarray:
    """Return all orders of n nodes with ties: a level for each, all levels in use."""
    levels = np.array([*product(range(n), repeat=n)])
    is_dense = [len(set(row)) == max(row) + 1 for row in levels.tolist()]
    return levels[is_dense]


def every_subset(n: int) -> Iterator[np.ndarray]:
    """Yield all sets of nodes that are not empty, as ids."""
    for mask in range(1, 2**n):
        yield np.flatnonzero(mask >> np.arange(n) & 1).astype(np.uint32)


class Walks(NamedTuple):
    """What one walk finds in each of many graphs, and what it counts."""

    keys: np.ndarray
    hops: np.ndarray
    computed: np.ndarray


def walked(graphs: np.ndarray, keys: np.ndarray, entries: np.ndarray, ef: int) -> Walks:
    """Walk all graphs at once, to the nearest node first, given every node's key.

    Nodes are bits of a mask, the nearest lowest: a beam is the lowest ``ef`` of those
    seen, and the next to be expanded is the lowest of these that is not expanded yet.
    """
    n = len(keys)
    by_key = np.argsort(keys)
    masks = np.arange(2**n)
    rank_of = np.argsort(by_key)
    in_ranks = (masks[:, None] >> np.arange(n) & 1) @ (1 << rank_of)
    adjacent = in_ranks[graphs[:, by_key]]
    beam_of = np.array([_lowest(mask, ef) for mask in masks.tolist()])
    seen = np.full(len(graphs), in_ranks[(1 << entries.astype(int)).sum()])
    expanded, hops = np.zeros_like(seen), np.zeros_like(seen)
    for _ in range(n):
        left = beam_of[seen] & ~expanded
        nearest = left & -left
        place = np.log2(np.maximum(nearest, 1)).astype(int)
        reached = np.where(left > 0, adjacent[np.arange(len(graphs)), place], 0)
        hops += left > 0
        expanded |= nearest
        seen |= reached
    table = np.full((2**n, ef), NO_KEY, dtype=np.uint64)
    for mask in masks.tolist():
        found = [keys[by_key[rank]] for rank in range(n) if mask >> rank & 1][:ef]
        table[mask, : len(found)] = found
    return Walks(table[seen], hops, np.bitwise_count(seen).astype(np.int64))


def _lowest(mask: int, count: int) -> int:
    """Return the lowest so many ones of a mask."""
    taken = 0
    for _ in range(count):
        taken |= (mask & ~taken) & -(mask & ~taken)
    return taken
