"""The peer comparison: its arithmetic by hand, its data, its report."""

from __future__ import annotations

import numpy as np
import pytest
from peers import catalogue, data, load
from peers.contract import USUAL_K
from peers.pareto import FrontPoint, cheapest_at, front, qps_at
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


def test_the_cheapest_setting_finds_enough_and_was_timed():
    points = [point(0.94, 1000.0), point(0.96, 100.0), point(0.99, 300.0)]
    assert cheapest_at(points, "one", 0.95) is points[2]
    assert cheapest_at(points, "one", 0.995) is None
    assert cheapest_at(points, "single", 0.9) is None


def test_efforts_are_as_many_times_wider_as_more_is_asked_for():
    for name, make in catalogue.all_peers().items():
        peer = make()
        assert peer.efforts_for(USUAL_K) == [*peer.efforts]
        assert peer.efforts_for(1) == [*peer.efforts]
        for usual, wide in zip(peer.efforts, peer.efforts_for(100), strict=True):
            kept = wide if isinstance(wide, int) else wide[-1]
            least = usual if isinstance(usual, int) else usual[-1]
            assert kept == 10 * least >= 100, name


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
    task = data.read_task(str(tmp_path / "base.npy"), rows=None, k=3)
    assert (len(task.base), len(task.queries)) == (45, 5)
    np.testing.assert_allclose(np.linalg.norm(task.base, axis=1), 1, atol=1e-6)
    expected, _ = quiver.exact_knn(rows[:45], rows[45:], 3)
    assert data.recall(task, expected) == 1.0


def test_euclidean_data_of_a_folder_stays_as_it_is(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    np.save(tmp_path / "base.npy", rows)
    np.save(tmp_path / "queries.npy", rows[:2])
    task = data.read_task(str(tmp_path), "euclidean", rows=10, k=1)
    np.testing.assert_array_equal(task.base, rows[:10])
    np.testing.assert_array_equal(task.true, [[0], [0]])
    named = [str(tmp_path / "base.npy"), "euclidean", str(tmp_path / "queries.npy")]
    np.testing.assert_array_equal(
        data.read_task(*named, rows=10, k=1).queries, rows[:2]
    )


def test_a_metric_that_peers_are_not_compared_by_is_an_error():
    with pytest.raises(ValueError, match="got ip"):
        data.read_task(data.DEMO, "ip", rows=None, k=3)


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


def document(ours, hnswlib, **about):
    """Return a run in which a peer has one speed, seconds to build, and no more."""

    def peer(speed, seconds):
        build = {"build_seconds": seconds, "build_cpu_seconds": 2 * seconds}
        sizes = {"resident_bytes": 1 << 21, "hot_bytes": None, "peak_bytes": 1}
        modes = {"one": 1.0, "one, wall clock": 0.8, "single": 0.5, "all": 1.2}
        timed = {
            "recall": 0.99,
            "qps": {mode: share * speed for mode, share in modes.items()},
            "latency": {"p50": 20e-6, "p99": 70.6e-6},
        }
        scaling = {"n": 10_000, "one": 3.0, "all": 2.0}
        measured = Measured("x", build={**build, **sizes}, scaling=scaling)
        return {**vars(measured), "points": [timed]}

    absent = vars(Measured("x", error="not installed"))
    peers = {
        "quiver-r32-numba": peer(*ours),
        "hnswlib-m16": peer(*hnswlib),
        "scann": absent,
    }
    size = {"n": 5, "dim": 2, "n_queries": 3, "repeats": 1}
    quiet = {"load": [0.1, 0.2, 0.3], "others": 0.0, "stolen": 0.0}
    return {
        "about": {
            "command": "run",
            "date": "today",
            "processor": "one",
            "processors": 2,
            "before": quiet,
            "during": {"others": 0.0, "stolen": 0.0},
            "python": "3",
            **about,
        },
        "plan": {"threads": 2, "k": 10, "clock": "wall", "repeats": 1},
        "sets": [
            {"data": "sentences", "metric": "cosine", **size, "peers": peers},
            {"data": "photographs", "metric": "euclidean", **size, "peers": peers},
        ],
    }


@pytest.fixture
def markdown():
    pytest.importorskip("matplotlib", reason="needs the extra `plot`")
    from peers.report import markdown

    return markdown


def test_the_report_cuts_ratios_and_says_what_was_missed(markdown):
    text = markdown(document(ours=(6999.9, 1.0), hnswlib=(1000.0, 3.0)))
    same = "6999 (6.99x) | " * 3
    assert f"| quiver-r32-numba | x | {same.strip()}\n" in text
    missed = "a batch on one thread: **missed**, 6.99 x (quiver-r32-numba)"
    assert f"at recall 0.95, {missed}" in text
    assert "a third of hnswlib-m16's time: reached, 3.00 x" in text
    assert "1.5 x symphonyqg at recall 0.99, one query a call: not measured" in text
    assert "| scann |  | skipped: not installed |" in text
    assert "| hnswlib-m16 |  | 3.0 | 6.0 | 1.50x | 2 | - | 1 | 0.9900 |" in text


def test_the_report_has_every_mode_of_every_data_set(markdown):
    text = markdown(document(ours=(1000.0, 1.0), hnswlib=(1000.0, 3.0)))
    for name in ("sentences", "photographs"):
        assert f"## {name}\n\n5 x 2, " in text
        for mode in ("a batch on one thread", "one query a call", "a batch on 2 threa"):
            assert f"### {name}: {mode}" in text
    # One query a call: its speed, median and 99th percentile in microseconds.
    assert "| 500 (1.00x) | 500 (1.00x) | 500 (1.00x) | 20 | 71 |" in text
    # All threads against one by the same clock.
    assert "| 1200 (1.00x) | 1200 (1.00x) | 1200 (1.00x) | 1.50x |" in text


def test_a_quiet_computer_is_not_warned_of(markdown):
    quiet = document(ours=(2.0, 1.0), hnswlib=(1.0, 1.0))
    assert load.warning(quiet["about"]) == ""
    assert "The computer was busy" not in markdown(quiet)


@pytest.mark.parametrize(
    "about",
    [
        {"before": {"load": [0.6, 0.1, 0.1]}},
        {"before": {"load": [0.1, 0.1, 0.1], "others": 0.06, "stolen": 0.0}},
        {"during": {"others": 0.43, "stolen": 0.0}},
        {"during": {"others": 0.0, "stolen": 0.02}},
    ],
)
def test_other_work_before_or_during_a_run_is_told_on_the_page(markdown, about):
    page = markdown(document(ours=(2.0, 1.0), hnswlib=(1.0, 1.0), **about))
    assert "**The computer was busy**" in page
    if "others" in about.get("during", {}):
        assert f"{about['during']['others']:.0%} during the run" in page


def test_shares_of_time_are_those_of_others_and_of_the_hypervisor():
    before = load.Usage(whole=100.0, idle=50.0, stolen=1.0, own=5.0)
    after = load.Usage(whole=120.0, idle=54.0, stolen=3.0, own=15.0)
    assert load.shares(before, after) == {"others": 0.2, "stolen": 0.1}
    assert load.shares(before, before) == {}
    assert load.shares(None, after) == {}


@pytest.mark.skipif(not load._STAT.exists(), reason="the system tells no usage")
def test_the_system_is_asked_for_what_it_tells():
    before, after = load.Usage.now(), load.Usage.now()
    assert 0 < before.idle < before.whole <= after.whole
    assert 0 <= before.stolen < before.whole
    assert 0 < before.own <= after.own


def test_the_plot_is_drawn_in_both_formats(tmp_path):
    image = pytest.importorskip("matplotlib.image", reason="needs the extra `plot`")
    from peers.report import write

    write(document(ours=(2.0, 1.0), hnswlib=(1.0, 1.0)), tmp_path)
    assert len(np.unique(image.imread(tmp_path / "peers.png"))) > 10
    drawn = (tmp_path / "peers.svg").read_text()
    assert "quiver-r32-numba" in drawn
    assert "photographs, 5 x 2, euclidean" in drawn
