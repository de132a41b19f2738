"""The demo: measured as claimed, on a subset, and shown by the command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import quiver
from quiver.datasets import load_demo

pytest.importorskip("typer", reason="needs the extra `cli`")
pytest.importorskip("rich", reason="needs the extra `cli`")

from quiver.cli.demo import SHOWN_WIDTHS, SIDES, build, measure

ROWS = 200


@pytest.fixture(scope="module")
def built():
    vectors = load_demo().vectors[:ROWS]
    return [build(name, vectors, "auto", 1) for name in SIDES]


def test_both_sides_are_what_their_names_say(built):
    default, paper = (side.index for side in built)
    assert default.encoding == quiver.Encoding()
    assert default.params == quiver.BuildParams(alpha=1.2)
    assert paper.encoding == quiver.Encoding.paper()
    assert paper.params.rule_for(paper.encoding, "cosine") == "published"
    assert (paper.params.max_degree, paper.params.alpha) == (64, 1.2)
    assert [side.index.n for side in built] == [ROWS, ROWS]
    assert all(side.seconds > 0 for side in built)


def test_measured_recall_and_cost_are_those_of_a_search(built):
    demo, index = load_demo(), built[0].index
    _, true = quiver.exact_knn(index.vectors, demo.queries, 10)
    points = measure(built[0], demo, 1)
    assert tuple(point.ef for point in points) == SHOWN_WIDTHS
    for point in points:
        found = index.search(demo.queries, k=10, ef=point.ef, n_rerank=point.ef)
        recall = quiver.recall_at_k(found.distances, true)
        assert point.recall.mean == pytest.approx(recall, abs=1e-12)
        assert point.distance_computations == found.stats.distance_computations.mean()
        assert point.queries_per_second > 0


def test_the_command_shows_sentences_recall_and_memory():
    ended = subprocess.run(
        [sys.executable, "-m", "quiver.cli", "demo", "--rows", "256", "--show", "1"],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    shown = ended.stdout
    assert "\x1b" not in shown
    assert "Wireshark, but with Scapy." in shown
    first_columns = [line.split()[0] for line in shown.splitlines() if line.split()]
    for ef in (16, 24, 32, 48, 64, 96, 128):
        assert str(ef) in first_columns
    assert "264 bytes/vector hot" in shown
    assert "1536 bytes/vector" in shown
