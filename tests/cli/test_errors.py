"""The command line: an error is one line with an exit code, and no escape codes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command_line import DIM, QUIVER, fill, run, run_process
from rows import normal_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("cli"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "gone.npy", "-o", "x.quiver"), "No such file"),
        (("build", "base.npy", "-o", "gone/x.quiver"), "existing folder"),
        (("build", "base.npy", "-o", "."), "existing folder"),
        (("build", "base.txt", "-o", "x.quiver"), "path must end in one of"),
        (("build", "base.npy", "-o", "x.quiver", "--alpha", "0.5"), "alpha must be"),
        (
            ("build", "base.npy", "-o", "x.quiver", "--metric", "cosin"),
            "metric must be",
        ),
        (("build", "base.npy", "-o", "x.quiver", "--ids", "gone.npy"), "No such file"),
        (("build", "base.npy", "-o", "x.quiver", "--ids", "ids.txt"), "line 2 must be"),
        (
            ("build", "base.npy", "-o", "x.quiver", "--ids", "nan.npy"),
            "got dtype float",
        ),
        (("build", "base.npy", "-o", "x.quiver", "--ids", "wide.npy"), "one column"),
        (("build", "base.npy", "-o", "x.quiver", "--ids", "few.npy"), "ids must have"),
        (("build", "base.npy", "-o", "x.quiver", "--ids", "base.txt"), "got '1 2 3'"),
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
    Path("ids.txt").write_text("7\nseven\n")
    np.save("wide.npy", np.ones((300, 2), np.int64))
    np.save("few.npy", np.arange(3))
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
        ("build", "base.npy", "-o", "x.quiver", "--encoding", "morse"),
        ("build", "base.npy", "-o", "x.quiver", "--max-degree", "many"),
        ("search", "base.quiver"),
        ("fly",),
        ("info", "--fast"),
        ("--fast",),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments):
    failed = run(*arguments)
    assert failed.exit_code == 2
    assert failed.stdout == ""
    (line,) = failed.stderr.splitlines()
    assert re.fullmatch(r"error: .+; see `quiver( \w+)? --help`", line)


def test_no_command_shows_the_help():
    shown = run()
    assert "Usage: quiver" in shown.output
    assert "error:" not in shown.output


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("build", "base.npy"), "--out"),
        (("search", "base.quiver", "queries.npy"), "--npz"),
        (("evaluate", "base.quiver", "queries.npy"), "--svg"),
        (("explain", "base.quiver", "queries.npy"), "--html"),
        (("diagnose", "base.npy"), "--html"),
        (("bench",), "--plot"),
    ],
)
def test_an_output_without_a_folder_is_refused_before_any_work(
    folder, monkeypatch, command, option
):
    monkeypatch.chdir(folder)
    failed = run(*command, option, "gone/file.svg")
    (line,) = failed.stderr.splitlines()
    name = option.removeprefix("--")
    assert line == (
        f"error: {name} must be a file in an existing folder, got 'gone/file.svg'"
    )
    assert failed.exit_code == 1


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


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_ends_a_build_with_130_and_leaves_no_file(folder, tmp_path):
    rows = normal_rows(50_000, 32, seed=0)
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
    _, rest = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert [path.name for path in tmp_path.iterdir()] == ["many.npy"]
