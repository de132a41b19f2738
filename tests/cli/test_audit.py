"""The command audit, run as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rows import skewed_rows

pytest.importorskip("typer", reason="needs the extra `cli`")
pytest.importorskip("rich", reason="needs the extra `cli`")

from typer.testing import CliRunner

import quiver
from quiver.cli.app import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    rows = skewed_rows(130, 8)
    np.save(folder / "base.npy", rows[:110])
    np.save(folder / "queries.npy", rows[110:])
    return folder


def run(*arguments: object, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, ["audit", *map(str, arguments), "--kinds", "0"])
    assert result.exit_code == exit_code, result.output
    return result.stdout


def given(folder: Path) -> tuple[object, ...]:
    return folder / "base.npy", "--queries", folder / "queries.npy"


def test_a_page_is_written_and_verdicts_or_the_record_printed(folder: Path) -> None:
    page = folder / "audit.html"
    shown = run(*given(folder), "--out", page)
    assert "base.npy, 110 x 8, cosine: not the data of the paper" in shown
    assert "confirmed" in shown
    assert page.read_text("utf-8").startswith("<!doctype html>")
    expected = quiver.audit(
        np.load(folder / "base.npy"),
        np.load(folder / "queries.npy"),
        kinds=0,
        name="base.npy",
    )
    printed = json.loads(run(*given(folder), "--json"))
    assert printed == json.loads(json.dumps(expected.to_dict()))


def test_the_record_can_be_printed_and_so_can_markdown(folder: Path) -> None:
    document = json.loads(run(*given(folder), "--json", "--metric", "l2"))
    assert document["data"]["metric"] == "euclidean"
    assert run(*given(folder), "--markdown").startswith("### base.npy, 110 x 8, cosine")


def test_what_cannot_be_written_is_told_before_the_work(folder: Path) -> None:
    nowhere = folder / "no" / "audit.html"
    result = CliRunner().invoke(app, ["audit", "--out", str(nowhere)])
    assert result.exit_code == 1
    assert "out must be a file in an existing folder" in " ".join(result.stderr.split())


def test_three_rows_are_one_line_and_no_traceback(folder: Path) -> None:
    np.save(folder / "three.npy", np.eye(3))
    result = CliRunner().invoke(app, ["audit", str(folder / "three.npy")])
    assert result.exit_code == 1
    assert "at least 100 rows to audit, got 3" in " ".join(result.stderr.split())
