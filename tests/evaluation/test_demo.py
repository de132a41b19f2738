"""The demo: measured as claimed, on a subset, and shown by the command."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import quiver
from quiver.datasets import load_demo
from quiver.evaluation.demo import CONTENDERS, build_contender, measure

ROWS = 200


@pytest.fixture(scope="module")
def built():
    vectors = load_demo().vectors[:ROWS]
    return [
        build_contender(contender, vectors, backend="auto", threads=1)
        for contender in CONTENDERS
    ]


def test_both_contenders_are_what_their_names_say(built):
    default, paper = (side.index for side in built)
    assert default.encoding == quiver.Encoding()
    assert default.params.max_degree == 32
    assert paper.encoding == quiver.Encoding.paper()
    assert paper.params.rule_for(paper.encoding) == "published"
    assert (paper.params.max_degree, paper.params.alpha) == (64, 1.2)
    assert [side.index.n for side in built] == [ROWS, ROWS]
    assert all(side.seconds > 0 for side in built)


def test_measured_recall_and_cost_are_those_of_a_search(built):
    queries = load_demo().queries[:40]
    index = built[0].index
    ids, true = quiver.exact_knn(index.vectors, queries, 10, metric="cosine")
    points = list(measure(index, queries, true, beam_widths=(16, 64), threads=1))
    assert [point.ef for point in points] == [16, 64]
    for point in points:
        found = index.search(queries, k=10, ef=point.ef, n_rerank=point.ef)
        overlap = [len(set(a) & set(b)) for a, b in zip(found.ids, ids, strict=True)]
        # These sentences have no ties, so counting common ids is the same recall.
        assert point.recall == pytest.approx(np.mean(overlap) / 10)
        assert point.distance_computations == found.stats.distance_computations.mean()
        assert point.queries_per_second > 0


def test_the_command_shows_sentences_recall_and_memory():
    pytest.importorskip("typer", reason="needs the extra `cli`")
    pytest.importorskip("rich", reason="needs the extra `cli`")
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
