"""The command ``convert``, and the columns that other commands take."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from command_line import DIM, QUIVER, ROWS, fill, run
from quick import QUICK_BACKEND

import quiver
from quiver.datasets import read_vectors


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = fill(tmp_path_factory.mktemp("columns"))
    rows = np.load(folder / "base.npy")
    np.savez(folder / "base.npz", vector=rows, number=np.arange(500, 500 + ROWS))
    return folder


@pytest.fixture(scope="module")
def table(folder):
    pa = pytest.importorskip("pyarrow", reason="needs the extra `io`")
    rows = np.load(folder / "base.npy")
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), DIM)
    columns = {"text": ["a"] * ROWS, "id": np.arange(500, 500 + ROWS)}
    made = pa.table(columns | {"title": vectors, "vector": vectors})
    pytest.importorskip("pyarrow.parquet").write_table(made, folder / "base.parquet")
    return folder / "base.parquet"


def built(folder, *words: object) -> quiver.Index:
    made = run("build", *words, "-o", folder / "made.quiver")
    assert made.exit_code == 0, made.output
    return quiver.open(folder / "made.quiver", backend=QUICK_BACKEND)


def test_a_file_is_converted_and_said_so(folder):
    done = run("convert", folder / "base.npz", folder / "out.fbin", "--json")
    assert json.loads(done.stdout) == {
        "path": str(folder / "out.fbin"),
        "n": ROWS,
        "dim": DIM,
    }
    np.testing.assert_array_equal(
        read_vectors(folder / "out.fbin"), np.load(folder / "base.npy")
    )
    said = run("convert", folder / "out.fbin", folder / "few.npy", "--max-rows", 7)
    assert "few.npy: 7 x 24" in said.stderr
    assert np.load(folder / "few.npy").shape == (7, DIM)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("base.npz", "out.csv"), "target must end in one of .npy"),
        (("base.npz", "gone/out.npy"), "existing folder"),
        (("base.npz", "out.npy", "--column", "vectr"), "(vector, number)"),
        (("base.npy", "out.u8bin"), "in row 0, column 0"),
    ],
)
def test_a_wrong_word_is_one_line_and_no_file(folder, words, said):
    files, options = words[:2], words[2:]
    done = run("convert", *(folder / name for name in files), *options)
    assert done.exit_code == 1
    assert said in done.stderr
    assert not (folder / files[1]).exists()


def test_an_index_is_built_of_a_column_with_the_ids_of_another(folder):
    own = built(folder, folder / "base.npz", "--column", "vector", "--id", "number")
    plain = quiver.open(folder / "base.quiver", backend=QUICK_BACKEND)
    np.testing.assert_array_equal(own.neighbors, plain.neighbors)
    np.testing.assert_array_equal(own.ids, plain.ids + 500)


def test_parquet_goes_through_every_command(folder, table):
    column = ("--column", "vector")
    own = built(folder, table, *column, "--id", "id", "--max-rows", 200)
    np.testing.assert_array_equal(own.ids, np.arange(500, 700))
    index = folder / "made.quiver"
    found = run("search", index, table, *column, "-k", 1, "--max-rows", 9, "--json")
    ids = [row["ids"] for row in json.loads(found.stdout)["results"]]
    assert ids == [[500 + row] for row in range(9)]
    done = run("update", index, table, *column, "--id", "id", "--max-rows", 5)
    assert done.exit_code == 0, done.output
    told = run("diagnose", table, *column, "--json", "--backend", QUICK_BACKEND)
    assert json.loads(told.stdout)["n"] == ROWS
    both = run("build", table, "-o", index)
    assert both.exit_code == 1
    assert "(text, id, title, vector), got None" in both.stderr


def test_a_column_of_ids_joins_an_index(folder):
    index = folder / "grown.quiver"
    built(folder, folder / "base.npy").save(index)
    done = run("add", index, folder / "base.npz", "--id", "number", "--max-rows", 30)
    assert done.exit_code == 0, done.output
    assert quiver.open(index, backend=QUICK_BACKEND).n == ROWS + 30


def test_ids_are_given_once(folder):
    np.savez(folder / "numbers.npz", number=np.arange(500, 500 + ROWS))
    own = built(folder, folder / "base.npy", "--ids", folder / "numbers.npz")
    np.testing.assert_array_equal(own.ids, np.arange(500, 500 + ROWS))
    words = ("--id", "number", "--ids", folder / "numbers.npz")
    done = run("build", folder / "base.npz", *words, "-o", folder / "x.quiver")
    assert done.exit_code == 1
    assert "ids must not be given with id='number'" in done.stderr
    none = run("update", folder / "base.quiver", folder / "base.npz")
    assert none.exit_code == 2
    assert "--ids FILE or --id NAME" in none.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends Ctrl-C by a signal")
def test_ctrl_c_leaves_no_half_file(tmp_path):
    np.lib.format.open_memmap(tmp_path / "a.npy", "w+", "f4", (200_000, 1000)).flush()
    words = [*QUIVER, "convert", tmp_path / "a.npy", tmp_path / "b.fbin"]
    temp = tmp_path / ".b.fbin.saving"
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (temp.exists() and temp.stat().st_size):
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "nothing was written" in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
