"""diagnose: from vectors to a verdict, without building an index of them all."""

from __future__ import annotations

from typing import Any

from quiver._typing import Metric, Progress
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.diagnosis.fidelity import TRANSFORMS, Fidelity, measure_fidelity
from quiver.diagnosis.forecast import (
    SIZES,
    Trial,
    forecast,
    run_trials,
    with_float_graph,
)
from quiver.diagnosis.planes import Planes, measure_moments
from quiver.diagnosis.record import Diagnosis
from quiver.diagnosis.sample import MIN_ROWS, Sample, draw_sample
from quiver.diagnosis.structure import measure_structure
from quiver.diagnosis.verdict import (
    contenders,
    falls_short,
    judge,
    plain_coding,
    usual,
)
from quiver.memory import predict_memory
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import resolve_threads
from quiver.params import BuildParams, Encoding
from quiver.validation.checks import MAX_ROWS, check_int, check_metric

K = 10
"""Neighbours asked for, as in all published figures."""

SAMPLE_ROWS = 10_000

REFERENCE_SAMPLE_ROWS = 1000
"""The NumPy kernels would take minutes for more."""


@tells_progress("diagnosing")
def diagnose(
    vectors: Any,
    queries: Any = None,
    *,
    metric: Metric = "cosine",
    sample: int | None = None,
    seed: int = 0,
    params: BuildParams | None = None,
    backend: str | Backend = "auto",
    threads: int | None = None,
    progress: Progress | bool | None = None,
) -> Diagnosis:
    """Tell from a sample whether two bits will do, and what recall to expect.

    Parameters
    ----------
    vectors : array_like of shape (n, dim), n >= 100
        Real floats or integers. Of a memory-mapped array only the rows drawn are read.
    queries : array_like of shape (q, dim), q >= 5, optional
        As the index will be asked; up to 2 000 are used. Without them, rows are held
        out, which assumes that queries look like the base.
    metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
        As for `Index.build`.
    sample : int, optional
        Rows to search, >= 80; default 10 000 (1 000 with the NumPy kernels).
    seed : int, default 0
        Draws the rows. The same seed gives the same diagnosis.
    params : BuildParams, optional
        The graph to foretell.
    backend : str or Backend, default "auto"
        See `get_backend`.
    threads : int, optional
        The diagnosis does not depend on it.
    progress : callable or bool, optional
        ``progress(done, total)`` in steps; return False to cancel. True shows a bar.

    Returns
    -------
    Diagnosis

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule, there are fewer than 100 rows, or a row drawn is
        not finite.
    CancelledError
        If ``progress`` returned False.

    Examples
    --------
    >>> import numpy as np
    >>> import quiver
    >>> vectors = np.random.default_rng(0).normal(size=(600, 24))
    >>> quiver.diagnose(vectors).verdict.word
    'fits with rotation'
    """
    metric = check_metric(metric)
    seed = check_int("seed", seed, 0, 2**63 - 1)
    params = params or BuildParams()
    backend, n_threads = get_backend(backend), resolve_threads(threads)
    if sample is None:
        slow = backend.name == "reference"
        sample = REFERENCE_SAMPLE_ROWS if slow else SAMPLE_ROWS
    size = check_int("sample", sample, MIN_ROWS * 4 // 5, MAX_ROWS)
    meter = ProgressMeter(progress, 3 + len(TRANSFORMS) + len(SIZES))
    drawn = draw_sample(
        vectors, queries, metric=metric, size=size, seed=seed, backend=backend
    )
    meter.advance(1)
    return _look(drawn, params, seed, n_threads, meter)


def _look(
    drawn: Sample, params: BuildParams, seed: int, threads: int, meter: ProgressMeter
) -> Diagnosis:
    """Measure a sample in every way and put the findings together."""
    few = drawn.fewer_queries()
    points = few.euclidean()
    structure, moments = measure_structure(points, K), measure_moments(points)
    kth = few.neighbors(K)[1][:, -1]
    meter.advance(1)
    fidelity: list[Fidelity] = []
    planes: dict[str, Planes] = {}
    for rows, of_transform in measure_fidelity(few, kth, K, seed, threads):
        fidelity += rows
        planes |= of_transform
        meter.advance(1)
    chosen, trials = _try_ways(drawn, fidelity, params, threads, meter)
    forecasts = forecast(trials, drawn.n)
    float_rows = 0
    if falls_short(forecasts):
        forecasts, float_rows = with_float_graph(forecasts, trials, drawn, K, params)
    meter.advance(1)
    m, dim = drawn.vectors.shape
    return Diagnosis(
        n=drawn.n,
        dim=dim,
        metric=drawn.metric,
        sample_rows=m,
        n_queries=len(drawn.queries),
        queries_given=drawn.queries_given,
        verdict=judge(chosen, plain_coding(fidelity), structure, forecasts),
        encoding=chosen.encoding or Encoding(),
        forecasts=forecasts,
        fidelity=tuple(fidelity),
        structure=structure,
        moments=moments,
        planes=planes,
        memory=predict_memory(drawn.n, dim, params, cold_dtype=drawn.cold_dtype),
        seed=seed,
        trial_rows=tuple(trial.rows for trial in trials),
        float_rows=float_rows,
    )


def _try_ways(
    drawn: Sample,
    fidelity: list[Fidelity],
    params: BuildParams,
    threads: int,
    meter: ProgressMeter,
) -> tuple[Fidelity, list[Trial]]:
    """Return the way of coding to build with and its small indexes.

    A way that ranks better than the default must find more as well: a graph is built
    of codes, and may suffer where a ranking of all rows does not.
    """
    tried: list[tuple[float, Fidelity, list[Trial]]] = []
    for way in contenders(fidelity, drawn.metric):
        trials = []
        for trial in run_trials(drawn, K, way.encoding or Encoding(), params, threads):
            trials.append(trial)
            meter.advance(0 if tried else 1)
        expected = usual(forecast(trials, drawn.n)).recall.mean
        tried.append((expected, way, trials))
    # The first, which is the default, wins a tie.
    _, chosen, trials = max(tried, key=lambda one: one[0])
    return chosen, trials
