"""The decision: the fastest for the workload, and whether its index fits."""

from __future__ import annotations

import pytest
from bench_reports import report_of, times

import quiver
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.evaluation.decision import decide
from quiver.evaluation.workload import Workload

HOT = quiver.predict_memory(1000, 64).hot
WHOLE = HOT + quiver.predict_memory(1000, 64).vectors


def decide_for(*backends, **options):
    return decide(report_of(*backends, **options))


def test_without_a_size_the_fastest_batch_on_all_threads_is_taken():
    decision = decide_for(times("a", 9.0, 10.0), times("b", 3.0, 30.0))
    assert decision.backend == "b"
    assert "3.00 times a, the next" in decision.reasons


def test_with_a_size_the_fastest_call_of_it_is_taken_whatever_batches_say():
    asked = Workload(queries_per_call=2)
    pair = times("a", 9.0, 10.0, call=0.001), times("b", 3.0, 30.0, call=0.002)
    decision = decide_for(*pair, workload=asked)
    assert decision.backend == "a"
    assert decision.reasons[0] == "asked for: 2 queries a call on 2 threads"
    assert decision.reasons[1].startswith("2,000 queries per second, p50 1,000 µs")


def test_a_backend_with_other_answers_is_never_taken():
    decision = decide_for(times("a", 9.0, 10.0), times("b", 3.0, 30.0, False))
    assert decision.backend == "a"
    assert "no other backend was measured whose answers are equal" in decision.reasons


def test_a_lead_that_turns_cannot_tell_is_called_none():
    reasons = decide_for(times("a", 1.0, 1.01), times("b", 1.0, 1.0)).reasons
    assert "1.01 times b, the next, which is no difference that these turns" in str(
        reasons
    )


@pytest.mark.parametrize(
    ("limit", "fits", "words", "opened_cold"),
    [
        (WHOLE, True, "all of it fits", False),
        (WHOLE - 1, True, "it fits with the vectors left on disk", True),
        (HOT, True, "it fits with the vectors left on disk", True),
        (HOT - 1, False, "the hot part alone", True),
    ],
)
def test_memory_decides_where_the_vectors_are(limit, fits, words, opened_cold):
    decision = decide_for(times("a", 1.0, 1.0), workload=Workload(memory_limit=limit))
    assert decision.fits is fits
    assert any(words in reason for reason in decision.reasons)
    assert ('cold="mmap"' in decision.pins[1]) is opened_cold
    assert ("does not fit" in str(decision)) is not fits


def test_memory_is_that_of_all_vectors_not_of_the_sample():
    asked = Workload(memory_limit=100 * HOT - 1, n_vectors=100_000)
    decision = decide_for(times("a", 1.0, 1.0), workload=asked)
    assert not decision.fits
    assert any("1,000 of 100,000 vectors" in reason for reason in decision.reasons)


def test_what_is_pinned_is_what_was_measured():
    decision = decide_for(times("a", 1.0, 1.0), n_rerank=20)
    assert decision.pins == (
        "QUIVER_BACKEND=a",
        "index = quiver.open(\"index.quiver\", backend='a')",
        "index.search(queries, k=10, ef=48, n_rerank=20)",
    )


def test_a_start_that_was_not_told_is_not_mentioned():
    told = decide_for(times("a", 1.0, 1.0, start=2.0)).reasons
    untold = decide_for(times("a", 1.0, 1.0, start=None)).reasons
    assert set(told) - set(untold) == {
        "a fresh process gives its first answer after 2.0 s, kernels compiled before"
    }


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"queries_per_call": 0}, InvalidArgumentError),
        ({"queries_per_call": 1.5}, InvalidTypeError),
        ({"recall": 1.0}, InvalidArgumentError),
        ({"memory_limit": 0}, InvalidArgumentError),
        ({"n_vectors": 0}, InvalidArgumentError),
    ],
)
def test_a_workload_that_cannot_be_is_refused(options, error):
    with pytest.raises(error, match=next(iter(options))):
        Workload(**options)
