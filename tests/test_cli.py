"""The command line: what it writes is what the API makes; errors are one line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import quiver

pytest.importorskip("typer", reason="needs the extra `cli`")
pytest.importorskip("rich", reason="needs the extra `cli`")

from typer.testing import CliRunner

from quiver.cli.app import app

ROWS, DIM, QUERIES = 300, 24, 20
QUIVER = [sys.executable, "-m", "quiver.cli"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Vectors, queries, their exact neighbours, and an index built by the command."""
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(5)
    base = rng.normal(size=(ROWS, DIM)).astype(np.float32)
    queries = rng.normal(size=(QUERIES, DIM)).astype(np.float32)
    ids, _ = quiver.exact_knn(base, queries, 10, metric="cosine")
    np.save(folder / "base.npy", base)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "truth.npy", ids.astype(np.int32))
    made = run("build", folder / "base.npy", "-o", folder / "base.quiver")
    assert made.exit_code == 0, made.output
    return folder


def run(*arguments: object):
    """Run a command in this process, on the reference so that nothing compiles."""
    arguments = tuple(map(str, arguments))
    if arguments and arguments[0] in ("build", "search", "demo", "verify"):
        arguments += ("--backend", "reference")
    return CliRunner().invoke(app, arguments)


def run_process(*arguments: object, **options):
    command = [*QUIVER, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=300, **options
    )


def test_the_command_builds_the_index_the_api_builds(folder):
    opened = quiver.open(folder / "base.quiver", backend="reference")
    built = quiver.Index.build(np.load(folder / "base.npy"), backend="reference")
    np.testing.assert_array_equal(opened.neighbors, built.neighbors)
    np.testing.assert_array_equal(opened.codes.rows, built.codes.rows)
    assert opened.entry_point == built.entry_point


def test_every_build_option_reaches_the_index(folder):
    out = folder / "options.quiver"
    made = run(
        *("build", folder / "base.npy", "--out", out, "--json"),
        *("--metric", "euclidean", "--encoding", "paper", "--max-degree", 9),
        *("--ef-construction", 21, "--alpha", 1.5, "--seed", 7),
        *("--max-rows", 120, "--threads", 1),
    )
    summary = json.loads(made.stdout)
    index = quiver.open(out, backend="reference")
    assert (index.n, index.dim, index.metric) == (120, DIM, "euclidean")
    assert index.encoding == quiver.Encoding.paper()
    assert index.params == quiver.BuildParams(
        max_degree=9, ef_construction=21, alpha=1.5, seed=7
    )
    assert (summary["n"], summary["dim"], summary["threads"]) == (120, DIM, 1)
    assert summary["backend"] == "reference"
    assert summary["seconds"] > 0


def test_build_predicts_memory_and_prints_a_summary_for_people(folder):
    made = run("build", folder / "base.npy", "-o", folder / "again.quiver")
    report = quiver.predict_memory(ROWS, DIM)
    assert f"will need {report}" in " ".join(made.stderr.split())
    for fact in (
        f"{ROWS} x {DIM}, cosine",
        f"{report.hot_per_vector:.0f} bytes per vector",
        f"{report.cold_per_vector:.0f} bytes per vector",
        "reference (numpy)",
        "threads: ",
        " s, ",
    ):
        assert fact in made.stdout


def test_build_reads_an_hdf5_file_and_search_its_queries_and_truth(folder):
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    with h5py.File(folder / "set.hdf5", "w") as file:
        file["train"] = np.load(folder / "base.npy")
        file["test"] = np.load(folder / "queries.npy")
        file["neighbors"] = np.load(folder / "truth.npy")
    run("build", folder / "set.hdf5", "-o", folder / "hdf5.quiver")
    truth = ("--ground-truth", folder / "set.hdf5")
    found = run(
        *("search", folder / "hdf5.quiver", folder / "set.hdf5", "--json"),
        *("--ef", ROWS, "--n-rerank", ROWS, *truth),
    )
    report = json.loads(found.stdout)
    assert report["queries"] == QUERIES
    assert report["recall_at_10"] == 1.0


def test_info_tells_what_the_file_holds(folder):
    path = folder / "base.quiver"
    index = quiver.open(path, backend="reference")
    facts = json.loads(run("info", path, "--json").stdout)
    degrees = np.count_nonzero(index.neighbors != 2**32 - 1, axis=1)
    assert (facts["n"], facts["dim"], facts["metric"]) == (ROWS, DIM, "cosine")
    assert facts["entry_point"] == index.entry_point
    assert facts["degrees"]["max"] == degrees.max()
    assert facts["bytes"]["hot_per_vector"] == index.memory_report().hot_per_vector
    shown = run("info", path).stdout
    assert f"{ROWS} x {DIM}, cosine" in shown
    assert f"entry point {index.entry_point}" in shown


@pytest.mark.parametrize("cold", ["memory", "mmap"])
def test_search_returns_what_the_api_returns(folder, cold):
    index = quiver.open(folder / "base.quiver", backend="reference")
    expected = index.search(np.load(folder / "queries.npy"), k=4, ef=30, n_rerank=8)
    found = run(
        *("search", folder / "base.quiver", folder / "queries.npy", "-k", 4),
        *("--ef", 30, "--n-rerank", 8, "--npz", folder / "found.npz", "--json"),
        *("--cold", cold),
    )
    report = json.loads(found.stdout)
    assert [row["ids"] for row in report["results"]] == expected.ids.tolist()
    assert report["mean_hops"] == expected.stats.hops.mean()
    with np.load(folder / "found.npz") as arrays:
        np.testing.assert_array_equal(arrays["ids"], expected.ids)
        np.testing.assert_array_equal(arrays["distances"], expected.distances)
        np.testing.assert_array_equal(arrays["counts"], expected.counts)
        np.testing.assert_array_equal(arrays["hops"], expected.stats.hops)


def test_fewer_than_k_neighbours_are_listed_without_placeholders(folder):
    out = folder / "three.quiver"
    run("build", folder / "base.npy", "-o", out, "--max-rows", 3)
    found = run("search", out, folder / "queries.npy", "--max-rows", 1, "--json")
    (row,) = json.loads(found.stdout)["results"]
    assert sorted(row["ids"]) == [0, 1, 2]
    assert len(row["distances"]) == 3


def test_search_prints_neighbours_and_recall_for_people(folder):
    found = run(
        *("search", folder / "base.quiver", folder / "queries.npy"),
        *("--ef", ROWS, "--n-rerank", ROWS, "--ground-truth", folder / "truth.npy"),
    )
    first = np.load(folder / "truth.npy")[0, 0]
    assert f"{first}: " in found.stdout
    assert "recall at 10" in found.stdout
    assert f"and {QUERIES - 5} more" in found.stdout


def test_recall_from_a_ground_truth_file_is_the_api_s(folder):
    base, queries = np.load(folder / "base.npy"), np.load(folder / "queries.npy")
    _, true = quiver.exact_knn(base, queries, 10, metric="cosine")
    index = quiver.open(folder / "base.quiver", backend="reference")
    found = index.search(queries, k=10, ef=12)
    report = run(
        *("search", folder / "base.quiver", folder / "queries.npy", "--json"),
        *("--ef", 12, "--ground-truth", folder / "truth.npy"),
    )
    expected = quiver.recall_at_k(found.distances, true)
    assert 0 < expected < 1
    assert json.loads(report.stdout)["recall_at_10"] == expected


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        (np.zeros((QUERIES, 10), np.float32), "integer ids, got float32"),
        (np.zeros((QUERIES, 9), np.int32), "at least k=10 ids"),
        (np.zeros((QUERIES - 1, 10), np.int32), f"each of {QUERIES} queries"),
        (np.full((QUERIES, 10), ROWS, np.int32), f"got {ROWS}"),
        (np.full((QUERIES, 10), -1, np.int32), "got -1"),
    ],
)
def test_a_ground_truth_that_does_not_fit_is_refused(folder, truth, message):
    np.save(folder / "wrong.npy", truth)
    found = run(
        *("search", folder / "base.quiver", folder / "queries.npy"),
        *("--ground-truth", folder / "wrong.npy"),
    )
    assert found.exit_code == 1
    assert message in found.stderr


def test_backends_lists_every_one_and_marks_the_default():
    listed = run("backends")
    for info in quiver.list_backends():
        assert re.search(
            rf"{info.name} +{'yes' if info.available else 'no'}", listed.stdout
        )
    infos = json.loads(run("backends", "--json").stdout)
    assert [info["name"] for info in infos if info["auto"]] == [
        quiver.get_backend().name
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "gone.npy", "-o", "x.quiver"), "No such file"),
        (("build", "base.npy", "-o", "gone/x.quiver"), "existing folder"),
        (("build", "base.npy", "-o", "."), "existing folder"),
        (("build", "base.txt", "-o", "x.quiver"), "path must end in one of"),
        (("build", "base.npy", "-o", "x.quiver", "--alpha", "0.5"), "alpha must be"),
        (("build", "base.npy", "-o", "x.quiver", "--max-degree", "1"), "max_degree"),
        (("build", "base.npy", "-o", "x.quiver", "--key", "train"), "key must be"),
        (("build", "nan.npy", "-o", "x.quiver"), "row 1, column 2"),
        (("search", "base.quiver", "narrow.npy"), f"must have {DIM} columns"),
        (("search", "base.quiver", "queries.npy", "-k", "0"), "k must be in"),
        (("search", "base.quiver", "queries.npy", "--ef", "9"), "ef must be >= k"),
        (("search", "gone.quiver", "queries.npy"), "No such file"),
        (("search", "base.npy", "queries.npy"), "base.npy"),
        (("info", "base.npy"), "base.npy"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    Path("base.txt").write_text("1 2 3")
    np.save("narrow.npy", np.ones((2, 3), np.float32))
    holed = np.ones((2, 3), np.float32)
    holed[1, 2] = np.nan
    np.save("nan.npy", holed)
    failed = run(*arguments)
    lines = failed.stderr.splitlines()
    assert failed.exit_code == 1
    assert failed.stdout == ""
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]
    assert "Traceback" not in failed.output
    assert not Path("x.quiver").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("build",),
        ("build", "base.npy"),
        ("build", "base.npy", "-o", "x.quiver", "--metric", "manhattan"),
        ("build", "base.npy", "-o", "x.quiver", "--max-degree", "many"),
        ("search", "base.quiver"),
        ("fly",),
        ("info", "--fast"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_version_and_help_are_answered():
    assert run("--version").stdout == f"quiver {quiver.__version__}\n"
    listed = run("--help").stdout
    for name in ("demo", "build", "search", "info", "backends", "verify"):
        assert re.search(rf"\b{name}\b", listed)


def test_a_process_prints_no_escape_codes_away_from_a_terminal(folder):
    environment = {**os.environ, "QUIVER_BACKEND": "reference"}
    made = run_process(
        *("build", folder / "base.npy", "-o", folder / "process.quiver"),
        env=environment,
    )
    assert made.returncode == 0, made.stderr
    failed = run_process("info", folder / "gone.quiver")
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: ")
    assert "\x1b" not in made.stdout + made.stderr + failed.stderr


def test_a_terminal_that_lacks_a_script_does_not_stop_the_command(folder):
    # The ellipsis and the accents of the sentences have no place in ASCII.
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = run_process("info", folder / "base.quiver", env=environment)
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_the_command_says_what_to_install(missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from quiver.cli import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60
    )
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "pip install 'quiver-ann[cli]'" in ended.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_ends_a_build_with_130_and_leaves_no_file(folder, tmp_path):
    rows = np.random.default_rng(0).normal(size=(50_000, 32)).astype(np.float32)
    np.save(tmp_path / "many.npy", rows)
    command = ["build", tmp_path / "many.npy", "-o", tmp_path / "many.quiver"]
    process = subprocess.Popen(
        [*QUIVER, *map(str, command), "--backend", "reference"],
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    # The prediction is printed once the file is read; the build takes minutes.
    assert "will need" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert [path.name for path in tmp_path.iterdir()] == ["many.npy"]
