"""The peer comparison: its arithmetic by hand, its data, its report."""

from __future__ import annotations

import numpy as np
import pytest
from peers import catalogue, data
from peers.pareto import FrontPoint, front, qps_at
from peers.schedule import Measured

import quiver


def point(recall, one):
    return {"recall": recall, "qps": {"one": one}}


def test_the_front_drops_what_another_setting_beats():
    points = [point(0.5, 100), point(0.7, 90), point(0.6, 80), point(0.9, 90)]
    assert front(points, "one") == [FrontPoint(0.5, 100), FrontPoint(0.9, 90)]


def test_speed_at_a_recall_is_interpolated_in_the_logarithm():
    points = [point(0.8, 1000.0), point(1.0, 10.0)]
    assert qps_at(points, "one", 0.9) == pytest.approx(100.0)
    assert qps_at(points, "one", 1.0) == pytest.approx(10.0)


def test_speed_below_the_first_setting_is_its_own_and_above_the_last_there_is_none():
    points = [point(0.8, 1000.0), point(0.9, 10.0)]
    assert qps_at(points, "one", 0.5) == 1000.0
    assert qps_at(points, "one", 0.95) is None
    assert qps_at(points, "all", 0.5) is None


@pytest.fixture(scope="module")
def task():
    base = np.eye(6, dtype=np.float32)[[0, 1, 1, 2, 3, 4]]
    queries = np.eye(6, dtype=np.float32)[[1]]
    _, true = quiver.exact_knn(base, queries, 2)
    return data.Task("corners", "cosine", base, queries, true)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1, 2], 1.0),
        ([2, 1], 1.0),
        ([1, 1], 0.5),
        ([1, -1], 0.5),
        ([1, 6], 0.5),
        ([0, 3], 0.0),
    ],
)
def test_recall_counts_a_repeated_or_invalid_id_once_at_most(task, ids, expected):
    assert data.recall(task, np.array([ids])) == expected


def test_recall_counts_ties_as_hits():
    base = np.eye(4, dtype=np.float32)
    queries = base[:1]
    _, true = quiver.exact_knn(base, queries, 2)
    task = data.Task("corners", "cosine", base, queries, true)
    for tied in (1, 2, 3):
        assert data.recall(task, np.array([[0, tied]])) == 1.0


def test_cosine_data_arrives_as_unit_rows_with_held_out_queries(tmp_path):
    rows = np.random.default_rng(0).normal(size=(50, 4))
    np.save(tmp_path / "base.npy", rows)
    task = data.load(tmp_path / "base.npy", None, "cosine", None, 3)
    assert (len(task.base), len(task.queries)) == (45, 5)
    np.testing.assert_allclose(np.linalg.norm(task.base, axis=1), 1, atol=1e-6)
    expected, _ = quiver.exact_knn(rows[:45], rows[45:], 3)
    assert data.recall(task, expected) == 1.0


def test_euclidean_data_of_a_folder_stays_as_it_is(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    np.save(tmp_path / "base.npy", rows)
    np.save(tmp_path / "queries.npy", rows[:2])
    task = data.load(tmp_path, None, "euclidean", 10, 1)
    np.testing.assert_array_equal(task.base, rows[:10])
    np.testing.assert_array_equal(task.true, [[0], [0]])


def test_every_backend_but_the_reference_is_compared():
    names = catalogue.all_peers()
    for info in quiver.list_backends():
        for size in ("r32", "r64"):
            compared = f"quiver-{size}-{info.name}" in names
            assert compared == (info.name != "reference")


def test_a_pattern_that_names_nobody_is_an_error():
    assert list(catalogue.chosen("hnsw*,scann")) == ["hnswlib-m16", "scann"]
    with pytest.raises(ValueError, match="no-such"):
        catalogue.chosen("scann,no-such")


def document(ours, hnswlib):
    def peer(one, seconds):
        measured = Measured(
            "x", build={"build_seconds": seconds, "build_cpu_seconds": 2 * seconds}
        )
        sizes = {"resident_bytes": 1 << 21, "hot_bytes": None, "peak_bytes": 1}
        build = {**measured.build, **sizes}
        return {**vars(measured), "build": build, "points": [point(0.99, one)]}

    absent = vars(Measured("x", error="not installed"))
    return {
        "about": {
            "command": "run",
            "date": "today",
            "processor": "one",
            "load_before": [0.1, 0.2, 0.3],
            "load_after": [1.0, 1.0, 1.0],
            "data": "demo set",
            "metric": "cosine",
            "n": 5,
            "dim": 2,
            "n_queries": 3,
            "python": "3",
        },
        "plan": {"threads": 1, "k": 10, "clock": "wall", "repeats": 1},
        "peers": {
            "quiver-r32-numba": peer(*ours),
            "hnswlib-m16": peer(*hnswlib),
            "scann": absent,
        },
    }


def test_the_report_cuts_ratios_and_says_what_was_missed():
    pytest.importorskip("matplotlib", reason="needs the extra `plot`")
    from peers.report import markdown

    text = markdown(document(ours=(6999.9, 1.0), hnswlib=(1000.0, 3.0)))
    assert (
        "| quiver-r32-numba | x | 6999 (6.99x) | 6999 (6.99x) | 6999 (6.99x) |" in text
    )
    assert "at recall 0.95, one thread: **missed**, 6.99 x (quiver-r32-numba)" in text
    assert "a third of hnswlib-m16's time: reached, 3.00 x" in text
    assert "1.5 x symphonyqg at recall 0.99, one thread: not measured" in text
    assert "| scann |  | skipped: not installed |" in text
    assert "| hnswlib-m16 |  | 3.0 | 6.0 | 2 | - | 1 | 0.9900 |" in text


def test_the_plot_is_drawn_in_both_formats(tmp_path):
    image = pytest.importorskip("matplotlib.image", reason="needs the extra `plot`")
    from peers.report import write

    write(document(ours=(2.0, 1.0), hnswlib=(1.0, 1.0)), tmp_path)
    assert len(np.unique(image.imread(tmp_path / "peers.png"))) > 10
    assert "quiver-r32-numba" in (tmp_path / "peers.svg").read_text()
