"""The commands diagnose, evaluate and tune, run as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rows import normal_rows

import quiver

pytest.importorskip("typer", reason="needs the extra `cli`")
pytest.importorskip("rich", reason="needs the extra `cli`")

from typer.testing import CliRunner

from quiver.cli.app import app

pytestmark = pytest.mark.skipif(
    quiver.get_backend("auto").name == "reference",
    reason="a diagnosis builds three indexes: minutes with the NumPy kernels",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    rows = normal_rows(900, 16, seed=0)
    np.save(folder / "base.npy", rows[:800])
    np.save(folder / "queries.npy", rows[800:])
    truth, _ = quiver.exact_knn(rows[:800], rows[800:], 10)
    np.save(folder / "truth.npy", truth)
    run("build", folder / "base.npy", "-o", folder / "index.quiver")
    return folder


def run(*arguments: object, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    return result.stdout


def test_diagnose_prints_a_verdict_for_people(folder: Path) -> None:
    report = run("diagnose", folder / "base.npy", "--sample", 400)
    assert report.startswith("fits")
    for words in ("Recall@10 to expect", "centred + rotated", "8 bits", "local dim"):
        assert words in report


def test_diagnose_writes_a_page_and_prints_json(folder: Path) -> None:
    page = folder / "page.html"
    options = ("--queries", folder / "queries.npy", "--html", page, "--json")
    rows = np.load(folder / "base.npy")
    rows[1::2] = rows[::2]
    np.save(folder / "twice.npy", rows)
    document = json.loads(run("diagnose", folder / "twice.npy", *options))
    assert document["queries_given"]
    text = page.read_text(encoding="utf-8")
    assert document["verdict"]["word"] in text
    (finding,) = document["findings"]
    assert finding["then"] in text
    assert document["look"]["tried"] == {"8": 1.0}


def test_evaluate_prints_what_the_library_measures(folder: Path) -> None:
    files = (folder / "index.quiver", folder / "queries.npy")
    options = ("--ef", 16, "--ef", 64, "--ground-truth", folder / "truth.npy")
    options = (*options, "--horizon", 1.05)
    document = json.loads(run("evaluate", *files, *options, "--json"))
    index = quiver.open(files[0])
    expected = quiver.evaluate(index, np.load(files[1]), ef=[16, 64], horizon=1.05)
    found = [point["recall"]["mean"] for point in document["points"]]
    assert found == [point.recall.mean for point in expected.points]
    drawing = folder / "recall.svg"
    report = run("evaluate", *files, "--svg", drawing, "--hot", "mmap")
    assert "recall@10 of 100 queries" in report
    assert drawing.read_text().startswith("<svg")


def test_tune_finds_an_effort(folder: Path) -> None:
    files = (folder / "index.quiver", folder / "queries.npy")
    options = ("--target", 0.9, "--hot", "mmap", "--json")
    document = json.loads(run("tune", *files, *options))
    assert document["recall"]["low"] >= 0.9
    assert run("tune", *files, "--target", 0.9).startswith(f"ef={document['ef']}")
    assert document["horizon"] is None
    tried = json.loads(run("tune", *files, *options, "--horizon"))
    effort = f"ef={tried['ef']}, n_rerank={tried['n_rerank']}"
    if tried["horizon"] is not None:
        effort += f", horizon={tried['horizon']:g}"
    told = run("tune", *files, "--target", 0.9, "--horizon")
    assert told.startswith(f"{effort}\n")
    run("tune", *files, "--target", 1.5, exit_code=1)


def test_auto_is_an_encoding_that_info_explains(folder: Path) -> None:
    out = folder / "auto.quiver"
    run("build", folder / "base.npy", "-o", out, "--encoding", "auto")
    assert "expected recall at ef 64" in run("info", out)
    document = json.loads(run("info", out, "--json"))
    assert document["diagnosis"]["verdict"] == "fits"
