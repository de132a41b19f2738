"""Diagnosis: its parts against definitions, its verdicts on data of known kind."""

from __future__ import annotations

import json

import numpy as np
import pytest
from diagnosed import cloud, needs_kernels
from rows import normal_rows, skewed_rows

import quiver
from quiver.conformance.hazards import METRICS
from quiver.errors import CancelledError, InvalidArgumentError, InvalidTypeError


@pytest.fixture(scope="module")
def diagnosis() -> quiver.Diagnosis:
    return quiver.diagnose(skewed_rows(1000, 32), metric="euclidean", sample=500)


@pytest.fixture(scope="module")
def easy() -> dict[str, quiver.Diagnosis]:
    """One kind of data under every metric."""
    vectors = skewed_rows(700, 48)
    return {metric: quiver.diagnose(vectors, metric=metric) for metric in METRICS}


@needs_kernels
def test_the_forecast_of_a_whole_sample_is_what_an_index_measures() -> None:
    vectors = skewed_rows(1000, 32)
    found = quiver.diagnose(vectors, metric="euclidean", sample=800)
    index = quiver.Index.build(vectors[:800], metric="euclidean")
    efs = [forecast.ef for forecast in found.forecasts[:2]]
    points = quiver.evaluate(index, vectors[800:], ef=efs).points
    for forecast, point in zip(found.forecasts[:2], points, strict=True):
        assert abs(forecast.recall.mean - point.recall.mean) < 0.04


@needs_kernels
def test_forecasts_never_fall_with_ef(diagnosis: quiver.Diagnosis) -> None:
    means = [forecast.recall.mean for forecast in diagnosis.forecasts]
    assert means == sorted(means)
    assert diagnosis.expected_recall(64) == means[1]


@needs_kernels
def test_no_stage_is_expected_to_find_more_than_the_one_before(
    diagnosis: quiver.Diagnosis, easy: dict[str, quiver.Diagnosis]
) -> None:
    for found in (diagnosis, *easy.values()):
        for one in found.forecasts:
            assert one.recall.mean <= one.ceiling.mean


@needs_kernels
@pytest.mark.parametrize("metric", METRICS)
def test_easy_data_fits(metric: str, easy: dict[str, quiver.Diagnosis]) -> None:
    found = easy[metric]
    assert found.verdict.word in ("fits", "fits with wider codes")
    assert found.expected_recall(64) > 0.9


def tight_rows(n: int) -> np.ndarray:
    """Return rows in clusters too tight for two bits."""
    generator = np.random.default_rng(5)
    centers = generator.normal(size=(10, 128))[np.arange(n) % 10]
    return centers + 0.02 * generator.normal(size=(n, 128))


@needs_kernels
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", [tight_rows, lambda n: skewed_rows(n, 160)])
def test_what_is_foretold_is_what_a_build_chooses(kind, metric: str) -> None:
    vectors = kind(1500)
    found = quiver.diagnose(vectors, metric=metric, sample=600)
    index = quiver.Index.build(vectors, metric=metric)
    assert found.look.tried[-1].encoding == index.encoding
    assert index.notes is not None
    of_slack = index.notes.pop("alpha", "1.00" if metric == "inner_product" else "")
    assert f"{found.look.growth or 1:.2f}" in of_slack
    assert found.look.notes(index.dim, index.encoding) == index.notes
    assert found.memory == index.memory_report()
    assert found.fidelity[0].bits == index.encoding.bits
    # Only another code that is expected to find more is recommended, with both figures.
    other = [reason for reason in found.verdict.reasons if "the default one" in reason]
    assert bool(other) == (found.encoding != index.encoding)


@needs_kernels
def test_wider_codes_are_named_beside_the_figures_that_ask_for_them() -> None:
    found = quiver.diagnose(tight_rows(1500), metric="euclidean", sample=600)
    assert found.verdict.word == "fits with wider codes"
    *narrower, last = found.look.tried
    assert all(one.share < 0.97 for one in narrower)
    assert last.share >= 0.97
    assert last.encoding == found.encoding
    for one in found.look.tried:
        assert str(one) in found.verdict.reasons


@needs_kernels
def test_data_far_from_the_origin_fits_only_with_the_transform() -> None:
    vectors = np.abs(skewed_rows(700, 160)) + 3
    found = quiver.diagnose(vectors, metric="euclidean")
    assert found.verdict.word == "fits"
    assert found.encoding.center
    shares = {(row.transform, row.distance): row.shares[1] for row in found.fidelity}
    assert (
        shares["plain", "asymmetric"] < shares["centred + rotated", "asymmetric"] - 0.1
    )


@needs_kernels
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_an_isotropic_cloud_has_no_structure(metric: str) -> None:
    # A thin graph fails on a sample that a thicker one would see most of.
    thin = quiver.BuildParams(max_degree=4, ef_construction=16)
    found = quiver.diagnose(cloud(1000), metric=metric, sample=500, params=thin)
    assert found.verdict.word == "no structure"
    assert found.verdict.is_unsearchable
    assert "concentrated" in found.verdict.reasons[0]


@needs_kernels
def test_an_isotropic_cloud_small_enough_to_search_is_no_hopeless_case() -> None:
    found = quiver.diagnose(cloud(800))
    assert found.structure.local_dimension > 60
    assert found.forecasts[-1].recall.mean > 0.9
    assert not found.verdict.is_unsearchable


@needs_kernels
def test_one_dimension_is_told_by_the_corrections_alone() -> None:
    line = np.random.default_rng(0).normal(size=(900, 1))
    found = quiver.diagnose(line, metric="euclidean")
    assert found.verdict.word == "fits"
    # Length and sign are the whole of a number; a published code has no length.
    shares = {(row.transform, row.distance): row.shares[1] for row in found.fidelity}
    assert shares["plain", "asymmetric"] > 0.99 > 0.5 > shares["plain", "weighted"]


@needs_kernels
@pytest.mark.parametrize("metric", METRICS)
def test_equal_rows_get_a_clear_answer(metric: str) -> None:
    found = quiver.diagnose(np.full((300, 8), 2.0), metric=metric)
    assert found.verdict.word == "no structure"
    assert found.structure.ties == 1.0
    copies = next(one for one in found.findings if one.name.startswith("copies"))
    assert (copies.n_found, copies.rows) == (299, (1, 2, 3, 4, 5))
    assert "equal" in found.verdict.reasons[0]
    json.dumps(found.to_dict(), allow_nan=False)
    assert "no structure" in found.to_html()


@needs_kernels
def test_zero_rows_are_no_error() -> None:
    vectors = np.zeros((100, 8))
    assert quiver.diagnose(vectors).verdict.word == "no structure"


@needs_kernels
def test_few_rows_are_enough_for_an_answer() -> None:
    found = quiver.diagnose(skewed_rows(100, 16))
    assert (found.sample_rows, found.n_queries) == (80, 20)
    assert found.expected_recall(64) > 0.9


@pytest.mark.parametrize(
    ("vectors", "options", "error", "words"),
    [
        (np.zeros((99, 4)), {}, InvalidArgumentError, "at least 100 rows"),
        (np.zeros(400), {}, InvalidArgumentError, "2-d"),
        (np.zeros((200, 4), complex), {}, InvalidTypeError, "real"),
        (np.zeros((200, 4)), {"metric": "manhattan"}, InvalidArgumentError, "metric"),
        (np.zeros((200, 4)), {"sample": 79}, InvalidArgumentError, "sample"),
        (np.zeros((200, 4)), {"seed": -1}, InvalidArgumentError, "seed"),
        (
            np.zeros((200, 4)),
            {"queries": np.zeros((4, 4))},
            InvalidArgumentError,
            "5 rows",
        ),
        (
            np.zeros((200, 4)),
            {"queries": np.zeros((9, 3))},
            InvalidArgumentError,
            "columns",
        ),
    ],
)
def test_wrong_arguments_are_named(
    vectors: np.ndarray, options: dict, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        quiver.diagnose(vectors, **options)


@needs_kernels
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_found_and_left_out(value: float) -> None:
    vectors = skewed_rows(300, 8)
    vectors[217, 3] = value
    (finding,) = quiver.diagnose(vectors).findings[:1]
    assert finding.name == "not finite or too large"
    assert (finding.n_found, finding.rows) == (1, (217,))


def test_too_few_finite_rows_are_an_error_with_their_number() -> None:
    vectors = skewed_rows(120, 8)
    vectors[:30] = np.nan
    with pytest.raises(InvalidArgumentError, match="got 90 that are finite, of 120"):
        quiver.diagnose(vectors)


@needs_kernels
def test_the_same_seed_gives_the_same_diagnosis_with_any_threads() -> None:
    # A graph this thin falls short, so that the float graph is asked as well.
    thin = quiver.BuildParams(max_degree=2, ef_construction=8)

    def documents(seed: int, threads: int) -> dict:
        found = quiver.diagnose(
            skewed_rows(400, 24), sample=200, seed=seed, params=thin, threads=threads
        )
        assert found.float_rows == 200
        return found.to_dict()

    one = documents(seed=5, threads=1)
    assert one == documents(seed=5, threads=3)
    other = documents(seed=6, threads=1)
    # The seed is among what is told, and alone makes no difference.
    assert one["forecasts"] != other["forecasts"]


@needs_kernels
def test_given_queries_are_used() -> None:
    vectors = skewed_rows(300, 24)
    found = quiver.diagnose(vectors[:200], vectors[200:], sample=200)
    assert found.queries_given
    assert (found.sample_rows, found.n_queries) == (200, 100)
    assert "looked at 200 of 200 rows (seed 0) and 100 given queries" in str(found)


@needs_kernels
def test_progress_ends_at_its_total_and_can_cancel() -> None:
    steps: list[tuple[int, int]] = []
    quiver.diagnose(skewed_rows(200, 8), progress=lambda *step: steps.append(step))
    assert steps == [(done, 12) for done in range(13)]
    with pytest.raises(CancelledError):
        quiver.diagnose(skewed_rows(200, 8), progress=lambda *_: False)


@needs_kernels
def test_a_sixteenth_of_ordinary_rows_is_searched() -> None:
    found = quiver.diagnose(skewed_rows(8000, 16), metric="euclidean")
    assert found.structure.local_dimension < 26
    assert (found.sample_rows, found.n_queries) == (500, 200)
    few = quiver.diagnose(skewed_rows(1000, 16), metric="euclidean")
    assert (few.sample_rows, few.n_queries) == (300, 200)


@needs_kernels
def test_more_rows_are_searched_where_few_would_flatter() -> None:
    vectors = normal_rows(2000, 160)
    few = quiver.diagnose(vectors, sample=300)
    assert few.structure.local_dimension > 26
    steps: list[tuple[int, int]] = []
    found = quiver.diagnose(vectors, progress=lambda *step: steps.append(step))
    assert found.sample_rows == 1800
    assert found.expected_recall(64) < few.expected_recall(64) - 0.03
    assert steps[-1] == (12, 12)


@needs_kernels
def test_a_sample_seen_by_every_walk_tells_less() -> None:
    vectors = skewed_rows(3000, 16)
    few, many = (
        quiver.diagnose(vectors, metric="euclidean", sample=rows).forecasts[1].recall
        for rows in (150, 2000)
    )
    assert few.high - few.low > 3 * (many.high - many.low)


@needs_kernels
def test_the_document_is_json(diagnosis: quiver.Diagnosis) -> None:
    document = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
    assert document["verdict"]["word"] == diagnosis.verdict.word
    assert len(document["fidelity"]) == 16
    assert document["memory"]["codes"] == diagnosis.memory.codes
    assert document["look"]["growth"] == diagnosis.look.growth


@needs_kernels
def test_the_report_says_verdict_and_memory(diagnosis: quiver.Diagnosis) -> None:
    report = str(diagnosis)
    assert report.startswith(diagnosis.verdict.word)
    assert "ef= 64: recall@10 expected" in report
    assert "memory: hot" in report
    assert "looked at 500 of 1000 rows (seed 0) and 200 rows held out" in report
    assert "indexes of 125, 250, 500 rows" in report
