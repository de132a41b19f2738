"""Words: what other libraries call a metric or a parameter leads to ours."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from quick import QUICK_BACKEND
from rows import normal_rows

import quiver
from quiver.errors import InvalidArgumentError
from quiver.evaluation.bench import bench_backends
from quiver.validation.checks import METRIC_WORDS, check_metric

POINTS = normal_rows(120, 6, seed=5)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        # faiss, hnswlib, usearch, scikit-learn, nmslib, Annoy, pgvector, Milvus.
        ("L2 l2 METRIC_L2 euclid Euclidean euclidean_distance", "euclidean"),
        (
            "IP ip METRIC_INNER_PRODUCT dot inner dot-product negdotprod",
            "inner_product",
        ),
        ("cos cosine COSINE angular cosinesimil cosine_distance", "cosine"),
    ],
)
def test_words_of_other_libraries_mean_one_of_the_three(words: str, name: str) -> None:
    assert {check_metric(word) for word in words.split()} == {name}
    assert check_metric(f" {name.replace('_', ' ')} ") == name


def test_no_word_means_two_metrics() -> None:
    words = [word for own, others in METRIC_WORDS.items() for word in (own, *others)]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("word", ["l2sq", "sqeuclidean", "L2-squared", "SqEuclidean"])
def test_squared_distances_are_refused_with_the_difference(word: str) -> None:
    with pytest.raises(InvalidArgumentError, match="not their squares") as caught:
        quiver.Index.build(POINTS, metric=word)  # type: ignore[arg-type]
    assert repr(word) in str(caught.value)
    assert "result.distances**2" in str(caught.value)


@pytest.mark.parametrize("metric", ["hamming", "l1", "", 1, None, ["l2"]])
def test_metrics_there_are_not_are_refused_with_the_list(metric: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="one of cosine, euclidean, inner_"):
        check_metric(metric)


@pytest.mark.parametrize(
    ("word", "name"), [("L2", "euclidean"), ("ip", "inner_product")]
)
def test_everything_that_takes_a_metric_takes_its_other_words(
    word: Any, name: Any
) -> None:
    index, twin = (
        quiver.Index.build(POINTS, metric=metric, backend=QUICK_BACKEND)
        for metric in (word, name)
    )
    assert index.metric == name
    np.testing.assert_array_equal(index.neighbors, twin.neighbors)
    for found, expected in zip(
        quiver.exact_knn(POINTS, POINTS[:9], 4, metric=word),
        quiver.exact_knn(POINTS, POINTS[:9], 4, metric=name),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    assert quiver.diagnose(POINTS, metric=word, backend=QUICK_BACKEND).metric == name
    report = bench_backends(
        POINTS, POINTS[:2], metric=word, backends=["reference"], repeats=1
    )
    assert report.metric == name


def test_fields_of_the_parameters_are_parameters_of_a_build() -> None:
    fields = {
        "max_degree": 7,
        "ef_construction": 20,
        "alpha": 1.3,
        "beta": 0.4,
        "prune_rule": "published",
        "seed": 4,
    }
    index = quiver.Index.build(POINTS, backend=QUICK_BACKEND, **fields)
    assert asdict(index.params) == fields
    params = quiver.BuildParams(**fields)
    twin = quiver.Index.build(POINTS, backend=QUICK_BACKEND, params=params)
    np.testing.assert_array_equal(index.neighbors, twin.neighbors)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("paper", quiver.Encoding.paper()), ("default", quiver.Encoding())],
)
def test_encodings_have_names(name: Any, encoding: quiver.Encoding) -> None:
    index = quiver.Index.build(POINTS, encoding=name, backend=QUICK_BACKEND)
    assert index.encoding == encoding
