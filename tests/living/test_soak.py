"""Every answer given beside a writer is that of the index at rest, at its version."""

from __future__ import annotations

from pathlib import Path

import pytest
import soak_readers
from diagnosed import needs_kernels
from soak_readers import KINDS, Script, soak

import quiver
from quiver._typing import Metric
from quiver.conformance.hazards import METRICS

FEW = 10
pytestmark = needs_kernels


@pytest.mark.parametrize(
    ("metric", "n_steps"),
    [
        *((metric, FEW) for metric in METRICS),
        # `make soak` has minutes of each.
        pytest.param("euclidean", 200, marks=pytest.mark.slow),
    ],
)
def test_eight_readers_beside_a_writer_see_whole_versions(
    metric: Metric, n_steps: int, tmp_path: Path
) -> None:
    outcome = soak(metric, tmp_path, lambda steps: steps == n_steps)
    assert outcome.faults == []
    script = Script(metric)
    index = script.start()
    for step in range(n_steps):
        script.change(index, step, None)
    # The writer waits until each version has answered somebody.
    assert outcome.n_versions == index.version + 1


def test_a_soak_carries_out_every_operation() -> None:
    script = Script("euclidean")
    index = script.start()
    assert {script.change(index, step, None) for step in range(40)} == {*KINDS}


def test_an_answer_of_another_version_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def misled(self: Script, index: quiver.Index, number: int) -> soak_readers.Answer:
        found = soak_readers.answer_of(index.search(self.queries[number], k=10))
        # Only while the journal is kept, as it is beside readers.
        return (found[0], b"torn") if index.writer.journal else found

    monkeypatch.setattr(Script, "_nearest", misled)
    outcome = soak("cosine", tmp_path, lambda steps: steps == 1, n_readers=2)
    assert "question 0: not the answer of 0" in outcome.faults


def test_readers_that_fail_end_the_soak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> soak_readers.Answer:
        msg = "no answer"
        raise ValueError(msg)

    monkeypatch.setattr(Script, "ask", failing)
    outcome = soak("cosine", tmp_path, lambda _: False, n_readers=2)
    assert "question 0: ValueError('no answer')" in outcome.faults
