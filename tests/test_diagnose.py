"""Diagnosis: its parts against definitions, its verdicts on data of known kind."""

from __future__ import annotations

import json
import warnings
from html.parser import HTMLParser
from pathlib import Path

import format_reader
import numpy as np
import pytest
from scipy.spatial.distance import cdist

import quiver
from quiver.conformance.hazards import METRICS
from quiver.diagnosis.fidelity import DEPTHS, measure_fidelity
from quiver.diagnosis.planes import measure_moments
from quiver.diagnosis.sample import draw_sample
from quiver.diagnosis.structure import measure_structure
from quiver.diagnosis.trend import extrapolate
from quiver.encoding import encode_queries
from quiver.errors import CancelledError, InvalidArgumentError, InvalidTypeError
from quiver.recall.hits import scan_hits
from quiver.recall.intervals import normal_share
from quiver.reference.lanes import squared_norms

needs_kernels = pytest.mark.skipif(
    quiver.get_backend("auto").name == "reference",
    reason="a diagnosis builds three indexes: minutes with the NumPy kernels",
)


def skewed(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """Points whose coordinates matter unequally, far from the origin."""
    spread = np.exp(-np.arange(dim) / 10)
    points = np.random.default_rng(seed).normal(size=(n, dim)) * spread + 0.7
    return points.astype(np.float32)


def cloud(n: int) -> np.ndarray:
    """Normal points in so many dimensions that all are about equally far apart."""
    return np.random.default_rng(0).standard_normal((n, 512), dtype=np.float32)


def sample_of(vectors: np.ndarray, metric: str = "euclidean", **options: int):
    options = {"size": 400, "seed": 3, **options}
    backend = quiver.get_backend("auto")
    return draw_sample(vectors, None, metric=metric, backend=backend, **options)


@pytest.fixture(scope="module")
def diagnosis() -> quiver.Diagnosis:
    return quiver.diagnose(skewed(1000, 32), metric="euclidean", sample=500)


@pytest.fixture(scope="module")
def easy() -> dict[str, quiver.Diagnosis]:
    """One kind of data under every metric."""
    vectors = skewed(700, 48)
    return {metric: quiver.diagnose(vectors, metric=metric) for metric in METRICS}


def test_a_sample_is_rows_of_the_base_and_no_row_twice() -> None:
    vectors = np.arange(3000, dtype=np.float32).reshape(1000, 3)
    sample = sample_of(vectors)
    assert sample.vectors.shape == (400, 3)
    drawn = np.concatenate([sample.vectors, sample.queries])[:, 0]
    assert len(np.unique(drawn)) == len(drawn) == 600
    assert set(drawn) <= set(vectors[:, 0])


def test_a_small_sample_of_a_large_base_has_no_row_twice() -> None:
    vectors = np.arange(50_000, dtype=np.float32)[:, None]
    drawn = sample_of(vectors, size=3000).vectors[:, 0]
    assert len(np.unique(drawn)) == 3000
    # Uniform: the mean of 3 000 of 50 000 numbers, within five standard errors.
    assert abs(drawn.mean() - 25_000) < 5 * 50_000 / np.sqrt(12 * 3000)


def test_only_rows_drawn_are_read(tmp_path: Path) -> None:
    vectors = skewed(5000, 8)
    drawn = sample_of(vectors)
    kept = set(map(bytes, np.concatenate([drawn.vectors, drawn.queries])))
    for row in vectors:
        if bytes(row) not in kept:
            row[0] = np.nan
    assert np.isnan(vectors).any()
    assert np.array_equal(sample_of(vectors).vectors, drawn.vectors)


@pytest.mark.parametrize("metric", METRICS)
def test_the_euclidean_view_keeps_every_neighbour(metric: str) -> None:
    vectors = skewed(500, 12)
    sample = sample_of(vectors, metric)
    view = sample.euclidean()
    ids, _ = sample.neighbors(10)
    distances = cdist(view.queries, view.vectors)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :10]
    assert np.mean(ids == nearest) > 0.999
    exact, _ = quiver.exact_knn(sample.vectors, sample.queries, 10, metric=metric)
    assert np.array_equal(ids, exact)


def test_fidelity_is_a_ranking_of_every_row_by_code() -> None:
    sample = sample_of(skewed(600, 20))
    ids, kth = sample.neighbors(10)
    rows = [
        row
        for part, _ in measure_fidelity(sample, kth[:, -1], 10, 0, 1)
        for row in part
    ]
    names = [(row.transform, row.distance) for row in rows]
    assert len(set(names)) == len(rows) == 16
    backend = sample.backend
    for row in rows:
        if row.encoding is None or row.transform != "plain":
            continue
        index = quiver.Index.build(
            sample.vectors, metric="euclidean", encoding=row.encoding
        )
        distances = backend.distance(
            index.codes, encode_queries(index.state, index.backend, sample.queries)
        )
        for depth, share in zip(DEPTHS, row.shares, strict=True):
            best = np.argsort(distances, axis=1, kind="stable")[:, :depth]
            hits = [len(set(a) & set(b)) for a, b in zip(best, ids, strict=True)]
            assert share == pytest.approx(np.mean(hits) / 10)


def test_hamming_counts_differing_planes() -> None:
    sample = sample_of(skewed(500, 20))
    _, kth = sample.neighbors(10)
    (rows, _), *_ = measure_fidelity(sample, kth[:, -1], 10, 0, 1)
    hamming = next(row for row in rows if row.distance == "hamming")
    transform = quiver.encoding.fit(sample.vectors, "euclidean", quiver.Encoding(), 0)
    from quiver.reference.transform import apply_transform

    base, asked = (
        apply_transform(x, transform) for x in (sample.vectors, sample.queries)
    )
    planes = [
        np.hstack([x > 0, np.abs(x) > np.abs(x).mean(axis=1, keepdims=True)])
        for x in (base, asked)
    ]
    distances = cdist(planes[1], planes[0], "cityblock")
    best = np.argsort(distances, axis=1, kind="stable")[:, :64]
    exact = cdist(sample.queries, sample.vectors)
    near = np.argsort(exact, axis=1)[:, :10]
    hits = [len(set(a) & set(b)) for a, b in zip(best, near, strict=True)]
    assert hamming.shares[2] == pytest.approx(np.mean(hits) / 10)


def test_the_local_dimension_is_that_of_the_surface_the_points_lie_on() -> None:
    generator = np.random.default_rng(4)
    flat = generator.uniform(size=(20_000, 5)) @ generator.normal(size=(5, 40))
    found = measure_structure(sample_of(flat, size=10_000), 10).local_dimension
    assert 4.3 < found < 5.5


def test_effective_dimension_is_that_of_the_covariance() -> None:
    variances = np.array([9.0, 4.0, 1.0, 0.25])
    points = np.random.default_rng(0).normal(size=(4000, 4)) * np.sqrt(variances)
    moments = measure_moments(sample_of(points + 10, size=3000))
    expected = variances.sum() ** 2 / (variances**2).sum()
    assert moments.effective_dimension == pytest.approx(expected, rel=0.05)
    assert moments.mean_norm == pytest.approx(20 / np.sqrt(400 + 14.25), rel=0.01)


def test_ties_are_seen() -> None:
    vectors = np.repeat(skewed(40, 6), 30, axis=0)
    structure = measure_structure(sample_of(vectors), 10)
    assert structure.ties > 0.5
    assert structure.chance < 0.1


@needs_kernels
def test_rows_in_equal_groups_are_not_called_equal() -> None:
    found = quiver.diagnose(np.repeat(skewed(2, 6), 200, axis=0), metric="euclidean")
    assert found.structure.local_dimension == np.inf
    assert found.verdict.word.startswith("fits")


def test_fidelity_under_inner_product_is_that_of_the_codes_searched() -> None:
    sample = sample_of(skewed(400, 20), "inner_product")
    _, kth = sample.neighbors(10)
    (rows, _), *_ = measure_fidelity(sample, kth[:, -1], 10, 0, 1)
    index = quiver.Index.build(sample.vectors, metric="inner_product")
    hits = scan_hits(index, sample.queries, kth[:, -1], 10, DEPTHS[-1], 1)
    expected = [hits.shares(depth).mean() for depth in DEPTHS]
    assert rows[0].shares == pytest.approx(expected)


def test_an_extrapolated_line_goes_on_where_the_theory_says() -> None:
    sizes, n = [2500, 5000, 10_000], 100_000
    generator = np.random.default_rng(6)

    def shares(rows: int) -> np.ndarray:
        p = normal_share(
            2.2 - 1.3 * (np.sqrt(2 * np.log(rows)) - np.sqrt(2 * np.log(1e4)))
        )
        return generator.binomial(10, p, size=4000) / 10

    found = extrapolate(sizes, [shares(rows) for rows in sizes], n)
    beyond = np.sqrt(2 * np.log(n)) - np.sqrt(2 * np.log(1e4))
    expected = normal_share(2.2 - 1.3 * 0.85 * beyond)
    assert abs(found.mean - expected) < 0.006
    assert found.low < expected < found.high


def test_nothing_is_extrapolated_within_the_sample() -> None:
    shares = [np.full(500, 0.9)] * 2
    near, far = (extrapolate([500, 1000], shares, n) for n in (1000, 1_000_000))
    assert abs(near.mean - 0.9) < 0.02
    assert far.mean < near.mean
    assert far.high - far.low > near.high - near.low


def test_perfect_shares_stay_inside_the_unit_interval() -> None:
    found = extrapolate([100, 200, 400], [np.ones(50)] * 3, 10_000)
    assert 0 < found.low <= found.mean <= found.high < 1


@needs_kernels
def test_the_forecast_of_a_whole_sample_is_what_an_index_measures() -> None:
    vectors = skewed(1000, 32)
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
            assert one.recall.mean <= one.whole_beam.mean <= one.ceiling.mean


@needs_kernels
@pytest.mark.parametrize("metric", METRICS)
def test_easy_data_fits(metric: str, easy: dict[str, quiver.Diagnosis]) -> None:
    found = easy[metric]
    assert found.verdict.word in ("fits", "fits with rotation")
    assert found.expected_recall(64) > 0.9


@needs_kernels
def test_data_far_from_the_origin_fits_only_with_the_transform() -> None:
    vectors = np.abs(skewed(700, 48)) + 3
    found = quiver.diagnose(vectors, metric="euclidean")
    assert found.verdict.word == "fits with rotation"
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
    assert found.forecasts[-1].whole_beam.mean > 0.9
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
    assert found.moments.duplicates > 0.99
    assert "equal" in found.verdict.reasons[0]
    json.dumps(found.to_dict(), allow_nan=False)
    assert "no structure" in found.to_html()


@needs_kernels
def test_zero_rows_are_no_error() -> None:
    vectors = np.zeros((100, 8))
    assert quiver.diagnose(vectors).verdict.word == "no structure"


@needs_kernels
def test_few_rows_are_enough_for_an_answer() -> None:
    found = quiver.diagnose(skewed(100, 16))
    assert (found.sample_rows, found.n_queries) == (80, 20)
    assert found.expected_recall(64) > 0.9


@pytest.mark.parametrize(
    ("vectors", "options", "error", "words"),
    [
        (np.zeros((99, 4)), {}, InvalidArgumentError, "at least 100 rows"),
        (np.zeros(400), {}, InvalidArgumentError, "2-d"),
        (np.zeros((200, 4), complex), {}, InvalidTypeError, "real"),
        (np.zeros((200, 4)), {"metric": "l2"}, InvalidArgumentError, "metric"),
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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_by_its_row(value: float) -> None:
    vectors = skewed(300, 8)
    vectors[217, 3] = value
    with pytest.raises(InvalidArgumentError, match="in row 217"):
        quiver.diagnose(vectors)


@needs_kernels
def test_the_same_seed_gives_the_same_diagnosis_with_any_threads() -> None:
    # A graph this thin falls short, so that the float graph is asked as well.
    thin = quiver.BuildParams(max_degree=2, ef_construction=8)

    def documents(seed: int, threads: int) -> dict:
        found = quiver.diagnose(
            skewed(400, 24), sample=200, seed=seed, params=thin, threads=threads
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
    vectors = skewed(300, 24)
    found = quiver.diagnose(vectors[:200], vectors[200:], sample=200)
    assert found.queries_given
    assert (found.sample_rows, found.n_queries) == (200, 100)
    assert "looked at 200 of 200 rows (seed 0) and 100 given queries" in str(found)


@needs_kernels
def test_progress_ends_at_its_total_and_can_cancel() -> None:
    steps: list[tuple[int, int]] = []
    quiver.diagnose(skewed(200, 8), progress=lambda *step: steps.append(step))
    assert steps == [(done, 10) for done in range(1, 11)]
    with pytest.raises(CancelledError):
        quiver.diagnose(skewed(200, 8), progress=lambda *_: False)


@needs_kernels
def test_the_document_is_json(diagnosis: quiver.Diagnosis) -> None:
    document = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
    assert document["verdict"]["word"] == diagnosis.verdict.word
    assert len(document["fidelity"]) == 16
    assert document["memory"]["codes"] == diagnosis.memory.codes


@needs_kernels
def test_the_page_needs_nothing_from_outside(diagnosis: quiver.Diagnosis) -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[tuple[str, dict]] = []

        def handle_starttag(self, tag: str, attrs: list) -> None:
            self.found.append((tag, dict(attrs)))

    tags = Tags()
    tags.feed(diagnosis.to_html())
    names = [tag for tag, _ in tags.found]
    # Forecast, distances, four fidelity curves, four plane densities.
    assert names.count("svg") == 10
    assert not {"script", "img", "link", "iframe"} & set(names)
    assert not any("href" in attrs or "src" in attrs for _, attrs in tags.found)


@needs_kernels
def test_the_report_says_verdict_and_memory(diagnosis: quiver.Diagnosis) -> None:
    report = str(diagnosis)
    assert report.startswith(diagnosis.verdict.word)
    assert "ef= 64: recall@10 expected" in report
    assert "memory: hot" in report
    assert "looked at 500 of 1000 rows (seed 0) and 200 rows held out" in report
    assert "indexes of 125, 250, 500 rows" in report


@needs_kernels
def test_auto_builds_what_the_diagnosis_recommends_and_keeps_its_numbers(
    tmp_path: Path,
) -> None:
    vectors = skewed(300, 24)
    index = quiver.Index.build(vectors, metric="euclidean", encoding="auto")
    plain = quiver.Index.build(vectors, metric="euclidean", encoding=index.encoding)
    assert np.array_equal(index.neighbors, plain.neighbors)
    found = quiver.diagnose(vectors, metric="euclidean")
    assert index.encoding == found.encoding
    assert index.notes is not None
    assert index.notes["verdict"] == found.verdict.word
    index.save(tmp_path / "auto.quiver")
    assert quiver.open(tmp_path / "auto.quiver").notes == index.notes
    content = format_reader.read((tmp_path / "auto.quiver").read_bytes())
    assert content["header"]["diagnosis"] == index.notes


def test_an_index_built_without_auto_keeps_nothing(tmp_path: Path) -> None:
    index = quiver.Index.build(skewed(120, 8))
    assert index.notes is None
    index.save(tmp_path / "plain.quiver")
    assert quiver.open(tmp_path / "plain.quiver").notes is None


@needs_kernels
def test_auto_warns_where_no_search_will_do() -> None:
    thin = quiver.BuildParams(max_degree=2, ef_construction=8)
    with pytest.warns(UserWarning, match="no structure: exact distances"):
        index = quiver.Index.build(cloud(600), params=thin, encoding="auto")
    assert index.n == 600


def test_auto_takes_the_default_where_rows_are_too_few() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        index = quiver.Index.build(skewed(20, 8), encoding="auto")
    assert index.encoding == quiver.Encoding()
    assert index.notes is None


@needs_kernels
def test_auto_can_be_cancelled_while_it_diagnoses() -> None:
    with pytest.raises(CancelledError):
        quiver.Index.build(skewed(300, 8), encoding="auto", progress=lambda *_: False)


def test_an_unknown_word_for_the_encoding_is_an_error() -> None:
    with pytest.raises(InvalidTypeError, match="encoding must be"):
        quiver.Index.build(skewed(300, 8), encoding="best")


def test_squared_norms_agree_with_the_view() -> None:
    view = sample_of(skewed(300, 8), "inner_product").euclidean()
    norms = squared_norms(view.vectors)
    assert np.allclose(norms, norms[0], rtol=1e-5)
