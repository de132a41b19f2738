"""audit: the paper's tables, rebuilt with the data at hand and judged."""

from __future__ import annotations

from typing import Any

import numpy as np

from quiver._typing import AnyArray, Metric, Progress
from quiver.arithmetic import in_standard_arithmetic
from quiver.auditing.claims import all_claims
from quiver.auditing.data import Data
from quiver.auditing.measuring import count_steps, measure
from quiver.auditing.published import K
from quiver.auditing.rebuilding import Task
from quiver.auditing.record import Audit
from quiver.auditing.tables import all_tables
from quiver.auditing.times import STEPS, busy_now, measure_times
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.datasets import load_demo
from quiver.diagnosis.sample import MIN_ROWS, Sample, draw_sample
from quiver.errors import InvalidArgumentError
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import resolve_threads
from quiver.validation.arrays import as_matrix
from quiver.validation.checks import MAX_ROWS, check_flag, check_int, check_metric

SAMPLE_ROWS, KIND_ROWS = 20_000, 4000
"""Rows searched by default: of the data, and of each kind of Table 11."""

REFERENCE_ROWS = 200
"""Of both, where the NumPy kernels are all there is: they would take hours for more."""


@in_standard_arithmetic
@tells_progress("auditing")
def audit(
    vectors: Any = None,
    queries: Any = None,
    *,
    metric: Metric = "cosine",
    sample: int | None = None,
    kinds: int | None = None,
    seed: int = 0,
    name: str | None = None,
    times: bool = False,
    backend: str | Backend = "auto",
    threads: int | None = None,
    progress: Progress | bool | None = None,
) -> Audit:
    """Rebuild the tables of the QuIVer paper with other data, and judge its claims.

    Codes, graph and pruning are `Encoding.paper()` and the published rule, walks go by
    Hamming as published, and the whole beam is re-ranked. Seventeen graphs are built,
    and two for each kind of Table 11.

    Parameters
    ----------
    vectors : array_like of shape (n, dim), n >= 100, optional
        As for `Index.build`. Default: the demo set.
    queries : array_like of shape (q, dim), q >= 5, optional
        Default: rows that are held out; up to 2 000 are used.
    metric : {'cosine', 'euclidean'}, default 'cosine'
        Of the true neighbours. The published method codes directions, so that
        ``euclidean`` asks of it what it was not made for.
    sample : int, optional
        Rows searched, at least 80, drawn; default 20 000 (200 with the NumPy kernels).
    kinds : int, optional
        Rows of each drawn kind of Table 11, at least 100, or 0 to leave that table
        out; default 4 000 (200 with the NumPy kernels).
    seed : int, default 0
        Draws rows and queries, and orders insertions.
    name : str, optional
        What the record calls the data.
    times : bool, default False
        Also measure how many times as long one setting takes as another; the only
        figures that differ from run to run.
    backend : str or Backend, default "auto"
        See `get_backend`. The record does not depend on it.
    threads : int, optional
        The record does not depend on it.
    progress : callable or bool, optional
        ``progress(done, total)`` in graphs; return False to cancel. True shows a bar.

    Returns
    -------
    Audit

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule.
    CancelledError
        If ``progress`` returned False.

    Examples
    --------
    >>> import numpy as np
    >>> import quiver
    >>> rows = np.random.default_rng(0).normal(size=(150, 8))
    >>> found = quiver.audit(rows, kinds=0, sample=100)
    >>> [claim.verdict.word for claim in found.claims if claim.table == "2, 5, 7"]
    ['confirmed']
    """
    metric = _checked_metric(metric)
    seed = check_int("seed", seed, 0, 2**63 - 1)
    check_flag("times", times)
    kernels, n_threads = get_backend(backend), resolve_threads(threads)
    sample, kinds = _sizes(sample, kinds, kernels)
    if vectors is None:
        demo = load_demo()
        vectors, name = demo.vectors, name or "demo set"
        queries = demo.queries if queries is None else queries
    matrix = as_matrix(vectors, "vectors")
    drawn = _drawn(matrix, queries, metric, sample, seed, kernels)
    meter = ProgressMeter(progress, 1 + count_steps(kinds) + STEPS * times)
    # Before anything runs: what an audit does itself is load as well.
    busy = busy_now() if times else ""
    task = Task.of(drawn, K, n_threads, seed)
    meter.advance(1)
    measured = measure(task, kinds, meter)
    n, dim = drawn.vectors.shape
    data = Data(
        name=name or "the vectors given",
        n_given=len(matrix),
        n=n,
        dim=dim,
        metric=metric,
        n_queries=len(drawn.queries),
        queries_given=drawn.queries_given,
        seed=seed,
    )
    return Audit(
        data,
        all_claims(measured, data),
        all_tables(measured, data),
        measured.base.distances,
        measure_times(task, busy, meter) if times else None,
    )


def _sizes(sample: int | None, kinds: int | None, kernels: Backend) -> tuple[int, int]:
    """Return how many rows to search, of the data and of each kind."""
    if kernels.name == "reference":
        usual = REFERENCE_ROWS, REFERENCE_ROWS
    else:
        usual = SAMPLE_ROWS, KIND_ROWS
    rows = usual[0] if sample is None else sample
    each = usual[1] if kinds is None else check_int("kinds", kinds, 0, MAX_ROWS)
    if each:
        check_int("kinds", each, MIN_ROWS, MAX_ROWS)
    return check_int("sample", rows, MIN_ROWS * 4 // 5, MAX_ROWS), each


def _drawn(
    matrix: AnyArray,
    queries: Any,
    metric: Metric,
    size: int,
    seed: int,
    kernels: Backend,
) -> Sample:
    if len(matrix) < MIN_ROWS:
        msg = f"vectors must have at least {MIN_ROWS} rows to audit, got {len(matrix)}"
        raise InvalidArgumentError(msg)
    usable = np.arange(len(matrix))
    return draw_sample(
        matrix, usable, queries, metric, size=size, seed=seed, backend=kernels
    )


def _checked_metric(metric: Any) -> Metric:
    checked = check_metric(metric)
    if checked == "inner_product":
        msg = (
            "metric must be cosine or euclidean, got inner_product: the paper has no "
            "figure for it"
        )
        raise InvalidArgumentError(msg)
    return checked
