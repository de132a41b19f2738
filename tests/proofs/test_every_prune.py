"""All ways to prune up to four candidates of a target: five nodes, with all ties.

Candidates are twelve points of a line, codes of one coordinate of three lengths, so
that distances tie; the distance of each to the target is any of five levels.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from every import Lists, code_rows, every_list, every_row, pruned
from identical import assert_identical

from quiver import reference
from quiver.backends import Backend, get_backend
from quiver.reference.codes import Codes
from quiver.reference.keys import make_keys

RULES = ("vamana", "strict_first", "published")
ALPHAS, BETAS = (1.0, 1.5), (0.0, 0.5, 1.0)
LEVELS = np.array([-1.0, 0.0, 4.0, 6.0, 16.0])
"""Below all, equal to distances, 1.5 times one, and above most."""


@cache
def points() -> Codes:
    codes = code_rows(np.tile(every_row(4, 1), (3, 1)), 2, "corrected")
    codes.corrections[:, 1] = np.repeat([1, 4, 9], 4)
    return codes


@cache
def between() -> np.ndarray:
    return reference.distance(points(), points())


def assert_every_choice(
    backend: Backend, lists: Lists, max_degree: int, rules: tuple[str, ...] = RULES
) -> int:
    """Prune all lists by every rule, slack and share; return how many that is."""
    codes, n_pruned = points(), 0
    keys = make_keys(lists.distances, lists.ids)
    for rule in rules:
        for alpha in ALPHAS:
            for beta in BETAS if rule != "published" else BETAS[:1]:
                choice = max_degree, alpha, beta, rule
                kept = backend.prune(codes, keys, *choice)
                biases = codes.corrections[:, 1]
                assert_identical(kept, pruned(between(), biases, lists, *choice))
                n_pruned += len(keys)
    return n_pruned


def test_the_levels_are_distances_and_beside_them() -> None:
    found = {*between().ravel().tolist()}
    assert {0.0, 4.0, 16.0} <= found
    assert 6.0 / 1.5 in found
    assert max(found) > 16 > min(x for x in found if x > 0)


@pytest.mark.parametrize(("length", "max_degree"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_all_lists_of_one_and_two_candidates(
    backend: Backend, length: int, max_degree: int
) -> None:
    lists = every_list(12, length, LEVELS)
    assert len(lists.ids) == {1: 60, 2: 1650}[length]
    n_pruned = assert_every_choice(backend, lists, max_degree)
    assert n_pruned == 14 * len(lists.ids)


@pytest.mark.parametrize("max_degree", [1, 2, 3])
def test_all_lists_of_three_candidates(compiled: Backend, max_degree: int) -> None:
    lists = every_list(12, 3, LEVELS)
    assert_every_choice(compiled, lists, max_degree)


@pytest.mark.slow
@pytest.mark.parametrize("max_degree", [1, 2, 3, 4])
def test_all_lists_of_four_candidates(compiled: Backend, max_degree: int) -> None:
    lists = every_list(12, 4, LEVELS)
    assert_every_choice(compiled, lists, max_degree)


@pytest.mark.proofs
def test_the_reference_prunes_lists_of_three_and_four_candidates() -> None:
    """All of three rows at three of the five levels, and of four at two."""
    right = get_backend("reference")
    for max_degree in (1, 2, 3):
        assert_every_choice(right, every_list(12, 3, LEVELS[1:4]), max_degree)
    assert_every_choice(right, every_list(12, 4, LEVELS[1:3]), 3)


@pytest.mark.parametrize("level", LEVELS)
def test_all_220_lists_of_three_tied_candidates(backend: Backend, level: float) -> None:
    lists = every_list(12, 3, np.array([level]))
    assert len(lists.ids) == 220
    assert_every_choice(backend, lists, 3)
