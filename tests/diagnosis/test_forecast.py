"""Forecast: small indexes of growing size, continued for every beam width."""

from __future__ import annotations

import numpy as np
import pytest
from rows import skewed_rows

import quiver
from quiver.diagnosis.forecast import FORECAST_WIDTHS, Trial, cut, forecast, run_trials
from quiver.diagnosis.sample import Sample
from quiver.recall.hits import Hits

K = 2
QUERIES = 10


def hits(n_found: int) -> Hits:
    """Return both neighbours of the first queries in front, and none of the others."""
    marks = np.zeros((QUERIES, FORECAST_WIDTHS[-1]), dtype=bool)
    marks[:n_found, :K] = True
    return Hits(marks, K)


def trial(rows: int, found: dict[int, int]) -> Trial:
    return Trial(rows, {ef: hits(found[ef]) for ef in FORECAST_WIDTHS}, hits(10), 0.0)


RISING = {32: 5, 64: 6, 128: 8, 256: 9}


def test_every_width_has_the_measured_recall() -> None:
    found = forecast([trial(rows, RISING) for rows in (100, 200, 400)], 400)
    assert [one.ef for one in found] == list(FORECAST_WIDTHS)
    for one in found:
        assert one.sample_recall == (RISING[one.ef] / QUERIES,) * 3
        assert one.recall.mean <= one.ceiling.mean
        assert one.float_graph is None
    assert found[0].recall.mean < found[-1].recall.mean


def test_a_wider_beam_never_looks_worse() -> None:
    falling = {**RISING, 128: 3, 256: 2}
    found = forecast([trial(rows, falling) for rows in (100, 200, 400)], 10_000)
    assert [one.sample_recall[0] for one in found] == [0.5, 0.6, 0.3, 0.2]
    second, third, fourth = found[1:]
    assert fourth.recall == third.recall == second.recall


def test_more_rows_than_the_sample_lower_the_recall() -> None:
    trials = [trial(rows, RISING) for rows in (100, 200, 400)]
    near, far = (forecast(trials, n)[0].recall for n in (400, 100_000))
    assert far.mean < near.mean


@pytest.mark.parametrize(("k", "sizes"), [(2, [6, 12, 24]), (8, [8, 12, 24])])
def test_parts_are_a_quarter_half_and_all_but_no_fewer_than_k(
    k: int, sizes: list[int]
) -> None:
    backend = quiver.get_backend("reference")
    rows = skewed_rows(34, 6)
    sample = Sample(rows[:24], rows[24:], 24, "euclidean", backend, queries_given=True)
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    trials = list(run_trials(cut(sample, k), k, quiver.Encoding(), params, threads=1))
    assert [one.rows for one in trials] == sizes
    # A beam as wide as the part holds every row of it.
    assert all(one.walks[32].shares(32).min() == 1 for one in trials)
