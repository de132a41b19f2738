"""The command line: what it writes and prints is what the API makes."""

from __future__ import annotations

import json
import os
import re
import sys

import numpy as np
import pytest
from command_line import DIM, QUERIES, ROWS, fill, run, run_process
from typer.main import get_command

import quiver
from quiver.backends import get_backend, registry
from quiver.cli.app import app
from quiver.errors import InvalidArgumentError
from quiver.validation.checks import check_metric


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("cli"))


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


def test_bits_and_lines_reach_the_index_and_are_told_in_words(folder):
    out = folder / "wide.quiver"
    options = ("--bits", 4, "--lines", 2, "--max-rows", 40)
    made = run("build", folder / "base.npy", "-o", out, *options)
    assert made.exit_code == 0, made.output
    index = quiver.open(out, backend="reference")
    assert index.encoding == quiver.Encoding(bits=4, lines=2)
    report = quiver.predict_memory(40, DIM, encoding=index.encoding)
    assert f"will need {report}" in " ".join(made.stderr.split())
    words = "4 bits x 240 in 2 cache lines, centred, rotated, corrected weights"
    assert words in made.stdout
    shown = run("info", out)
    assert words in shown.stdout
    facts = json.loads(run("info", out, "--json").stdout)
    assert (facts["coded_dim"], facts["lines"]) == (240, 2)
    assert facts["encoding"]["bits"] == 4


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (("--bits", 3), "bits must be 2, 4 or 8, got 3"),
        (("--lines", 0), "lines must be in 1 …"),
        (("--bits", 4, "--encoding", "paper"), "bits must be 2 when weights is"),
        (("--lines", 2, "--encoding", "paper"), "lines must be None unless"),
        (("--bits", 8, "--encoding", "auto"), "encoding must not be 'auto'"),
    ],
)
def test_bits_and_lines_that_no_encoding_has_are_refused(folder, options, rule):
    refused = run("build", folder / "base.npy", "-o", folder / "no.quiver", *options)
    assert refused.exit_code == 1
    assert rule in " ".join(refused.output.replace("│", " ").split())
    assert not (folder / "no.quiver").exists()


def test_a_metric_may_be_said_in_the_words_of_other_libraries(folder):
    out = folder / "alias.quiver"
    assert run("build", folder / "base.npy", "-o", out, "--metric", "L2").exit_code == 0
    assert quiver.open(out, backend="reference").metric == "euclidean"
    refused = run("build", folder / "base.npy", "-o", out, "--metric", "l2sq")
    assert refused.exit_code == 1
    assert "not their squares" in " ".join(refused.output.replace("│", " ").split())


@pytest.mark.parametrize("suffix", [".npy", ".txt", ".ivecs"])
def test_build_takes_ids_from_a_file(folder, suffix):
    ids = np.arange(ROWS) * 7 + 3
    path = folder / f"ids{suffix}"
    if suffix == ".npy":
        np.save(path, ids)
    elif suffix == ".txt":
        path.write_text("".join(f"{id}\n" for id in ids))
    else:
        np.column_stack([np.ones_like(ids), ids]).astype("<i4").tofile(path)
    out = folder / "with_ids.quiver"
    made = run("build", folder / "base.npy", "-o", out, "--ids", path, "--max-rows", 50)
    assert made.exit_code == 0, made.output
    opened = quiver.open(out, backend="reference")
    np.testing.assert_array_equal(opened.ids, ids[:50])


def test_ids_of_64_bits_survive_the_text_file(folder):
    ids = [2**63 - 1, 2**62 + 1, 5]
    (folder / "large.txt").write_text("\n".join(map(str, ids)))
    out = folder / "large.quiver"
    options = ("--ids", folder / "large.txt", "--max-rows", 3)
    run("build", folder / "base.npy", "-o", out, *options)
    assert quiver.open(out, backend="reference").ids.tolist() == ids


def test_float16_halves_the_stored_vectors_and_the_summary_says_so(folder):
    out = folder / "half.quiver"
    made = run(
        *("build", folder / "base.npy", "-o", out, "--cold-dtype", "float16", "--json")
    )
    facts = json.loads(made.stdout)
    assert facts["bytes"]["cold_per_vector"] == 2 * DIM
    stored = quiver.open(out, backend="reference").vectors
    rounded = np.load(folder / "base.npy").astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(stored), rounded)


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
    assert "2 bits x 224 in 1 cache line, centred" in shown


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
        (np.zeros((QUERIES, 10), np.float32), "integer ids, got dtype float32"),
        (np.zeros((QUERIES, 9), np.int32), f"shape ({QUERIES}, >= 10)"),
        (np.zeros((QUERIES - 1, 10), np.int32), f"got ({QUERIES - 1}, 10)"),
        (np.full((QUERIES, 10), ROWS, np.int32), f"got {ROWS}"),
        (np.full((QUERIES, 10), -1, np.int32), "got -1"),
        (np.full((QUERIES, 10), 7, np.int32), "id 7 twice for query 0"),
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


@pytest.mark.parametrize("command", ["search", "evaluate", "tune"])
def test_a_ground_truth_of_shifted_queries_is_refused(folder, command):
    np.save(folder / "shifted.npy", np.roll(np.load(folder / "truth.npy"), 1, axis=0))
    found = run(
        *(command, folder / "base.quiver", folder / "queries.npy"),
        *("--ground-truth", folder / "shifted.npy", "--backend", "reference"),
    )
    assert found.exit_code == 1
    assert "ground_truth must hold" in found.stderr
    assert "shifted queries" in found.stderr


@pytest.mark.parametrize("full", [(), ("--full",)])
def test_check_certifies_a_sound_index(folder, full):
    path = folder / "base.quiver"
    index = quiver.open(path, cold="mmap", backend="reference")
    certified = run("check", path, *full)
    assert certified.exit_code == 0
    assert certified.stdout == f"{index.check(full=bool(full))}\n"
    assert ("; not read: 100 of 300 vectors" in certified.stdout) == (not full)
    assert json.loads(run("check", path, *full, "--json").stdout)["ok"] is True


def test_check_of_an_unsound_graph_is_exit_code_1(folder, monkeypatch):
    opened = quiver.open(folder / "base.quiver", backend="reference")
    opened.neighbors = np.full_like(opened.neighbors, 2**32 - 1)
    monkeypatch.setattr(quiver, "open", lambda *_, **__: opened)
    refused = run("check", folder / "base.quiver")
    assert refused.exit_code == 1
    assert json.loads(run("check", "base.quiver", "--json").stdout)["ok"] is False


def test_check_of_a_damaged_file_is_exit_code_1(folder):
    content = bytearray((folder / "base.quiver").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "damaged.quiver").write_bytes(content)
    refused = run("check", folder / "damaged.quiver", "--full")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: ")


def test_verify_prints_the_proof(folder):
    proven = run("verify", "--rounds", 2)
    assert proven.exit_code == 0
    assert proven.stdout == f"{quiver.verify('reference', rounds=2)}\n"


def test_verify_of_a_wrong_backend_is_exit_code_1(monkeypatch):
    right = get_backend("reference")

    class Wrong:
        name, target = "wrong", "test"
        encode, quantize, prune = right.encode, right.quantize, right.prune
        search, rerank = right.search, right.rerank

        def distance(self, codes, queries, candidates=None):
            return right.distance(codes, queries, candidates) + np.float32(1)

    monkeypatch.setitem(registry._loaders, "wrong", Wrong)
    refused = run("verify", "--rounds", 2, "--backend", "wrong")
    assert refused.exit_code == 1
    assert "NOT EQUAL" in refused.stdout
    assert "first mismatch of distance" in refused.stdout


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


def test_backends_lists_every_one_even_if_the_environment_names_none(monkeypatch):
    monkeypatch.setenv("QUIVER_BACKEND", "nomba")
    listed = run("backends")
    assert listed.exit_code == 0
    for name in registry.BUILTINS:
        assert re.search(rf"{name} +(yes|no)", listed.stdout)
    assert "used by default" not in listed.stdout
    assert "environment variable QUIVER_BACKEND is wrong" in listed.stderr
    assert "'nomba'" in listed.stderr
    infos = json.loads(run("backends", "--json").stdout)
    assert not any(info["auto"] for info in infos)


def test_backends_lists_without_compiling(tmp_path):
    # What is no numba at all can be listed and chosen, but compiles nothing.
    (tmp_path / "numba.py").write_text("")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "QUIVER_BACKEND": "numba"}
    listed = run_process("backends", env=environment)
    assert listed.returncode == 0, listed.stderr
    assert re.search(r"numba +yes +used by default", listed.stdout)


def command_names():
    return [command.callback.__name__ for command in app.registered_commands]


@pytest.mark.parametrize("name", [name for name in command_names() if name != "demo"])
def test_every_command_with_a_result_has_the_same_json_flag(name):
    command = get_command(app).commands[name]
    (option,) = [param for param in command.params if "--json" in param.opts]
    assert option.is_flag
    assert option.help == "Print one JSON document."


@pytest.mark.parametrize(
    "command",
    [
        ("build", "base.npy", "-o", "again.quiver"),
        ("search", "base.quiver", "queries.npy", "--npz", "found.npz"),
        ("info", "base.quiver"),
        ("check", "base.quiver"),
        ("evaluate", "base.quiver", "queries.npy", "--ef", 16, "--svg", "recall.svg"),
        ("explain", "base.quiver", "queries.npy", "--html", "walk.html"),
        ("bench", "base.npy", "--rows", 60, "--repeats", 1, "--backends", "reference"),
        ("backends",),
        ("verify", "--rounds", 2),
    ],
)
def test_json_is_one_document_and_nothing_else_on_stdout(folder, monkeypatch, command):
    monkeypatch.chdir(folder)
    ended = run(*command, "--json")
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout)


def test_bench_still_writes_the_file_that_json_used_to_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    options = ("--rows", 60, "--repeats", 1, "--backends", "reference")
    ended = run("bench", "base.npy", *options, "--json", "old.json")
    assert ended.exit_code == 0, ended.output
    assert json.loads((folder / "old.json").read_text())["source"] == "base.npy"
    assert "--json FILE will go" in ended.stderr
    assert "equal in every bit" in ended.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("build", "base.npy", "--out", "x.quiver"),
        ("diagnose", "base.npy"),
        ("bench", "base.npy"),
    ],
)
def test_the_library_and_not_the_command_line_knows_the_metrics(command):
    refused = run(*command, "--metric", "cosin")
    with pytest.raises(InvalidArgumentError) as expected:
        check_metric("cosin")
    assert refused.exit_code == 1
    assert refused.stderr == f"error: {expected.value}\n"


def test_version_and_help_are_answered():
    assert run("--version").stdout == f"quiver {quiver.__version__}\n"
    listed = run("--help").stdout
    assert "quiver build base.npy -o base.quiver" in listed
    assert "Exit codes:" in listed


def test_every_command_is_one_line_of_the_help():
    lines = run("--help").stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if "Commands" in line)
    shown = lines[start + 1 : start + 1 + len(command_names())]
    assert sorted(line.split()[1] for line in shown) == sorted(command_names())
    assert all(line.rstrip("│ ").endswith(".") for line in shown)
