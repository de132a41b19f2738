"""Reverse edges: who is served, in which order, and what becomes of a full list."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from plain_graph import edge_lists
from strategies import random_codes

from quiver.reference import distance, merge, prune
from quiver.reference.keys import NO_ID, make_keys
from quiver.reference.masks import make_mask

N, WIDTH = 12, 4
CODES = random_codes(np.random.default_rng(0), N, 40)
CHOICE = 3, 1.1, 0.7, "vamana"


def lists_of(**known: list[int]) -> np.ndarray:
    """Return lists by row; ``r3=[1]`` is that of row 3."""
    neighbors = np.full((N, WIDTH), NO_ID, dtype=np.uint32)
    for name, ids in known.items():
        neighbors[int(name[1:]), : len(ids)] = ids
    return neighbors


def merged(
    neighbors: np.ndarray, chosen: dict[int, list[int]], *rows: int, **rules: object
) -> dict[int, list[int]]:
    sources = np.array(sorted(chosen), dtype=np.uint32)
    edges = np.full((len(sources), N), NO_ID, dtype=np.uint32)
    for row, source in zip(edges, sorted(chosen), strict=True):
        row[: len(chosen[source])] = chosen[source]
    start, stop = rows or (0, N)
    given = CODES, neighbors, sources, edges, start, stop, *CHOICE
    targets, lists = merge(*given, **rules)
    assert lists.shape == (len(targets), WIDTH)
    return dict(zip(targets.tolist(), edge_lists(lists), strict=True))


def test_targets_gain_their_sources_behind_what_they_have_and_in_order() -> None:
    found = merged(lists_of(r1=[9, 0]), {5: [0, 1], 3: [1], 7: [2]})
    assert found == {0: [5], 1: [9, 0, 3, 5], 2: [7]}


def test_a_source_that_is_there_is_not_added_again() -> None:
    assert merged(lists_of(r1=[5, 9]), {3: [1], 5: [1]}) == {1: [5, 9, 3]}


@pytest.mark.parametrize("borders", [(0, 12), (0, 1, 12), (0, 5, 5, 6, 12)])
def test_ranges_of_targets_together_serve_all_once(borders: tuple[int, ...]) -> None:
    neighbors = lists_of(r4=[0, 1, 2, 3], r5=[1], r6=[2, 3])
    chosen = {7: [4, 5, 6], 8: [0, 4, 11], 9: [5, 6, 11]}
    parts: dict[int, list[int]] = {}
    for start, stop in pairwise(borders):
        part = merged(neighbors, chosen, start, stop)
        assert all(start <= target < stop for target in part)
        parts |= part
    assert parts == merged(neighbors, chosen)
    assert list(parts) == [0, 4, 5, 6, 11]


def chosen_among(ids: list[int], target: int) -> list[int]:
    rows = np.array([ids], dtype=np.uint32)
    distances = distance(CODES, CODES.take(np.array([target])), rows)
    keys = np.sort(make_keys(distances, rows), axis=1)
    return edge_lists(prune(CODES, keys, *CHOICE))[0]


def test_a_list_that_would_overflow_is_pruned_with_its_sources() -> None:
    found = merged(lists_of(r4=[0, 1, 2]), {7: [4], 8: [4]})
    assert found == {4: chosen_among([0, 1, 2, 7, 8], 4)}
    assert len(found[4]) <= CHOICE[0]


def test_only_a_list_that_is_pruned_lets_go_of_rows_that_are_not_allowed() -> None:
    allowed = make_mask(~np.isin(np.arange(N), [1, 2]))[None]
    neighbors = lists_of(r4=[0, 1, 2], r5=[0, 1, 2])
    found = merged(neighbors, {7: [4, 5], 8: [4]}, allowed=allowed)
    assert found == {4: chosen_among([0, 7, 8], 4), 5: [0, 1, 2, 7]}


def test_without_new_edges_no_list_changes() -> None:
    assert merged(lists_of(r4=[0, 1]), {}) == {}
    assert merged(lists_of(r4=[0, 1]), {7: []}) == {}
