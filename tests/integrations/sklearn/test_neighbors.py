"""Neighbors of samples: what scikit-learn's own estimator answers, on odd data too."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from rows import normal_rows

pytest.importorskip("sklearn", reason="needs the extra `sklearn`")

from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import NearestNeighbors

from quiver.errors import QuiverError
from quiver.integrations.sklearn import QuiverNeighbors

METRICS = ["euclidean", "sqeuclidean", "cosine"]
ALGORITHMS = ["exact", "graph"]


@pytest.fixture(scope="module")
def samples():
    return normal_rows(400, 20).astype(np.float64)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("asking", [False, True], ids=["themselves", "others"])
def test_they_are_those_of_scikit_learn(samples, metric, algorithm, asking):
    queries = normal_rows(30, 20, seed=5) if asking else None
    ours = QuiverNeighbors(n_neighbors=7, metric=metric, algorithm=algorithm)
    theirs = NearestNeighbors(n_neighbors=7, metric=metric, algorithm="brute")
    distances, indices = ours.fit(samples).kneighbors(queries)
    expected, expected_indices = theirs.fit(samples).kneighbors(queries)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_allclose(distances, expected, rtol=1e-9)
    assert (distances.dtype, indices.dtype) == (np.float64, np.int64)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dim", [3, 20])
def test_those_within_a_radius_are_those_of_scikit_learn(metric, dim):
    samples = normal_rows(400, dim).astype(np.float64)
    ours = QuiverNeighbors(metric=metric).fit(samples)
    theirs = NearestNeighbors(metric=metric, algorithm="brute").fit(samples)
    # No distance itself: one that is may be rounded to either side.
    radius = 1.0001 * float(np.median(theirs.kneighbors(n_neighbors=9)[0]))
    distances, indices = ours.radius_neighbors(radius=radius)
    expected = theirs.radius_neighbors(radius=radius, sort_results=True)
    for ours_, theirs_ in zip(indices, expected[1], strict=True):
        np.testing.assert_array_equal(ours_, theirs_)
    for ours_, theirs_ in zip(distances, expected[0], strict=True):
        np.testing.assert_allclose(ours_, theirs_, rtol=1e-9)


def test_a_graph_finds_nearly_all_within_a_radius(samples):
    found = {
        algorithm: QuiverNeighbors(radius=5.0, algorithm=algorithm)
        .fit(samples)
        .radius_neighbors_graph()
        for algorithm in ALGORITHMS
    }
    assert (found["graph"] > found["exact"]).nnz == 0
    assert found["graph"].nnz >= 0.99 * found["exact"].nnz > 400


def test_lists_of_equal_length_stay_one_array_for_each_query():
    samples = np.arange(4.0)[:, None]
    indices = (
        QuiverNeighbors()
        .fit(samples)
        .radius_neighbors(samples, radius=0.5, return_distance=False)
    )
    assert indices.shape == (4,)
    assert [part.tolist() for part in indices] == [[0], [1], [2], [3]]


def test_a_radius_that_holds_nothing_gives_empty_lists(samples):
    neighbors = QuiverNeighbors(radius=0.0).fit(samples)
    distances, indices = neighbors.radius_neighbors()
    assert {len(part) for part in (*distances, *indices)} == {0}
    assert neighbors.radius_neighbors_graph().nnz == 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dim", [2, 20])
def test_a_sample_is_left_out_by_its_number_and_its_copies_stay(algorithm, dim):
    samples = np.repeat(normal_rows(100, dim), 3, axis=0)
    distances, indices = (
        QuiverNeighbors(n_neighbors=2, algorithm=algorithm).fit(samples).kneighbors()
    )
    first = np.arange(300) // 3 * 3
    for number in range(300):
        copies = set(range(first[number], first[number] + 3)) - {number}
        assert indices[number].tolist() == sorted(copies)
    assert not distances.any()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("metric", METRICS)
def test_where_all_samples_are_equal_the_first_others_are_nearest(algorithm, metric):
    neighbors = QuiverNeighbors(n_neighbors=2, algorithm=algorithm, metric=metric)
    distances, indices = neighbors.fit(np.ones((300, 20))).kneighbors()
    assert not distances.any()
    assert indices[[0, 1, 2, 299]].tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


@pytest.mark.parametrize("dim", [2, 20])
def test_a_zero_row_is_at_cosine_distance_1_from_everything(dim):
    samples = normal_rows(300, dim).astype(np.float64)
    samples[::3] = 0
    neighbors = QuiverNeighbors(metric="cosine").fit(samples)
    theirs = NearestNeighbors(metric="cosine", algorithm="brute").fit(samples)
    others = samples[1::3]
    distances, indices = neighbors.kneighbors(others, n_neighbors=8)
    expected, expected_indices = theirs.kneighbors(others, n_neighbors=8)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_allclose(distances, expected, atol=1e-12)
    assert (neighbors.kneighbors(samples[:1])[0] == 1).all()
    within = neighbors.radius_neighbors(others, radius=0.9, return_distance=False)
    assert not {*np.concatenate(within)}.intersection(range(0, 300, 3))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_distance_of_a_sample_to_itself_is_exactly_0(metric, algorithm, dtype):
    samples = (normal_rows(300, 20) * 1000 + 7).astype(dtype)
    neighbors = QuiverNeighbors(n_neighbors=1, metric=metric, algorithm=algorithm)
    distances, indices = neighbors.fit(samples).kneighbors(samples)
    assert not distances.any()
    assert indices.ravel().tolist() == list(range(300))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("factor", [1e-25, 1.0, 1e12])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_neither_unit_nor_offset_matters(samples, algorithm, factor, offset):
    given = QuiverNeighbors(algorithm=algorithm).fit(samples)
    moved = clone(given).fit((samples + offset) * factor)
    np.testing.assert_array_equal(
        moved.kneighbors(return_distance=False), given.kneighbors(return_distance=False)
    )
    n_within = given.radius_neighbors_graph(radius=4.5).nnz
    assert moved.radius_neighbors_graph(radius=4.5 * factor).nnz == n_within > 400


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_columns_may_have_units_far_apart(samples, algorithm):
    wide = np.concatenate([samples * 1e-12, samples[:, :9] * 1e8], axis=1)
    found = QuiverNeighbors(algorithm=algorithm).fit(wide)
    theirs = NearestNeighbors(algorithm="kd_tree").fit(wide)
    np.testing.assert_array_equal(
        found.kneighbors(return_distance=False),
        theirs.kneighbors(return_distance=False),
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("metric", METRICS)
def test_a_radius_as_large_as_can_be_holds_all_others(samples, algorithm, metric):
    neighbors = QuiverNeighbors(algorithm=algorithm, metric=metric)
    graph = neighbors.fit(samples * 1e-20).radius_neighbors_graph(radius=3e38)
    assert (np.diff(graph.indptr) == 399).all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_one_outlier_does_not_hide_the_neighbors_of_the_others(samples, algorithm):
    samples = samples.copy()
    samples[5] = 1e9
    ours = QuiverNeighbors(algorithm=algorithm).fit(samples)
    theirs = NearestNeighbors(algorithm="kd_tree").fit(samples)
    others = np.delete(np.arange(400), 5)
    np.testing.assert_array_equal(
        ours.kneighbors(return_distance=False)[others],
        theirs.kneighbors(return_distance=False)[others],
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_neither_threads_nor_batches_nor_their_order_matter(samples, algorithm):
    neighbors = QuiverNeighbors(algorithm=algorithm, n_jobs=2).fit(samples)
    distances, indices = neighbors.kneighbors(samples)
    alone = clone(neighbors).set_params(n_jobs=None).fit(samples)
    for number in (399, 0, 17):
        own = alone.kneighbors(samples[number : number + 1])
        np.testing.assert_array_equal(own[0][0], distances[number])
        np.testing.assert_array_equal(own[1][0], indices[number])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_fitted_one_can_be_pickled(samples, algorithm):
    neighbors = QuiverNeighbors(algorithm=algorithm).fit(samples)
    again = pickle.loads(pickle.dumps(neighbors))
    for ours, theirs in zip(again.kneighbors(), neighbors.kneighbors(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.get_params() == neighbors.get_params()


def test_what_the_caller_does_to_the_samples_later_changes_nothing(samples):
    given = samples.copy()
    neighbors = QuiverNeighbors().fit(given)
    expected = neighbors.kneighbors(samples[:5])[0]
    given[:] = 0
    np.testing.assert_array_equal(neighbors.kneighbors(samples[:5])[0], expected)


def test_a_graph_holds_what_the_lists_do(samples):
    neighbors = QuiverNeighbors(n_neighbors=3).fit(samples)
    distances, indices = neighbors.kneighbors()
    graph = neighbors.kneighbors_graph(mode="distance")
    assert graph.shape == (400, 400)
    assert graph.dtype == np.float64
    np.testing.assert_array_equal(graph.data.reshape(400, 3), distances)
    np.testing.assert_array_equal(graph.indices.reshape(400, 3), indices)
    assert (neighbors.kneighbors_graph().data == 1).all()


@pytest.mark.parametrize(
    ("own", "n_neighbors", "sign"), [(True, 400, "<"), (False, 401, "<=")]
)
def test_more_neighbors_than_samples_are_refused_as_scikit_learn_does(
    samples, own, n_neighbors, sign
):
    queries = None if own else samples[:3]
    with pytest.raises(ValueError, match="Expected n_neighbors") as theirs:
        NearestNeighbors().fit(samples).kneighbors(queries, n_neighbors)
    with pytest.raises(ValueError, match=f"n_neighbors {sign} n_samples_fit") as ours:
        QuiverNeighbors().fit(samples).kneighbors(queries, n_neighbors)
    assert str(ours.value) == str(theirs.value)
    assert isinstance(ours.value, QuiverError)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"n_neighbors": 0}, "n_neighbors must be in 1"),
        ({"radius": -1.0}, "radius must be in 0"),
        ({"radius": float("nan")}, "radius must be in 0"),
        ({"algorithm": "brute"}, "algorithm must be one of auto, exact, graph"),
        ({"metric": "manhattan"}, "metric must be one of minkowski, euclidean"),
        ({"metric": "euclidian"}, "did you mean 'euclidean'"),
        ({"ef": 0}, "ef must be in 1"),
    ],
)
def test_a_parameter_that_breaks_a_rule_is_named_by_fit(samples, wrong, words):
    neighbors = QuiverNeighbors(**wrong)
    with pytest.raises(ValueError, match=words):
        neighbors.fit(samples)
    with pytest.raises(NotFittedError):
        neighbors.kneighbors(samples)


def test_a_number_that_is_none_is_refused_by_its_type(samples):
    with pytest.raises(TypeError, match="n_neighbors must be an integer"):
        QuiverNeighbors().fit(samples).kneighbors(samples, n_neighbors=2.5)


def test_sparse_samples_are_refused_by_a_type_error(samples):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        QuiverNeighbors().fit(sparse.csr_matrix(samples))


def test_names_of_features_are_kept_and_compared():
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    frame = pandas.DataFrame(normal_rows(50, 3), columns=["x", "y", "z"])
    neighbors = QuiverNeighbors().fit(frame)
    assert neighbors.feature_names_in_.tolist() == ["x", "y", "z"]
    with pytest.raises(ValueError, match="feature names should match"):
        neighbors.kneighbors(frame.rename(columns={"z": "w"}))


def test_a_wider_beam_is_passed_on_to_the_graph():
    samples = normal_rows(1000, 24)
    exact = QuiverNeighbors(algorithm="exact").fit(samples).kneighbors_graph()

    def found(ef):
        ours = QuiverNeighbors(algorithm="graph", ef=ef).fit(samples)
        return ours.kneighbors_graph().multiply(exact).nnz

    assert found(16) < found(128) <= exact.nnz
