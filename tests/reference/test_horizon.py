"""A horizon: the same walk, ended where what is left is too far."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CodedCase, coded_cases, graph_kinds

from quiver._typing import Keys
from quiver.conformance import hazards
from quiver.reference.distance import one_query
from quiver.reference.horizon import Horizon, is_beyond, within
from quiver.reference.keys import make_keys
from quiver.reference.walk import walk


def beam_at(*distances: float) -> Keys:
    return make_keys(np.array(distances, np.float32), np.arange(len(distances)))


@pytest.mark.parametrize(
    ("horizon", "distance", "beyond"),
    [
        (None, 1e9, False),
        # As far as that is not beyond.
        (Horizon(2, 1.5), 6.0, False),
        (Horizon(2, 1.5), 6.0001, True),
        (Horizon(1, 1.5), 6.0, True),
        # Fewer are found than are wanted.
        (Horizon(4, 1.0), 1e9, False),
        # Too far for float32.
        (Horizon(3, 1e300), 1e9, False),
    ],
)
def test_a_row_is_beyond_by_so_many_times_the_distance_of_a_rank(
    horizon: Horizon | None, distance: float, beyond: bool
) -> None:
    key = beam_at(distance)[0]
    with np.errstate(over="ignore"):
        assert is_beyond(horizon, key, beam_at(2, 4, 5)) is beyond


def test_estimates_below_zero_count_as_zero() -> None:
    near = beam_at(-3, -1)
    assert not is_beyond(Horizon(2, 2.0), beam_at(-0.5)[0], near)
    assert not is_beyond(Horizon(2, 2.0), beam_at(0.0)[0], near)
    assert is_beyond(Horizon(2, 2.0), beam_at(0.5)[0], near)


def test_a_beam_keeps_what_is_within_and_the_rank_at_least() -> None:
    beam = beam_at(-1, 2, 3, 4, 5)
    assert within(None, beam).tolist() == beam.tolist()
    assert within(Horizon(2, 1.5), beam).tolist() == beam[:3].tolist()
    assert within(Horizon(2, 1.0), beam).tolist() == beam[:2].tolist()
    assert within(Horizon(1, 9.0), beam).tolist() == beam[:1].tolist()
    assert within(Horizon(6, 1.0), beam).tolist() == beam.tolist()


@given(
    case=coded_cases(min_n=1, max_n=40),
    kind=graph_kinds,
    ef=st.integers(1, 40),
    rank=st.integers(1, 12),
    factor=st.floats(1, 4),
)
def test_a_walk_to_a_horizon_is_the_beginning_of_the_walk_without(
    case: CodedCase, kind: str, ef: int, rank: int, factor: float
) -> None:
    neighbors = hazards.make_neighbors(case.rng, case.codes.n_rows, 5, kind)
    start, horizon = np.zeros(1, np.uint32), Horizon(rank, factor)
    for number in range(len(case.queries[0])):
        graph = case.codes, neighbors, one_query(case.queries, number), start
        steps = list(walk(*graph, ef))
        ended = list(walk(*graph, ef, horizon=horizon))
        whole, beams = [one.node for one in steps], [one.beam for one in ended]
        assert [one.node for one in ended] == whole[: len(ended)]
        keys = {int(key) & 0xFFFF_FFFF: key for one in steps for key in one.beam}
        # What was expanded was not beyond; what would have been next is.
        for before, after in pairwise(ended):
            assert not is_beyond(horizon, keys[after.node], before.beam)
        if len(ended) < len(steps):
            assert is_beyond(horizon, keys[steps[len(ended)].node], beams[-1])
