"""Decision: which backend to deploy for a workload, and why, ready for a ticket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from quiver.evaluation.bench_report import BackendTimes, BenchReport
from quiver.memory import format_bytes

_CLOSE = 1.03
"""Speeds that differ by less are equal, for all that a few turns can tell."""


class Decision(NamedTuple):
    """What to deploy.

    Attributes
    ----------
    backend : str
        The fastest for the workload.
    reasons : tuple of str
        A sentence each: speed, recall, memory, start.
    pins : tuple of str
        Lines of configuration and of code that fix what was measured.
    fits : bool
        Whether the index keeps to the limit of memory, vectors left on disk if need be.
    """

    backend: str
    reasons: tuple[str, ...]
    pins: tuple[str, ...]
    fits: bool

    def __str__(self) -> str:
        """Return it as text, in Markdown's lists."""
        unfit = "" if self.fits else " (but the index does not fit)"
        lines = [f"Decision: {self.backend}{unfit}"]
        lines += [f"- {reason}" for reason in self.reasons]
        return "\n".join([*lines, *(f"    {pin}" for pin in self.pins)])


def decide(report: BenchReport) -> Decision:
    """Return the decision that follows from what was measured.

    Parameters
    ----------
    report : BenchReport
        Of `quiver.evaluation.bench.bench_backends`.

    Returns
    -------
    Decision
    """
    best = report.ranked[0]
    fits, memory, opening = _memory(report)
    reasons = (
        _asked(report),
        *_speed(report, best),
        *_recall(report),
        memory,
        *_start(best),
    )
    rerank = "" if report.n_rerank is None else f", n_rerank={report.n_rerank}"
    pins = (
        f"QUIVER_BACKEND={best.backend}",
        opening,
        f"index.search(queries, k={report.k}, ef={report.ef}{rerank})",
    )
    return Decision(best.backend, reasons, pins, fits)


def _asked(report: BenchReport) -> str:
    size = report.workload.queries_per_call
    if size is None:
        return f"asked for: batches on {_count(report.threads, 'thread')}"
    threads = 1 if size == 1 else report.threads
    return f"asked for: {_count(size, 'query', 'queries')} a call on " + _count(
        threads, "thread"
    )


def _speed(report: BenchReport, best: BackendTimes) -> Iterator[str]:
    told = f"{report.speed(best):,.0f} queries per second"
    if best.calls is not None:
        calls = best.calls
        told += f", p50 {_micro(calls.p50)}, p99 {_micro(calls.p99)} a call"
    yield told
    others = report.ranked[1:]
    if not others:
        yield "no other backend was measured whose answers are equal"
        return
    ratio = report.speed(best) / report.speed(others[0])
    close = ", which is no difference that these turns can tell" * (ratio < _CLOSE)
    yield f"{ratio:.2f} times {others[0].backend}, the next{close}"
    yield "all answers are equal in every bit"


def _recall(report: BenchReport) -> Iterator[str]:
    yield f"recall@{report.k} {report.recall} at ef={report.ef}"
    if _whole(report) > report.n:
        yield (
            f"measured on {report.n:,} of {_whole(report):,} vectors: all of them need "
            "a larger ef, which `quiver tune` finds on their index"
        )


def _memory(report: BenchReport) -> tuple[bool, str, str]:
    """Return whether the index fits, how, and the line that opens it so."""
    n, limit = _whole(report), report.workload.memory_limit
    hot = report.memory.hot_per_vector * n
    whole = hot + report.memory.cold_per_vector * n
    told = (
        f"memory for {n:,} vectors: {format_bytes(hot)} hot, "
        f"{format_bytes(whole)} with the vectors"
    )
    backend = f"backend={report.recommended!r}"
    in_memory = f'index = quiver.open("index.quiver", {backend})'
    on_disk = f'index = quiver.open("index.quiver", cold="mmap", {backend})'
    if limit is None:
        return True, told, in_memory
    within = f"{told}; the limit is {format_bytes(limit)}"
    if whole <= limit:
        return True, f"{within}: all of it fits", in_memory
    if hot <= limit:
        return True, f"{within}: it fits with the vectors left on disk", on_disk
    least = f"{format_bytes(hot)} for {n:,} vectors"
    shards = "take fewer bits or edges, or shards on several machines"
    return False, f"{within}: the hot part alone is {least}; {shards}", on_disk


def _start(best: BackendTimes) -> Iterator[str]:
    if best.start_seconds is not None:
        yield (
            f"a fresh process gives its first answer after {best.start_seconds:.1f} s, "
            "kernels compiled before"
        )


def _whole(report: BenchReport) -> int:
    return max(report.n, report.workload.n_vectors or 0)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _micro(seconds: float) -> str:
    return f"{1e6 * seconds:,.0f} µs"
