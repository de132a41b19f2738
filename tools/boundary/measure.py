"""Builds and verdicts of one data set, as plain values."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import quiver
from boundary.data import K, Task

BEAM_WIDTHS = (32, 64, 128, 256)
AT_64 = BEAM_WIDTHS.index(64)
SAMPLE_SHARE, FEWEST_SAMPLED, MOST_SAMPLED = 5, 2000, 10_000
DIGITS = 4

Record = dict[str, Any]


def about(task: Task, threads: int) -> Record:
    """Return what a data set is and how it is measured."""
    n, dim = task.base.shape
    return {"n": n, "dim": dim, "metric": task.metric, "threads": threads}


def built(
    task: Task, threads: int, widths: Sequence[int] = BEAM_WIDTHS, **how: Any
) -> Record:
    """Build, and return the cost, and recall and distances at each ef.

    Parameters
    ----------
    task : Task
        The data.
    threads : int
        Of everything.
    widths : sequence of int
        Beam widths.
    **how
        Arguments of `quiver.Index.build`.

    Returns
    -------
    dict
        ``recall`` with the default ``n_rerank``, ``whole`` with all of the beam
        re-ranked; ``distances``: computed for a query on average.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    index = quiver.Index.build(task.base, metric=task.metric, threads=threads, **how)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = index.memory_report()

    def search(ef: int, n_rerank: int | None = None) -> quiver.SearchResult:
        return index.search(task.queries, K, ef=ef, n_rerank=n_rerank, threads=threads)

    found = [search(ef) for ef in widths]
    whole = [search(ef, n_rerank=ef) for ef in widths]
    return {
        "encoding": repr(index.encoding),
        "bits": index.encoding.bits,
        "build_cpu_seconds": round(cpu, 1),
        "build_seconds": round(wall, 1),
        "hot_bytes": memory.hot,
        "cold_bytes": memory.vectors,
        "recall": [_recall(answer, task) for answer in found],
        "whole": [_recall(answer, task) for answer in whole],
        "distances": [
            round(float(answer.stats.distance_computations.mean())) for answer in found
        ],
    }


def _recall(answer: quiver.SearchResult, task: Task) -> float:
    return round(quiver.recall_at_k(answer.distances, task.true), DIGITS)


def recalls(task: Task, threads: int) -> Record:
    """Return the recall of the default build, of two bits, and of the paper's code."""
    two_bits, paper = quiver.Encoding(), quiver.Encoding.paper()
    default = built(task, threads)
    known = {default["encoding"]: default}
    return {
        "published": task.published,
        "default": default,
        "two_bits": _known_or_built(known, task, threads, two_bits),
        "paper": built(task, threads, encoding=paper),
    }


def verdict(task: Task, threads: int, measured: Record) -> Record:
    """Diagnose, and measure the encoding that the diagnosis names.

    ``measured`` holds what `recalls` returned.
    """
    n = len(task.base)
    sample = min(max(FEWEST_SAMPLED, n // SAMPLE_SHARE), MOST_SAMPLED)
    diagnosis = quiver.diagnose(
        task.base, metric=task.metric, sample=sample, threads=threads
    )
    known = {measured[name]["encoding"]: measured[name] for name in _BUILDS}
    return {
        "word": diagnosis.verdict.word,
        "expected": round(diagnosis.expected_recall(64), DIGITS),
        "named": _known_or_built(known, task, threads, diagnosis.encoding),
    }


_BUILDS = ("default", "two_bits", "paper")


def _known_or_built(
    known: dict[str, Record], task: Task, threads: int, encoding: quiver.Encoding
) -> Record:
    found = known.get(repr(encoding))
    return found or built(task, threads, encoding=encoding)
