"""The twelve kinds: of the statistics their module states."""

from __future__ import annotations

import numpy as np
import pytest

import quiver
from quiver.datasets.generators import REGIMES, Regime, find_regime, generate
from quiver.diagnosis.planes import measure_moments
from quiver.diagnosis.sample import draw_sample
from quiver.diagnosis.structure import measure_structure

NAMES = [regime.name for regime in REGIMES]


def euclidean_sample(regime: Regime, rows: int):
    vectors, queries = generate(regime, rows, 200)
    backend = quiver.get_backend("auto")
    every = np.arange(rows)
    return draw_sample(
        *(vectors, every, queries, regime.metric), size=rows, seed=0, backend=backend
    ).euclidean()


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
