"""The commands ``build``, ``info`` and ``check``: the index is that of the API."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import DIM, ROWS, fill, run
from quick import QUICK_BACKEND
from small_index import byte_rows

import quiver
from quiver.diagnosis.width import choose_width


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("cli"))


def test_the_command_builds_the_index_the_api_builds(folder):
    opened = quiver.open(folder / "base.quiver", backend=QUICK_BACKEND)
    built = quiver.Index.build(np.load(folder / "base.npy"), backend=QUICK_BACKEND)
    np.testing.assert_array_equal(opened.neighbors, built.neighbors)
    np.testing.assert_array_equal(opened.codes.rows, built.codes.rows)
    assert opened.entry_point == built.entry_point
    assert opened.encoding == built.encoding == quiver.Encoding(bits=8)
    assert opened.notes == built.notes is not None


def test_an_encoding_by_name_leaves_nothing_to_the_data(folder):
    out = folder / "named.quiver"
    made = run("build", folder / "base.npy", "-o", out, "--encoding", "default")
    assert made.exit_code == 0, made.output
    index = quiver.open(out, backend=QUICK_BACKEND)
    assert index.encoding == quiver.Encoding()
    assert index.notes is None


def test_every_build_option_reaches_the_index(folder):
    out = folder / "options.quiver"
    made = run(
        *("build", folder / "base.npy", "--out", out, "--json"),
        *("--metric", "euclidean", "--encoding", "paper", "--max-degree", 9),
        *("--ef-construction", 21, "--alpha", 1.5, "--seed", 7),
        *("--max-rows", 120, "--threads", 1),
    )
    summary = json.loads(made.stdout)
    index = quiver.open(out, backend=QUICK_BACKEND)
    assert (index.n, index.dim, index.metric) == (120, DIM, "euclidean")
    assert index.encoding == quiver.Encoding.paper()
    assert index.params == quiver.BuildParams(
        max_degree=9, ef_construction=21, alpha=1.5, seed=7
    )
    assert (summary["n"], summary["dim"], summary["threads"]) == (120, DIM, 1)
    assert summary["backend"] == QUICK_BACKEND
    assert summary["seconds"] > 0


def test_bits_and_lines_reach_the_index_and_are_told_in_words(folder):
    out = folder / "wide.quiver"
    options = ("--bits", 4, "--lines", 2, "--max-rows", 40)
    made = run("build", folder / "base.npy", "-o", out, *options)
    assert made.exit_code == 0, made.output
    index = quiver.open(out, backend=QUICK_BACKEND)
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
    assert quiver.open(out, backend=QUICK_BACKEND).metric == "euclidean"
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
    opened = quiver.open(out, backend=QUICK_BACKEND)
    np.testing.assert_array_equal(opened.ids, ids[:50])


def test_ids_of_64_bits_survive_the_text_file(folder):
    ids = [2**63 - 1, 2**62 + 1, 5]
    (folder / "large.txt").write_text("\n".join(map(str, ids)))
    out = folder / "large.quiver"
    options = ("--ids", folder / "large.txt", "--max-rows", 3)
    run("build", folder / "base.npy", "-o", out, *options)
    assert quiver.open(out, backend=QUICK_BACKEND).ids.tolist() == ids


def test_float16_halves_the_stored_vectors_and_the_summary_says_so(folder):
    out = folder / "half.quiver"
    made = run(
        *("build", folder / "base.npy", "-o", out, "--cold-dtype", "float16", "--json")
    )
    facts = json.loads(made.stdout)
    assert facts["bytes"]["cold_per_vector"] == 2 * DIM
    stored = quiver.open(out, backend=QUICK_BACKEND).vectors
    rounded = np.load(folder / "base.npy").astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(stored), rounded)


def write_bytes(folder: Path, suffix: str) -> tuple[Path, np.ndarray]:
    """Write 60 rows of 8 bytes in a format of the big collections."""
    dtype = "int8" if suffix == "i8bin" else "uint8"
    rows, path = byte_rows(dtype, n=60, dim=8), folder / f"bytes.{suffix}"
    if suffix == "npy":
        np.save(path, rows)
    elif suffix == "bvecs":
        dims = np.full((60, 1), 8, "<i4").view("u1")
        np.hstack([dims, rows]).tofile(path)
    else:
        path.write_bytes(np.array(rows.shape, "<u4").tobytes() + rows.tobytes())
    return path, rows


@pytest.mark.parametrize("suffix", ["npy", "bvecs", "u8bin", "i8bin"])
def test_files_of_bytes_stay_bytes(folder, suffix):
    path, rows = write_bytes(folder, suffix)
    out = folder / "bytes.quiver"
    made = run("build", path, "-o", out, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["bytes"]["cold_per_vector"] == 8
    assert "cold 480 B (8 B per vector)" in " ".join(made.stderr.split())
    stored = quiver.open(out, backend=QUICK_BACKEND).vectors
    assert stored.cold_dtype == rows.dtype
    np.testing.assert_array_equal(np.asarray(stored), rows)
    wide = run("build", path, "-o", out, "--json", "--cold-dtype", "float32")
    assert json.loads(wide.stdout)["bytes"]["cold_per_vector"] == 32


def test_vectors_that_are_no_bytes_are_not_stored_as_such(folder):
    out = folder / "refused.quiver"
    made = run("build", folder / "base.npy", "-o", out, "--cold-dtype", "uint8")
    assert made.exit_code == 1
    assert "must be whole numbers in 0 … 255 as uint8, got" in " ".join(
        made.stderr.split()
    )
    assert not out.exists()


def test_build_predicts_memory_and_prints_a_summary_for_people(folder):
    made = run("build", folder / "base.npy", "-o", folder / "again.quiver")
    report = quiver.predict_memory(ROWS, DIM)
    assert f"will need {report}" in " ".join(made.stderr.split())
    for fact in (
        f"{ROWS} x {DIM}, cosine",
        f"{report.hot_per_vector:.0f} bytes per vector",
        f"{report.cold_per_vector:.0f} bytes per vector",
        f"{QUICK_BACKEND} (",
        "threads: ",
        " s, ",
    ):
        assert fact in made.stdout


def test_info_tells_what_the_file_holds(folder):
    path = folder / "base.quiver"
    index = quiver.open(path, backend=QUICK_BACKEND)
    facts = json.loads(run("info", path, "--json").stdout)
    degrees = np.count_nonzero(index.neighbors != 2**32 - 1, axis=1)
    assert (facts["n"], facts["dim"], facts["metric"]) == (ROWS, DIM, "cosine")
    assert facts["entry_point"] == index.entry_point
    assert facts["degrees"]["max"] == degrees.max()
    assert facts["bytes"]["hot_per_vector"] == index.memory_report().hot_per_vector
    shown = run("info", path).stdout
    assert f"{ROWS} x {DIM}, cosine" in shown
    assert f"entry point {index.entry_point}" in shown
    assert "8 bits x 56 in 1 cache line, centred" in shown


def test_a_build_looks_at_its_rows_once(folder, monkeypatch):
    looks = []

    def counted(rows, plan, base):
        looks.append(len(rows))
        return choose_width(rows, plan, base)

    monkeypatch.setattr("quiver.diagnosis.auto.choose_width", counted)
    made = run("build", folder / "base.npy", "-o", folder / "once.quiver")
    assert made.exit_code == 0, made.output
    assert looks == [ROWS]


@pytest.mark.parametrize("full", [(), ("--full",)])
def test_check_certifies_a_sound_index(folder, full):
    path = folder / "base.quiver"
    index = quiver.open(path, cold="mmap", backend=QUICK_BACKEND)
    certified = run("check", path, *full)
    assert certified.exit_code == 0
    assert certified.stdout == f"{index.check(full=bool(full))}\n"
    assert ("; not read: 100 of 300 vectors" in certified.stdout) == (not full)
    assert json.loads(run("check", path, *full, "--json").stdout)["ok"] is True


def test_check_of_an_unsound_graph_is_exit_code_1(folder, monkeypatch):
    opened = quiver.open(folder / "base.quiver", backend=QUICK_BACKEND)
    lost = replace(opened.state, neighbors=np.full_like(opened.neighbors, 2**32 - 1))
    unsound = quiver.Index(lost, opened.backend)
    monkeypatch.setattr(quiver, "open", lambda *_, **__: unsound)
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


def test_a_recall_to_build_for_gives_more_edges(folder):
    out = folder / "recall.quiver"
    options = ("--max-rows", 60, "--recall", 0.99, "--ef-construction", 70)
    made = run("build", folder / "base.npy", "--out", out, *options)
    assert made.exit_code == 0, made.output
    params = quiver.open(out, backend=QUICK_BACKEND).params
    assert (params.max_degree, params.ef_construction, params.alpha) == (64, 70, 1.2)


def test_the_data_choose_the_bits_where_no_encoding_is_named(folder):
    rng = np.random.default_rng(0)
    centers, noise = rng.normal(size=(2, 130)), rng.normal(size=(260, 130))
    tight = (centers[np.arange(260) % 2] + 0.03 * noise).astype(np.float32)
    np.save(folder / "tight.npy", tight)
    made = run("build", folder / "tight.npy", "-o", folder / "tight.quiver")
    opened = quiver.open(folder / "tight.quiver", backend=QUICK_BACKEND)
    built = quiver.Index.build(tight, backend=QUICK_BACKEND)
    assert opened.encoding == built.encoding == quiver.Encoding(bits=8)
    assert f"will need {built.memory_report()}" in " ".join(made.stderr.split())
    assert opened.notes == built.notes
    shown = run("info", folder / "tight.quiver").stdout
    assert built.notes["bits"] in shown
    options = ("--encoding", "default", "--json")
    made = run("build", folder / "tight.npy", "-o", folder / "two.quiver", *options)
    named = quiver.open(folder / "two.quiver", backend=QUICK_BACKEND)
    assert named.encoding == quiver.Encoding()
    told = " ".join(made.stderr.split())
    assert "warning: 2 bits keep 61.6 % of the true 10" in told
    assert "indexes.py" not in told, "no line of quiver's own code"
    assert named.notes is not None
    assert named.notes["code_fidelity"].startswith("0.616 ")
