"""diagnose: from vectors to a verdict, without building an index of them all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from quiver._typing import Metric, Progress
from quiver.backends.registry import get_backend
from quiver.diagnosis.fidelity import DEPTHS, TRANSFORMS, Fidelity, measure_fidelity
from quiver.diagnosis.forecast import SIZES, Forecast, forecast, run_trials
from quiver.diagnosis.planes import Moments, Planes, measure_moments
from quiver.diagnosis.sample import MIN_ROWS, draw_sample
from quiver.diagnosis.structure import Structure, measure_structure
from quiver.diagnosis.verdict import Verdict, choose, judge
from quiver.memory import MemoryReport, predict_memory
from quiver.parallel import ProgressMeter, resolve_threads
from quiver.params import (
    MAX_ROWS,
    BuildParams,
    Encoding,
    check_int,
    check_metric,
)

K = 10
"""Neighbours asked for, as in all published figures."""

SAMPLE_ROWS = 10_000

REFERENCE_SAMPLE_ROWS = 1000
"""The NumPy kernels would take minutes for more."""


@dataclass(frozen=True)
class Diagnosis:
    """What a sample tells about coding these vectors with two bits.

    Attributes
    ----------
    n, dim : int
        Shape of the whole base.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the task.
    sample_rows, n_queries : int
        Rows searched and queries asked.
    queries_given : bool
        Whether the queries were the caller's; else rows held out.
    verdict : Verdict
        ``word`` and ``reasons``.
    encoding : Encoding
        What to build with.
    forecasts : tuple of Forecast
        Recall to expect at n, by ef.
    fidelity : tuple of Fidelity
        Every way of coding on the sample, the default first.
    structure : Structure
        Of the exact distances.
    moments : Moments
        Of the vectors.
    planes : dict of str to Planes
        Of the published codes, by transform.
    memory : MemoryReport
        Predicted for all n rows.
    """

    n: int
    dim: int
    metric: Metric
    sample_rows: int
    n_queries: int
    queries_given: bool
    verdict: Verdict
    encoding: Encoding
    forecasts: tuple[Forecast, ...]
    fidelity: tuple[Fidelity, ...]
    structure: Structure
    moments: Moments
    planes: dict[str, Planes]
    memory: MemoryReport

    def expected_recall(self, ef: int) -> float:
        """Return the recall@10 expected at n with a default search.

        Raises
        ------
        KeyError
            If ``ef`` is none of those forecast.
        """
        return {f.ef: f.recall.mean for f in self.forecasts}[ef]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, words and lists, ready for JSON."""
        return {
            "n": self.n,
            "dim": self.dim,
            "metric": self.metric,
            "sample_rows": self.sample_rows,
            "n_queries": self.n_queries,
            "queries_given": self.queries_given,
            "verdict": self.verdict._asdict(),
            "encoding": asdict(self.encoding),
            "forecasts": [_plain(f) for f in self.forecasts],
            "fidelity": [_plain_fidelity(row) for row in self.fidelity],
            "structure": _plain(self.structure),
            "moments": self.moments._asdict(),
            "planes": {name: p._asdict() for name, p in self.planes.items()},
            "memory": asdict(self.memory),
        }

    def to_html(self) -> str:
        """Return one self-contained page with plots: no script, no outside file."""
        # Only those who want the page pay for it.
        from quiver.diagnosis.html import render

        return render(self)

    def __str__(self) -> str:
        """Return a short report."""
        lines = [f"{self.verdict.word}: build with {self.encoding}"]
        lines += [f"- {reason}" for reason in self.verdict.reasons]
        lines += [
            f"ef={f.ef:3d}: recall@10 expected {f.recall}, whole beam re-ranked "
            f"{f.whole_beam}"
            for f in self.forecasts
        ]
        return "\n".join([*lines, f"memory: {self.memory}"])


def diagnose(
    vectors: Any,
    queries: Any = None,
    *,
    metric: Metric = "cosine",
    sample: int | None = None,
    seed: int = 0,
    params: BuildParams | None = None,
    backend: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Tell from a sample whether two bits will do, and what recall to expect.

    Parameters
    ----------
    vectors : array_like of shape (n, dim), n >= 100
        Real floats or integers. Of a memory-mapped array only the rows drawn are read.
    queries : array_like of shape (q, dim), q >= 5, optional
        As the index will be asked; up to 500 are used. Without them, rows are held
        out, which assumes that queries look like the base.
    metric : {'cosine', 'euclidean', 'inner_product'}, default 'cosine'
        As for `Index.build`.
    sample : int, optional
        Rows to search, >= 80; default 10 000 (1 000 with the NumPy kernels).
    seed : int, default 0
        Draws the rows. The same seed gives the same diagnosis.
    params : BuildParams, optional
        The graph to foretell.
    backend : str, default "auto"
        See `get_backend`.
    threads : int, optional
        The diagnosis does not depend on it.
    progress : callable, optional
        ``progress(done, total)`` in steps; return False to cancel.

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
    'fits'
    """
    metric = check_metric(metric)
    seed = check_int("seed", seed, 0, 2**63 - 1)
    params = params or BuildParams()
    kernels, n_threads = get_backend(backend), resolve_threads(threads)
    if sample is None:
        slow = kernels.name == "reference"
        sample = REFERENCE_SAMPLE_ROWS if slow else SAMPLE_ROWS
    size = check_int("sample", sample, MIN_ROWS * 4 // 5, MAX_ROWS)
    meter = ProgressMeter(progress, 2 + len(TRANSFORMS) + len(SIZES))
    drawn = draw_sample(
        vectors, queries, metric=metric, size=size, seed=seed, backend=kernels
    )
    meter.advance(1)
    points = drawn.fewer_queries().euclidean()
    structure, moments = measure_structure(points, K), measure_moments(points)
    kth = points.neighbours(K)[1][:, -1]
    meter.advance(1)
    fidelity: list[Fidelity] = []
    planes: dict[str, Planes] = {}
    for rows, of_transform in measure_fidelity(points, kth, K, seed, n_threads):
        fidelity += rows
        planes |= of_transform
        meter.advance(1)
    chosen = choose(fidelity, metric)
    encoding = chosen.encoding or Encoding()
    trials = []
    for trial in run_trials(drawn, K, encoding, params, n_threads):
        trials.append(trial)
        meter.advance(1)
    forecasts = forecast(trials, drawn.n, K)
    plain = next(
        row
        for row in fidelity
        if (row.transform, row.distance) == ("plain", "asymmetric")
    )
    return Diagnosis(
        n=drawn.n,
        dim=drawn.vectors.shape[1],
        metric=metric,
        sample_rows=len(drawn.vectors),
        n_queries=len(drawn.queries),
        queries_given=drawn.queries_given,
        verdict=judge(chosen, plain, structure, forecasts),
        encoding=encoding,
        forecasts=forecasts,
        fidelity=tuple(fidelity),
        structure=structure,
        moments=moments,
        planes=planes,
        memory=predict_memory(drawn.n, drawn.vectors.shape[1], params),
    )


def _plain(record: Any) -> dict[str, Any]:
    """Return a named tuple as a dict, its intervals likewise; no infinity."""
    document = {}
    for name, value in record._asdict().items():
        if hasattr(value, "_asdict"):
            value = value._asdict()
        elif isinstance(value, float) and value == float("inf"):
            value = None
        document[name] = value
    return document


def _plain_fidelity(row: Fidelity) -> dict[str, Any]:
    return {
        "transform": row.transform,
        "distance": row.distance,
        "shares": dict(zip(map(str, DEPTHS), row.shares, strict=True)),
        "spread": dict(zip(map(str, DEPTHS), row.spread, strict=True)),
    }
