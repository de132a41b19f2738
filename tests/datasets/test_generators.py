"""The regimes: reproducible, and of the statistics their module states."""

from __future__ import annotations

import boundary
import numpy as np
import pytest

import quiver
from quiver.datasets.generators import REGIMES, Regime, find_regime, generate
from quiver.diagnosis.planes import measure_moments
from quiver.diagnosis.sample import draw_sample
from quiver.diagnosis.structure import measure_structure
from quiver.errors import InvalidArgumentError, InvalidTypeError

NAMES = [regime.name for regime in REGIMES]


def euclidean_sample(regime: Regime, rows: int):
    vectors, queries = generate(regime, rows, 200)
    backend = quiver.get_backend("auto")
    every = np.arange(rows)
    return draw_sample(
        *(vectors, every, queries, regime.metric), size=rows, seed=0, backend=backend
    ).euclidean()


def test_there_are_seventeen_regimes_of_distinct_names() -> None:
    assert len(set(NAMES)) == 17


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_finite_rows(name: str) -> None:
    regime = find_regime(name)
    vectors, queries = generate(regime, 300, 20, seed=4)
    again, _ = generate(regime, 300, 20, seed=4)
    other, _ = generate(regime, 300, 20, seed=5)
    assert vectors.shape == (300, regime.dim)
    assert queries.shape == (20, regime.dim)
    assert vectors.dtype == queries.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.array_equal(vectors, again)
    assert not np.array_equal(vectors, other)


@pytest.mark.parametrize("name", NAMES)
def test_cosine_regimes_have_unit_rows(name: str) -> None:
    regime = find_regime(name)
    if regime.metric == "cosine":
        vectors, _ = generate(regime, 200, 5)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "mean_norm"),
    [("text-384", 0.32), ("text-768", 0.83), ("text-1536", 0.84), ("clip-like", 0.7)],
)
def test_embeddings_have_the_mean_norm_stated(name: str, mean_norm: float) -> None:
    moments = measure_moments(euclidean_sample(find_regime(name), 3000))
    assert moments.mean_norm == pytest.approx(mean_norm, abs=0.03)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        # At 10 000 rows MiniLM has 25 and SIFT 12.
        *[("text-384", 20, 30), ("sift-like", 10, 20), ("gist-like", 15, 26)],
        *[("words-like", 25, 38), ("zipf-clusters", 5, 15)],
        *[("gaussian", 100, 200), ("sphere", 100, 200)],
    ],
)
def test_local_dimensions_are_those_of_the_kind(
    name: str, low: float, high: float
) -> None:
    structure = measure_structure(euclidean_sample(find_regime(name), 10_000), 10)
    assert low < structure.local_dimension < high


def test_sift_like_rows_are_clipped_8_bit_histograms() -> None:
    vectors, _ = generate(find_regime("sift-like"), 1000, 5)
    assert vectors.min() == 0
    assert vectors.max() <= 255
    assert np.array_equal(vectors, np.rint(vectors))
    # A row with much above 255 is cut once more by the 8 bits, and is shorter.
    norms = np.linalg.norm(vectors, axis=1)
    assert norms.max() < 516
    assert np.median(norms) == pytest.approx(512, rel=0.01)
    assert 0.1 < (vectors == 0).mean() < 0.25


@pytest.mark.parametrize(
    ("name", "share"),
    [
        # Of text-384 it is 1.2, of sift-like 0.8.
        *[("near-copies", 0.15), ("ramp-column", 0.15), ("image-patches", 0.1)],
        *[("walk-windows", 0.01), ("few-dimensions", 0.01)],
    ],
)
def test_neighbors_of_the_tight_kinds_are_far_closer_than_the_spread(
    name: str, share: float
) -> None:
    vectors, queries = generate(find_regime(name), 5000, 100)
    _, distances = quiver.exact_knn(vectors, queries, 10, metric="euclidean")
    spread = vectors.var(axis=0, dtype=np.float64).sum()
    assert np.median(distances[:, -1].astype(np.float64) ** 2) < share * spread


def test_image_patches_are_8_bit_pixels_and_walks_are_windows_of_one_walk() -> None:
    patches, _ = generate(find_regime("image-patches"), 500, 5)
    assert np.array_equal(patches, np.rint(patches))
    assert patches.min() >= 0
    assert patches.max() <= 255
    windows, rest = generate(find_regime("walk-windows"), 195, 5)
    rows = np.concatenate([windows, rest])
    # Every window but the last begins one step before another.
    starts = {row[:-1].tobytes() for row in rows}
    assert sum(row[1:].tobytes() in starts for row in rows) == 199


def test_an_unknown_regime_is_named() -> None:
    with pytest.raises(InvalidArgumentError, match="text-384"):
        find_regime("text-385")


@pytest.mark.parametrize(
    ("numbers", "error"),
    [
        ((0, 1), InvalidArgumentError),
        ((1, 0), InvalidArgumentError),
        ((1.5, 1), InvalidTypeError),
    ],
)
def test_wrong_sizes_are_errors(numbers: tuple, error: type[Exception]) -> None:
    with pytest.raises(error):
        generate(REGIMES[0], *numbers)


def row_with(word: str, default: dict, whole: dict, graph: dict) -> boundary.Row:
    vectors = np.random.default_rng(0).normal(size=(400, 8))
    found = quiver.diagnose(vectors)
    object.__setattr__(found, "verdict", found.verdict._replace(word=word))
    task = boundary.Task("made up", "cosine", float("nan"), vectors, vectors)
    return boundary.Row(task, found, whole, whole, default, graph)


@pytest.mark.parametrize(
    ("word", "at_64", "at_256", "graph", "right"),
    [
        ("fits", 0.95, 0.99, 0.95, True),
        ("fits with wider codes", 0.89, 0.99, 0.95, False),
        ("use a larger ef", 0.85, 0.95, 0.95, True),
        ("use a larger ef", 0.95, 0.99, 0.95, False),
        ("not with these codes", 0.5, 0.7, 0.95, True),
        ("not with these codes", 0.5, 0.93, 0.95, False),
        ("no structure", 0.5, 0.7, 0.6, True),
        ("no structure", 0.5, 0.7, 0.95, False),
        ("not with these codes", 0.5, 0.7, 0.6, False),
    ],
)
def test_a_verdict_is_judged_by_what_was_measured(
    word: str, at_64: float, at_256: float, graph: float, right: bool
) -> None:
    measured = {32: 0.4, 64: at_64, 128: at_256, 256: at_256}
    row = row_with(word, measured, measured, {64: graph, 256: graph})
    assert row.is_right is right


def test_the_study_reports_what_falls_short() -> None:
    good = {32: 0.9, 64: 0.95, 128: 0.98, 256: 0.99}
    short = {**good, 128: 0.96}
    text = boundary.findings([row_with("fits", short, good, good)])
    assert "0.97 at ef=128 on: made up" in text
    text = boundary.findings([row_with("fits", good, good, good)])
    assert "0.97 at ef=128 on: none" in text


@pytest.mark.slow
def test_one_regime_is_measured_end_to_end() -> None:
    regime = find_regime("sift-like")
    vectors, queries = generate(regime, 1500, 50)
    task = boundary.Task(regime.name, regime.metric, 0.1485, vectors, queries)
    row = boundary.measure(task, sample=800)
    assert row.whole[64] > row.paper[64] + 0.2
    assert row.default[64] > 0.93
    assert "| sift-like | 1500 x 128 | 14.8 |" in boundary.table([row])
    assert boundary.drawing([row]).startswith("<svg")
