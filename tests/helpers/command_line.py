"""Run the command line in tests: in this process or in its own."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from quick import QUICK_BACKEND
from rows import normal_rows

import quiver

pytest.importorskip("typer", reason="needs the extra `cli`")
pytest.importorskip("rich", reason="needs the extra `cli`")

from typer.testing import CliRunner

from quiver.cli.app import app

ROWS, DIM, QUERIES = 300, 24, 20
# A process takes the reference: it finds the checkout, where nothing is compiled.
QUIVER = [sys.executable, "-m", "quiver"]
# These take --backend.
WITH_BACKEND = ("build", "search", "check", "verify", "evaluate", "tune")
WITH_BACKEND += ("add", "remove", "update", "consolidate")


def run(*arguments: object):
    """Run a command in this process."""
    words = [str(argument) for argument in arguments]
    if words and words[0] in WITH_BACKEND and "--backend" not in words:
        words += ["--backend", QUICK_BACKEND]
    return CliRunner().invoke(app, words)


def run_process(*arguments: object, **options):
    """Run a command as a user does."""
    return subprocess.run(
        [*QUIVER, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        **options,
    )


@contextmanager
def serving(*arguments: object):
    """Run a command that serves, and yield its process and its port on loopback."""
    words = [*QUIVER, *map(str, arguments), "--port", "0", "--json"]
    process = subprocess.Popen(
        [*words, "--backend", "reference"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            host, _, port = json.loads(line)["url"].rpartition(":")
            assert host == "http://127.0.0.1"
            yield process, int(port)
        finally:
            process.kill()


def fill(folder: Path) -> Path:
    """Write vectors, queries, their exact neighbours, and an index of the command's."""
    base = normal_rows(ROWS, DIM, seed=5)
    queries = normal_rows(QUERIES, DIM, seed=6)
    ids, _ = quiver.exact_knn(base, queries, 10, metric="cosine")
    np.save(folder / "base.npy", base)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "truth.npy", ids.astype(np.int32))
    made = run("build", folder / "base.npy", "-o", folder / "base.quiver")
    assert made.exit_code == 0, made.output
    return folder
