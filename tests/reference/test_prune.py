"""The reference's pruning against worked examples and the textbook's other form."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CodedCase, coded_cases, plain_transform

from quiver._typing import PruneRule
from quiver.conformance import hazards
from quiver.reference import distance, encode, prune
from quiver.reference.codes import Codes
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids, make_keys

RULES = st.sampled_from(["vamana", "strict_first", "published"])
ALPHAS = st.sampled_from([1.0, 1.1, 1.5, 3.0])
BETAS = st.sampled_from([0.0, 0.7, 1.0])


@pytest.fixture
def square() -> Codes:
    """Return codes that stand exactly at (3, 1), (3, -1), (1, 3) and (1, -3).

    Two dimensions have one strong coordinate, so w is the vector itself and m is 1.
    """
    corners = np.float32([[3, 1], [3, -1], [1, 3], [1, -3]])
    codes = encode(corners, plain_transform("euclidean", 2), 2, "corrected")
    expected = ((corners[:, None] - corners) ** 2).sum(axis=2)
    np.testing.assert_allclose(distance(codes, codes), expected, atol=1e-5)
    return codes


@pytest.mark.parametrize(
    ("rule", "alpha", "max_degree", "kept"),
    [
        # From (3, 1), ids 1, 2, 3 are at 4, 8, 20; 1-2 at 20, 1-3 at 8, 2-3 at 36.
        ("vamana", 1.0, 3, [1, 2]),
        ("vamana", 2.0, 3, [1, 2]),
        ("vamana", 3.0, 3, [1, 2, 3]),
        ("vamana", 3.0, 2, [1, 2]),
        # 3 is struck at first, by 1 and by 2, and comes back where there is room.
        ("strict_first", 2.0, 3, [1, 2]),
        ("strict_first", 3.0, 3, [1, 2, 3]),
        ("strict_first", 3.0, 2, [1, 2]),
        ("published", 1.0, 3, [1, 2, 3]),
        ("published", 1.0, 2, [1, 2]),
        ("published", 3.0, 2, [1, 2]),
    ],
)
def test_worked_examples(
    square: Codes, rule: PruneRule, alpha: float, max_degree: int, kept: list[int]
) -> None:
    ids = np.array([1, 2, 3], dtype=np.uint32)
    keys = make_keys(distance(square, square.take(np.array([0])), ids[None])[0], ids)
    # All corners are equally far from the centre but for rounding.
    neighbors = prune(square, keys[None], max_degree, alpha, 0.7, rule)
    assert neighbors[0].tolist() == kept + [int(NO_ID)] * (max_degree - len(kept))


def test_published_fill_puts_the_rejected_after_the_diverse(square: Codes) -> None:
    # From (1, -3): 1 at 8, 0 at 20, 2 at 36. Alpha 1 rejects 0, which 1 covers
    # (4 < 20), and 2, which 1 covers (20 < 36); both come back, nearest first.
    ids = np.array([1, 0, 2], dtype=np.uint32)
    keys = make_keys(distance(square, square.take(np.array([3])), ids[None])[0], ids)
    assert prune(square, keys[None], 3, 1.0, 0.0, "published").tolist() == [[1, 0, 2]]
    assert prune(square, keys[None], 3, 1.0, 0.0, "vamana").tolist() == [
        [1, 4294967295, 4294967295]
    ]


@given(
    case=coded_cases(min_n=2, max_n=25),
    max_degree=st.integers(1, 12),
    alpha=ALPHAS,
    beta=BETAS,
    rule=RULES,
    true_distances=st.booleans(),
)
def test_striking_what_is_covered_keeps_the_same_edges(
    case: CodedCase,
    max_degree: int,
    alpha: float,
    beta: float,
    rule: PruneRule,
    true_distances: bool,
) -> None:
    codes = case.codes
    keys = hazards.make_prune_keys(
        case.rng, codes, 2, codes.n_rows - 1, true_distances=true_distances
    )
    table, biases = distance(codes, codes).tolist(), codes.corrections[:, 1].tolist()
    neighbors = prune(codes, keys, max_degree, alpha, beta, rule)
    for row, found in zip(keys, neighbors, strict=True):
        used = row[row != NO_KEY]
        pool = zip(key_distances(used).tolist(), key_ids(used).tolist(), strict=True)
        kept = naive.prune(
            *(list(pool), lambda c, s: table[c][s], biases),
            *(max_degree, alpha, beta, rule),
        )
        assert found[found != NO_ID].tolist() == kept


@given(
    case=coded_cases(min_n=2, max_n=25),
    max_degree=st.integers(1, 12),
    alpha=ALPHAS,
    beta=BETAS,
    rule=RULES,
)
def test_kept_edges_obey_the_invariants(
    case: CodedCase, max_degree: int, alpha: float, beta: float, rule: PruneRule
) -> None:
    keys = hazards.make_prune_keys(
        case.rng, case.codes, 2, case.codes.n_rows - 1, true_distances=True
    )
    neighbors = prune(case.codes, keys, max_degree, alpha, beta, rule)
    for row, found in zip(keys, neighbors, strict=True):
        candidates, kept = row[row != NO_KEY], found[found != NO_ID]
        ids = key_ids(candidates).tolist()
        assert len(set(kept.tolist())) == len(kept)
        assert set(kept.tolist()) <= set(ids)
        assert kept[:1].tolist() == ids[:1], "the nearest is always kept"
        assert (found[len(kept) :] == NO_ID).all(), "holes come last only"
        if rule == "published":
            assert len(kept) == min(max_degree, len(ids)), "the fill is complete"


def test_of_duplicates_only_the_first_survives_vamana() -> None:
    vectors = np.zeros((5, 8), dtype=np.float32)
    vectors[1:] = 1.0
    vectors[0, 0] = 5.0
    codes = encode(vectors, plain_transform("euclidean", 8), 2, "corrected")
    ids = np.arange(1, 5, dtype=np.uint32)
    to_target = distance(codes, codes.take(np.array([0])), ids[None])[0]
    assert len(set(to_target.tolist())) == 1
    kept = prune(codes, make_keys(to_target, ids)[None], 4, 1.1, 0.7, "vamana")
    assert kept.tolist() == [[1, NO_ID, NO_ID, NO_ID]]


@pytest.mark.parametrize(
    ("beta", "kept"),
    # The central row 1 is nearest to all and covers 2 and 3, which lie apart; 4 is
    # covered by 2, which is as far out as it.
    [(0.0, [1]), (0.1, [1, 2, 3]), (0.7, [1, 2, 3])],
)
def test_a_row_near_the_center_covers_no_row_farther_out(
    beta: float, kept: list[int]
) -> None:
    points = np.float32([[8, 0], [0.1, 0.1], [-3.5, 7.1], [-3.5, -7.1], [-3.6, 7.2]])
    transform = plain_transform("euclidean", 2)
    codes = encode(points, transform, 8, "corrected")
    ids = np.array([1, 2, 3, 4], dtype=np.uint32)
    to_target = distance(codes, codes.take(np.array([0])), ids[None])
    keys = np.sort(make_keys(to_target, ids[None]))
    (found,) = prune(codes, keys, 4, 1.0, beta, "vamana")
    assert sorted(found[found != NO_ID].tolist()) == kept


def test_the_published_rule_knows_no_beta(square: Codes) -> None:
    keys = np.sort(make_keys(distance(square, square)[:, 1:], np.uint32([[1, 2, 3]])))
    square.corrections[:, 1] = [1, 10, 100, 1000]
    with_it, without = (
        prune(square, keys[:1], 3, 1.1, beta, "published") for beta in (1.0, 0.0)
    )
    np.testing.assert_array_equal(with_it, without)
