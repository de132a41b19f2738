"""The bench: same answers, honest figures, and the command that shows them."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from bench_reports import report_of, times
from rows import normal_rows

import quiver
from quiver.backends import get_backend
from quiver.errors import CancelledError, InvalidArgumentError
from quiver.evaluation import bench, contender, timing
from quiver.evaluation.bench import bench_backends
from quiver.evaluation.workload import Workload
from quiver.reference.answer import by_words

N, DIM = 120, 8
SMALL = {
    "backends": ["reference"],
    "params": quiver.BuildParams(max_degree=6, ef_construction=8),
    "ef": 16,
}


@pytest.fixture(scope="module")
def points():
    return normal_rows(N, DIM, seed=2), normal_rows(30, DIM, seed=3)


@pytest.fixture(scope="module")
def report(points):
    return bench_backends(*points, **SMALL, repeats=1, threads=2)


class Renamed:
    """The reference under another name, every exact distance moved by ``shift``."""

    answer = by_words

    def __init__(self, shift: float) -> None:
        self.name, self.target, self._shift = "renamed", "numpy", np.float32(shift)

    def __getattr__(self, method):
        return getattr(get_backend("reference"), method)

    def rerank(self, *args):
        ranking = get_backend("reference").rerank(*args)
        return ranking._replace(distances=ranking.distances + self._shift)


def bench_with(monkeypatch, points, shift):
    # Only searches go to it: an index is built by name.
    contenders = {"reference": get_backend("reference"), "renamed": Renamed(shift)}
    monkeypatch.setattr(bench, "get_backend", contenders.__getitem__)
    monkeypatch.setattr(contender.Contender, "measure_build", skip_build)
    options = {**SMALL, "backends": ["reference", "renamed"]}
    return bench_backends(*points, **options, repeats=2)


def skip_build(contender, build):
    contender._built, contender._start = (1, 1.0), None


def test_recall_and_bytes_are_those_of_the_index(points, report):
    vectors, queries = points
    index = quiver.Index.build(vectors, backend="reference", params=SMALL["params"])
    found = index.search(queries, ef=16)
    _, true = quiver.exact_knn(vectors, queries, 10)
    (only,) = report.backends
    n = only.n_queries
    assert only.recall == quiver.recall_at_k(found.distances[:n], true[:n])
    assert report.memory == index.memory_report()
    assert (report.n, report.dim, report.k, report.ef) == (N, DIM, 10, 16)
    assert only.same_answers


def test_every_figure_is_a_measured_one(report):
    (only,) = report.backends
    assert report.build_seconds > 0
    assert only.build_seconds > 0
    assert only.build_rows == N
    assert only.queries_per_second_one > 0
    assert only.queries_per_second_all > 0
    latency = only.latency
    assert 0 < latency.p50 <= latency.p95 <= latency.p99
    assert latency.n_calls >= 1


def test_a_backend_with_other_answers_is_found_out(monkeypatch, points):
    assert not bench_with(monkeypatch, points, 0.125).backends[1].same_answers


def test_a_backend_with_the_same_answers_is_not_accused(monkeypatch, points):
    assert bench_with(monkeypatch, points, 0.0).backends[1].same_answers


def test_a_slow_backend_gets_few_queries_and_rows(monkeypatch, points):
    monkeypatch.setattr(contender, "_TRIAL_SECONDS", 1e-9)
    monkeypatch.setattr(contender, "TRIAL_ROWS", 15)
    (only,) = bench_backends(*points, **SMALL, repeats=1).backends
    assert only.n_queries == 4
    assert only.build_rows == 15


def test_the_fastest_call_of_a_turn_counts(monkeypatch):
    ticks = iter([0.0, 0.1, 1.0, 1.04, 2.0, 2.09])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(ticks))
    value, seconds = timing.fastest(lambda: "answer")
    assert value == "answer"
    assert seconds == pytest.approx(0.04)
    assert next(ticks, None) is None


def test_the_drawing_shows_every_backend_and_every_figure():
    report = report_of(times("a", 9.0, 10.0), times("b", 3.0, 30.0))
    drawing = ElementTree.fromstring(report.to_svg())
    shown = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    for words in ("a", "b", "queries per second", "latency of a single query, µs"):
        assert words in shown
    dots = list(drawing.iter("{http://www.w3.org/2000/svg}circle"))
    # Two speeds and three percentiles of each.
    assert len(dots) == 2 * (2 + 3)


def test_the_default_that_was_not_measured_is_told(monkeypatch):
    pytest.importorskip("typer", reason="needs the extra `cli`")
    from quiver.cli import bench_shown

    monkeypatch.setattr(bench_shown.quiver, "get_backend", lambda _: Renamed(0.0))
    told = bench_shown.warnings_about(report_of(times("a", 9.0, 10.0)))
    assert list(told) == ["`auto` takes renamed, which was not measured."]
    both = report_of(times("a", 9.0, 10.0), times("renamed", 3.0, 5.0, False))
    (different,) = bench_shown.warnings_about(both)
    assert different.startswith("renamed: answers not equal to a's")


def test_a_workload_names_the_recall_that_chooses_ef_and_graph(points):
    asked = Workload(queries_per_call=7, recall=0.6, n_vectors=10**6)
    options = {"backends": ["reference"], "workload": asked, "repeats": 1}
    report = bench_backends(*points, **options, threads=1)
    index = quiver.Index.build(points[0], recall=0.6, backend="reference")
    least = quiver.tune(index, points[1], 0.6)
    assert (report.ef, report.n_rerank) == (least.ef, least.n_rerank)
    found = index.search(points[1], ef=report.ef, n_rerank=report.n_rerank)
    _, true = quiver.exact_knn(*points, 10)
    recall = quiver.recall_at_k(found.distances, true)
    assert report.recall.mean == pytest.approx(recall, rel=1e-12)
    (only,) = report.backends
    assert only.calls.n_calls >= 1
    assert only.start_seconds > 0
    assert [len(turns) for turns in vars(only.turns).values()] == [1, 1, 1]


def test_calls_are_of_the_size_asked_for_even_past_the_queries_at_hand(points):
    rows = np.asarray(points[1][:5])
    sizes = [len(batch) for batch in contender._batches(rows, 3)]
    assert sizes == [3, 3]
    (whole,) = contender._batches(rows, 12)
    assert np.array_equal(whole, rows[np.arange(12) % 5])


def test_single_queries_are_the_calls_of_a_workload_of_one(points):
    options = {**SMALL, "repeats": 1, "workload": Workload(queries_per_call=1)}
    (only,) = bench_backends(*points, **options).backends
    assert only.calls == only.latency


def test_a_backend_of_this_process_alone_has_no_start_to_tell():
    assert contender.start_seconds("no-such-backend") is None


def test_speed_is_the_ratio_on_one_thread_and_absent_without_the_other():
    report = report_of(times("a", 9.0, 10.0), times("reference", 3.0, 30.0))
    assert report.speed_against() == {"a": 3.0, "reference": 1.0}
    assert report_of(times("a", 9.0, 10.0)).speed_against() == {}


def test_progress_ends_at_its_total(points):
    seen = []
    bench_backends(*points, **SMALL, repeats=2, progress=lambda *now: seen.append(now))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize("after", [1, N + 1])
def test_progress_can_cancel_while_building_and_while_timing(points, after):
    with pytest.raises(CancelledError):
        bench_backends(
            *points, **SMALL, repeats=2, progress=lambda done, _: done < after
        )


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"backends": "reference"}, "backends must be a sequence"),
        ({"backends": []}, "backends must be a sequence"),
        ({"backends": ["reference"], "repeats": 0}, "repeats must be in"),
        ({"backends": ["no-such"]}, "backend must be one of"),
        ({"backends": ["reference"], "ef": 3}, "ef must be >= k"),
        ({"ef": 16, "workload": Workload(recall=0.9)}, "ef must not be given"),
    ],
)
def test_wrong_arguments_are_named(points, options, rule):
    with pytest.raises(InvalidArgumentError, match=rule):
        bench_backends(*points, **options)


def test_queries_must_not_be_empty(points):
    with pytest.raises(InvalidArgumentError, match="queries must have at least 1 row"):
        bench_backends(points[0], points[1][:0], backends=["reference"])


def run(*arguments):
    pytest.importorskip("typer", reason="needs the extra `cli`")
    pytest.importorskip("rich", reason="needs the extra `cli`")
    from typer.testing import CliRunner

    from quiver.cli.app import app

    arguments = ("bench", *map(str, arguments), "--backends", "reference")
    return CliRunner().invoke(app, arguments)


def test_the_command_shows_writes_and_draws(tmp_path, points):
    np.save(tmp_path / "base.npy", points[0])
    out, picture = tmp_path / "bench.json", tmp_path / "bench.svg"
    options = ("--rows", 60, "--repeats", 1, "--threads", 1)
    shown = run(tmp_path / "base.npy", *options, "--json", out, "--plot", picture)
    assert shown.exit_code == 0, shown.output
    document = json.loads(out.read_text())
    assert document["n"] == 60
    assert document["n_queries"] == N // 10
    assert document["recommended"] == "reference"
    assert document["speed_against_reference"] == {"reference": 1.0}
    (only,) = document["backends"]
    assert f"{only['recall']:.3f}" in shown.output
    assert "Decision: reference" in shown.output
    assert document["decision"]["pins"][0] == "QUIVER_BACKEND=reference"
    assert "queries per second" in picture.read_text()


def test_held_out_queries_are_rows_of_the_file_but_not_searched(tmp_path, points):
    pytest.importorskip("typer", reason="needs the extra `cli`")
    from quiver.cli.bench_sample import read_data

    np.save(tmp_path / "base.npy", points[0])
    sample = read_data(tmp_path / "base.npy", None, None, 10**6)
    asked = {row.tobytes() for row in sample.queries}
    searched = {row.tobytes() for row in sample.vectors}
    assert len(asked) == N // 10
    assert not asked & searched
    assert asked | searched == {row.tobytes() for row in points[0]}


def test_an_output_that_cannot_be_written_is_refused_before_any_work(tmp_path):
    for option, name in (("--plot", "x.png"), ("--json", "no/such/folder.json")):
        refused = run(option, tmp_path / name)
        assert refused.exit_code == 1
        assert refused.stdout == ""


def test_the_command_decides_writes_a_page_and_compares(tmp_path, points):
    np.save(tmp_path / "base.npy", points[0])
    page, out = tmp_path / "bench.html", tmp_path / "bench.json"
    options = ("--rows", 60, "--repeats", 1, "--threads", 1, "--recall", 0.5)
    limits = ("--queries-per-call", 1, "--memory-limit", "1MB")
    printed = run(tmp_path / "base.npy", *options, *limits, "--html", page, "--json")
    assert printed.exit_code == 0, printed.output
    assert "Decision: reference" in page.read_text()
    out.write_text(printed.stdout)
    compared = run("--compare", out, out)
    assert compared.exit_code == 0, compared.output
    assert "undecided" in compared.output
    as_json = json.loads(run("--compare", out, out, "--json").stdout)
    assert {ratio["ratio"] for ratio in as_json["ratios"]} == {1.0}


def test_a_limit_that_is_no_number_of_bytes_is_refused_before_any_work():
    refused = run("--memory-limit", "much")
    assert refused.exit_code == 1
    assert "memory_limit must be bytes such as 500MB" in refused.stderr
