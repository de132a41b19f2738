"""Lanes: the written order of a float sum, against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

from quiver.reference.lanes import lane_sum, squared_norms


def plain_sum(terms: list[float]) -> float:
    lanes = [0.0] * 8
    for place, term in enumerate(terms):
        lanes[place % 8] += term
    even = (lanes[0] + lanes[4]) + (lanes[2] + lanes[6])
    odd = (lanes[1] + lanes[5]) + (lanes[3] + lanes[7])
    return even + odd


@pytest.mark.parametrize("dim", [1, 7, 8, 9, 16, 19])
def test_squared_norms_follow_the_written_order(dim: int) -> None:
    vectors = normal_rows(40, dim) * np.float32(1e3)
    expected = [plain_sum([x * x for x in row]) for row in vectors.tolist()]
    assert squared_norms(vectors).tolist() == expected


def test_the_order_is_seen_where_a_sum_from_left_to_right_loses_a_term() -> None:
    terms = np.array([1e16, 1.0, 0.0, 0.0, -1e16, 0.0, 0.0, 0.0])
    assert np.cumsum(terms)[-1] == 0
    assert lane_sum(terms) == 1
    # l0 + l4 come first, above; l0 and l1 meet last, when l2 is lost already.
    assert lane_sum(np.array([1e16, -1e16, 1.0])) == 0


def test_squares_beyond_float32_are_summed_in_float64() -> None:
    assert squared_norms(np.full((1, 2), 2.0**100, np.float32)) == 2.0**201


def test_no_terms_sum_to_zero() -> None:
    assert squared_norms(np.empty((3, 0), np.float32)).tolist() == [0, 0, 0]
