"""The transformer: rows of its graph, its names, and a place in a pipeline."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

pytest.importorskip("sklearn", reason="needs the extra `sklearn`")

from sklearn.base import clone
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsTransformer,
    RadiusNeighborsTransformer,
)
from sklearn.pipeline import make_pipeline

from quiver.integrations.sklearn import QuiverTransformer


@pytest.fixture(scope="module")
def samples():
    return normal_rows(300, 12).astype(np.float64)


def assert_same_graph(ours, theirs):
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.data, theirs.data, atol=1e-12)


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
@pytest.mark.parametrize("asking", [False, True], ids=["fitted", "others"])
def test_its_graph_is_that_of_scikit_learn(samples, mode, asking):
    queries = normal_rows(20, 12, seed=3) if asking else samples
    ours = QuiverTransformer(mode=mode).fit(samples).transform(queries)
    # Its tree gives a sample the distance 0 to itself; its products do not.
    theirs = KNeighborsTransformer(mode=mode, algorithm="kd_tree").fit(samples)
    assert_same_graph(ours, theirs.transform(queries))


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
def test_with_a_radius_its_graph_is_that_of_the_other_transformer(samples, mode):
    ours = QuiverTransformer(mode=mode, radius=3.0).fit_transform(samples)
    theirs = RadiusNeighborsTransformer(mode=mode, radius=3.0, algorithm="kd_tree")
    expected = theirs.fit_transform(samples)
    assert ours.nnz == expected.nnz > 600
    np.testing.assert_allclose(ours.toarray(), expected.toarray(), atol=1e-12)


def test_every_sample_comes_first_in_its_own_row_of_distances(samples):
    graph = QuiverTransformer(n_neighbors=4).fit_transform(samples)
    assert graph.indices.reshape(300, 5)[:, 0].tolist() == list(range(300))
    assert not graph.data.reshape(300, 5)[:, 0].any()


def test_its_columns_have_names(samples):
    names = QuiverTransformer().fit(samples).get_feature_names_out()
    assert names[[0, 299]].tolist() == ["quivertransformer0", "quivertransformer299"]


def test_a_classifier_takes_the_graph(samples):
    labels = (samples[:, 0] > 0).astype(int)
    chain = make_pipeline(
        QuiverTransformer(n_neighbors=9), KNeighborsClassifier(9, metric="precomputed")
    )
    expected = KNeighborsClassifier(9).fit(samples, labels).predict(samples)
    found = chain.fit(samples, labels).predict(samples)
    np.testing.assert_array_equal(found, expected)


def test_a_clone_has_the_parameters_and_nothing_learnt(samples):
    given = QuiverTransformer(
        mode="connectivity", n_neighbors=3, radius=2.0, metric="cosine", ef=99
    )
    copy = clone(given.fit(samples))
    assert copy.get_params() == given.get_params()
    assert not hasattr(copy, "n_features_in_")


def test_a_mode_that_there_is_not_is_named(samples):
    with pytest.raises(ValueError, match="mode must be one of connectivity, distance"):
        QuiverTransformer(mode="distances").fit(samples)


def test_the_neighbor_that_a_sample_is_itself_needs_a_sample(samples):
    with pytest.raises(ValueError, match="n_neighbors = 301, n_samples_fit = 300"):
        QuiverTransformer(n_neighbors=300).fit_transform(samples)
