"""Verdicts: one rule for word and numbers, and numbers that a real build measures."""

from __future__ import annotations

import sys

import measure_diagnosis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_diagnosis import DIMENSIONS, KINDS, SIGMAS, Case, Outcome

import quiver
from quiver.datasets import load_demo
from quiver.diagnosis.fidelity import DEPTHS, Fidelity
from quiver.diagnosis.forecast import FORECAST_WIDTHS, Forecast, run_trials
from quiver.diagnosis.structure import Structure
from quiver.diagnosis.verdict import GOOD_RECALL, WORDS, falls_short, judge
from quiver.diagnosis.width import Look
from quiver.recall.hits import Hits
from quiver.recall.intervals import Interval

needs_kernels = pytest.mark.skipif(
    quiver.get_backend("auto").name == "reference",
    reason="a diagnosis builds three indexes: minutes with the NumPy kernels",
)

ROWS, SAMPLE = 2000, 800
STATED_ERROR = 0.10
"""Of the recall expected at ef=64, for ``ROWS`` from ``SAMPLE``; docs/diagnosis.md."""

PAIRS = list(measure_diagnosis.metrics_and_sigmas(SIGMAS))

shares = st.floats(0.01, 0.99)
rising = st.lists(shares, min_size=4, max_size=4).map(sorted)


def interval(mean: float) -> Interval:
    return Interval(mean, mean / 2, (1 + mean) / 2)


def make_forecasts(recalls: list[float], uncoded: list[float]) -> tuple[Forecast, ...]:
    """Return forecasts whose default re-rank loses nothing."""
    found = tuple(
        Forecast(ef, (), interval(recall), interval(0.99))
        for ef, recall in zip(FORECAST_WIDTHS, recalls, strict=True)
    )
    if not falls_short(found):
        return found
    return tuple(
        one._replace(float_graph=interval(mean))
        for one, mean in zip(found, uncoded, strict=True)
    )


def make_structure(local_dimension: float, chance: float) -> Structure:
    return Structure(local_dimension, 1.5, 0.1, 0.0, chance, (), (), ())


def fidelity(share: float) -> Fidelity:
    count = len(DEPTHS)
    hits = Hits(np.ones((1, 1), dtype=np.bool_), 1)
    return Fidelity("plain", "asymmetric", None, (share,) * count, (0.0,) * count, hits)


@given(rising, rising, st.floats(1, 1000), shares, shares, shares)
def test_a_word_never_contradicts_the_recall_expected(
    recalls: list[float],
    uncoded: list[float],
    local_dimension: float,
    chance: float,
    own: float,
    plain: float,
) -> None:
    forecasts = make_forecasts(recalls, uncoded)
    structure = make_structure(local_dimension, chance)
    verdict = judge(fidelity(own), fidelity(plain), structure, forecasts, Look())
    is_good = [recall >= GOOD_RECALL for recall in recalls]
    at_default = is_good[FORECAST_WIDTHS.index(64)]
    if chance >= GOOD_RECALL:
        assert verdict.word == "no structure"
        assert "random rows score as high" in verdict.reasons[0]
        return
    assert (verdict.word in ("fits", "fits with wider codes")) == at_default
    assert verdict.is_unsearchable == (not any(is_good))
    if verdict.word == "use a larger ef":
        assert not at_default
    if verdict.is_unsearchable:
        float_is_good = uncoded[-1] >= GOOD_RECALL
        assert (verdict.word == "not with these codes") == float_is_good
    assert verdict.word in WORDS


def case_for(number: int, metric: str, sigma: float, seed: int = 0) -> Case:
    """Return a case of every kind and dimension in turn."""
    kind, dim = KINDS[number % len(KINDS)], DIMENSIONS[number % len(DIMENSIONS)]
    return measure_diagnosis.make_case(kind, dim, metric, sigma, ROWS, seed)


def check(outcome: Outcome) -> None:
    """Assert that the numbers are near, and the word follows from them."""
    found, error = outcome.diagnosis, STATED_ERROR
    assert abs(outcome.error) < error
    whole = {one.ef: one.recall.mean for one in found.forecasts}
    word = found.verdict.word
    assert word.startswith("fits") == (found.expected_recall(64) >= GOOD_RECALL)
    assert found.verdict.is_unsearchable == (whole[256] < GOOD_RECALL)
    if word.startswith("fits"):
        assert outcome.measured[64] > GOOD_RECALL - error
    if word == "use a larger ef":
        assert outcome.measured[64] < GOOD_RECALL + error
        assert outcome.whole_beam[256] > GOOD_RECALL - error
    if found.verdict.is_unsearchable:
        assert outcome.whole_beam[256] < GOOD_RECALL + error


@needs_kernels
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_build_measures_what_was_expected_on_data_held_out(
    pair: tuple[str, float],
) -> None:
    case = case_for(PAIRS.index(pair), *pair)
    check(measure_diagnosis.measure(case, SAMPLE))


@needs_kernels
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("dim", DIMENSIONS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_build_measures_what_was_expected_everywhere(
    pair: tuple[str, float], kind, dim: int, seed: int
) -> None:
    case = measure_diagnosis.make_case(kind, dim, *pair, ROWS, seed)
    check(measure_diagnosis.measure(case, SAMPLE))


def demo_with_norms(n: int, sigma: float) -> np.ndarray:
    return measure_diagnosis.with_norms(load_demo().vectors[:n], sigma, 0)


@needs_kernels
def test_norms_that_vary_are_no_lack_of_structure_under_inner_product() -> None:
    found = quiver.diagnose(demo_with_norms(1000, 1.0), metric="inner_product")
    assert found.expected_recall(64) > 0.95
    assert found.verdict.word == "fits"


@needs_kernels
def test_codes_are_not_blamed_for_what_a_float32_graph_loses_too() -> None:
    params = quiver.BuildParams(max_degree=8, ef_construction=32)
    vectors = demo_with_norms(3000, 1.0)
    found = quiver.diagnose(vectors, metric="euclidean", sample=1000, params=params)
    widest = found.forecasts[-1]
    assert widest.recall.mean < GOOD_RECALL
    assert widest.float_graph is not None
    assert widest.float_graph.mean < GOOD_RECALL
    assert found.verdict.word == "no structure"
    assert "no such graph will do" in found.verdict.reasons[0]


@needs_kernels
def test_codes_are_blamed_where_a_float32_graph_would_do() -> None:
    generator = np.random.default_rng(0)
    centers = generator.normal(size=(2, 64))
    rows = centers[generator.integers(2, size=1500)]
    rows = rows + 1e-4 * generator.normal(size=(1500, 64))
    found = quiver.diagnose(rows, metric="euclidean", sample=1000)
    assert found.verdict.word == "not with these codes"
    assert "codes of 8 bits lose the rest" in found.verdict.reasons[0]
    assert found.float_rows == 1000


@needs_kernels
def test_no_float_graph_is_built_where_nothing_is_lost() -> None:
    found = quiver.diagnose(demo_with_norms(500, 0.0))
    assert found.float_rows == 0
    assert all(one.float_graph is None for one in found.forecasts)
    assert "float32" not in found.looked_at


@needs_kernels
@pytest.mark.parametrize("graph_is_worse", [False, True])
def test_an_encoding_is_recommended_only_if_it_finds_more(
    monkeypatch: pytest.MonkeyPatch, graph_is_worse: bool
) -> None:
    thin = quiver.BuildParams(max_degree=2, ef_construction=4)

    def run(parts, k, encoding, params, threads):
        is_thin = graph_is_worse and encoding != quiver.Encoding()
        return run_trials(parts, k, encoding, thin if is_thin else params, threads)

    diagnose_module = sys.modules["quiver.diagnosis.diagnose"]
    monkeypatch.setattr(diagnose_module, "run_trials", run)
    vectors = demo_with_norms(1000, 1.5)
    found = quiver.diagnose(vectors, metric="euclidean", sample=800)
    # Codes of rows not centred rank these better.
    shares = {(row.transform, row.distance): row.shares[1] for row in found.fidelity}
    default = shares["centred + rotated", "asymmetric"]
    assert shares["rotated", "asymmetric"] > default + 0.01
    assert found.encoding == quiver.Encoding(center=graph_is_worse)
