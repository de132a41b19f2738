"""Forecast: small indexes of growing size, continued for every beam width."""

from __future__ import annotations

import numpy as np
import pytest
from diagnosed import needs_kernels
from forecast_kinds import kinds
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


KINDS = {(kind.name, kind.metric): kind for kind in kinds()}


def diagnosed_and_measured(
    name: str, metric: str, n: int, sample: int | None
) -> tuple[quiver.Diagnosis, list[float]]:
    """Return what was expected of n rows, and what an index of them finds."""
    rows = KINDS[name, metric].make(n + 300)
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    base, queries = rows[:n], rows[n:]
    found = quiver.diagnose(base, metric=metric, sample=sample)
    index = quiver.Index.build(base, metric=metric, encoding=found.encoding)
    points = quiver.evaluate(index, queries, ef=FORECAST_WIDTHS).points
    return found, [point.recall.mean for point in points]


@pytest.mark.slow
@needs_kernels
@pytest.mark.parametrize(
    ("name", "metric", "n", "sample"),
    [
        ("text-384 with copies", "cosine", 2000, 500),
        ("text-384 with fill values", "euclidean", 2000, 500),
        ("few-dimensions", "euclidean", 2000, 500),
        ("8-d cloud", "euclidean", 1000, 250),
        ("64-d cloud", "inner_product", 2000, 800),
        ("128-d cloud", "cosine", 2000, None),
        ("sift-like, sigma=1.5", "euclidean", 2000, 500),
        ("words-like, sigma=1", "inner_product", 2000, 500),
        ("200 blobs", "cosine", 2000, 500),
        ("20 tight blobs", "euclidean", 2000, 500),
        ("64 wide byte blobs", "inner_product", 3000, 1500),
        ("log-normal", "euclidean", 2000, 500),
        ("ramp-column", "euclidean", 2000, 500),
        ("text-1536", "cosine", 1000, 300),
    ],
)
def test_intervals_hold_what_an_index_finds_in_awkward_rows(
    name: str, metric: str, n: int, sample: int | None
) -> None:
    found, measured = diagnosed_and_measured(name, metric, n, sample)
    for one, recall in zip(found.forecasts, measured, strict=True):
        # As printed, in tenths of a percent: no interval can end at 1.
        low, recall, high = (
            round(share, 3) for share in (one.recall.low, recall, one.recall.high)
        )
        assert low <= recall <= high, one.ef


@needs_kernels
def test_noise_that_an_index_cannot_search_is_told_by_a_usual_sample() -> None:
    found, measured = diagnosed_and_measured("sphere", "cosine", 2400, None)
    assert measured[FORECAST_WIDTHS.index(64)] < 0.85
    assert not found.verdict.word.startswith("fits")
    assert found.expected_recall(64) < 0.9
