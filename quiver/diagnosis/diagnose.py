"""diagnose: from vectors to a verdict, without building an index of them all."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from quiver._typing import Metric, Progress
from quiver.arithmetic import in_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.build import Plan
from quiver.diagnosis.census import take_census
from quiver.diagnosis.fidelity import TRANSFORMS, Fidelity, measure_fidelity
from quiver.diagnosis.findings import (
    center_finding,
    precision_finding,
    row_findings,
    tool_findings,
)
from quiver.diagnosis.forecast import (
    SIZES,
    Part,
    Trial,
    cut,
    forecast,
    run_trials,
    with_float_graph,
)
from quiver.diagnosis.planes import Planes, measure_moments
from quiver.diagnosis.probe import ROWS, thinned
from quiver.diagnosis.record import Diagnosis
from quiver.diagnosis.sample import MIN_ROWS, Sample, draw_sample, read_rows
from quiver.diagnosis.slack import choose_slack
from quiver.diagnosis.structure import measure_structure
from quiver.diagnosis.verdict import (
    contenders,
    falls_short,
    judge,
    needs_more_rows,
    plain_coding,
    usual,
)
from quiver.diagnosis.width import Look, choose_width
from quiver.memory import predict_memory
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import resolve_threads
from quiver.params import BuildParams, Encoding
from quiver.recall.intervals import Interval
from quiver.reference.transform import evenly_taken
from quiver.storage.cold import ColdVectors
from quiver.validation.arrays import as_matrix
from quiver.validation.checks import MAX_ROWS, check_int, check_metric

K = 10
"""Neighbours asked for, as in all published figures."""

SAMPLE_ROWS, SAMPLE_SHARE, FEWEST_SAMPLED = 10_000, 16, 300
"""Rows searched by default: at most; one of so many, so that a diagnosis takes less
than half the time of the build it foretells; and at least. The most are searched where
`needs_more_rows` says so."""

REFERENCE_SAMPLE_ROWS = 1000
"""The NumPy kernels would take minutes for more."""


@in_standard_arithmetic
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
    """Tell what an index of these vectors would find, before it is built.

    Every row is looked at once, for those that are unlike others; all else is told from
    a sample, in the code that `Index.build` would choose.

    Parameters
    ----------
    vectors : array_like of shape (n, dim), n >= 100
        Real floats or integers. A memory-mapped array is read in blocks. Rows that
        `Index.build` would refuse are found and left out.
    queries : array_like of shape (q, dim), q >= 5, optional
        As the index will be asked; up to n / 50 are used, but 200 or more and 2 000 at
        most. Without them, rows are held out, which assumes that queries look like the
        base.
    metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
        As for `Index.build`.
    sample : int, optional
        Rows to search, >= 80; default n / 16, but 300 or more, and 10 000 at most and
        where recall falls short or the local dimension is above 26 (1 000 with the
        NumPy kernels).
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
        If an argument breaks a rule, or fewer than 100 rows are finite.
    CancelledError
        If ``progress`` returned False.

    Examples
    --------
    >>> import numpy as np
    >>> import quiver
    >>> vectors = np.random.default_rng(0).normal(size=(600, 24))
    >>> quiver.diagnose(vectors).verdict.word
    'fits'
    """
    metric = check_metric(metric)
    seed = check_int("seed", seed, 0, 2**63 - 1)
    params = params or BuildParams()
    backend, n_threads = get_backend(backend), resolve_threads(threads)
    is_cold = isinstance(vectors, ColdVectors)
    matrix = vectors if is_cold else as_matrix(vectors, "vectors")
    most = REFERENCE_SAMPLE_ROWS if backend.name == "reference" else SAMPLE_ROWS
    if sample is not None:
        most = check_int("sample", sample, MIN_ROWS * 4 // 5, MAX_ROWS)
    share = max(FEWEST_SAMPLED, len(matrix) // SAMPLE_SHARE)
    first = min(most, share) if sample is None else most
    meter = ProgressMeter(progress, 5 + len(TRANSFORMS) + len(SIZES))
    census = take_census(matrix, metric, meter)
    usable = census.usable()
    given = matrix, usable, queries, metric
    draw = partial(draw_sample, *given, seed=seed, backend=backend)
    drawn = draw(size=first)
    meter.advance(1)
    plan = Plan(metric, Encoding(), params, backend, n_threads)
    taken = usable[evenly_taken(len(usable), ROWS)]
    rows = read_rows(matrix, taken, metric)
    read = partial(read_rows, matrix, metric=metric)
    base = thinned(read, usable, matrix.shape[1])
    encoding, look = choose_width(rows, plan, base)
    meter.advance(1)
    plan = plan._replace(encoding=encoding, params=choose_slack(plan, look)[0])
    found = _look(drawn, plan, seed, look, meter)
    is_part = len(drawn.vectors) == first < most
    if is_part and needs_more_rows(found.forecasts, found.structure):
        silent = ProgressMeter(lambda *_: meter.poll(), 1)
        found = _look(draw(size=most), plan, seed, look, silent)
    unusual = row_findings(census, matrix, metric)
    blurred = precision_finding(matrix[taken], rows, metric, len(matrix))
    return replace(found, findings=(*unusual, *blurred, *found.findings))


def _look(
    drawn: Sample, plan: Plan, seed: int, look: Look, meter: ProgressMeter
) -> Diagnosis:
    """Measure a sample in every way and put the findings together."""
    n, (m, dim), threads = drawn.n, drawn.vectors.shape, plan.threads
    few = drawn.fewer_queries()
    points = few.euclidean()
    structure, moments = measure_structure(points, K), measure_moments(points)
    meter.advance(1)
    parts, most_trials = cut(drawn, K), drawn.most_trials(K)
    truth = parts[-1].truth.first(len(few.queries))
    meter.advance(1)
    fidelity: list[Fidelity] = []
    planes: dict[str, Planes] = {}
    ways = measure_fidelity(few, truth, K, seed, threads, plan.encoding.bits)
    for rows, of_transform in ways:
        fidelity += rows
        planes |= of_transform
        meter.advance(1)
    chosen, trials, gain = _try_ways(parts, fidelity, plan, most_trials, meter)
    forecasts = forecast(trials, n, most_trials)
    float_rows = 0
    if falls_short(forecasts):
        forecasts, float_rows = with_float_graph(
            *(forecasts, trials, drawn, K, plan.params, most_trials)
        )
    meter.advance(1)
    encoding = chosen.encoding or plan.encoding
    verdict = judge(chosen, plain_coding(fidelity), structure, forecasts, look)
    tools = tool_findings(n, dim, drawn.metric, trials[-1], usual(forecasts))
    off_center = center_finding(drawn, most_trials)
    return Diagnosis(
        n=n,
        dim=dim,
        metric=drawn.metric,
        sample_rows=m,
        n_queries=len(drawn.queries),
        queries_given=drawn.queries_given,
        verdict=verdict._replace(reasons=(*verdict.reasons, *gain)),
        encoding=encoding,
        look=look,
        findings=(*off_center, *tools),
        forecasts=forecasts,
        fidelity=tuple(fidelity),
        structure=structure,
        moments=moments,
        planes=planes,
        memory=predict_memory(
            n, dim, plan.params, encoding, cold_dtype=drawn.cold_dtype
        ),
        seed=seed,
        trial_rows=tuple(trial.rows for trial in trials),
        float_rows=float_rows,
    )


def _try_ways(
    parts: list[Part],
    fidelity: list[Fidelity],
    plan: Plan,
    most_trials: float,
    meter: ProgressMeter,
) -> tuple[Fidelity, list[Trial], list[str]]:
    """Return the way of coding to build with, its small indexes, and why not the usual.

    A way that ranks better than the default must find more as well: a graph is built
    of codes, and may suffer where a ranking of all rows does not.
    """
    n = parts[-1].sample.n
    tried: list[tuple[Interval, Fidelity, list[Trial]]] = []
    for way in contenders(fidelity, plan.metric, plan.encoding):
        trials = []
        encoding = way.encoding or plan.encoding
        for trial in run_trials(parts, K, encoding, plan.params, plan.threads):
            trials.append(trial)
            meter.advance(0 if tried else 1)
        tried.append((usual(forecast(trials, n, most_trials)).recall, way, trials))
    # The first, which is the default, wins a tie.
    recall, chosen, trials = max(tried, key=lambda one: one[0].mean)
    why = f"this encoding is expected to find {recall}, the default one {tried[0][0]}"
    return chosen, trials, [] if chosen is tried[0][1] else [why]
