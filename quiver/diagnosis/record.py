"""The diagnosis as a record: in words, as JSON and as a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from quiver._typing import Metric
from quiver.diagnosis.fidelity import DEPTHS, Fidelity
from quiver.diagnosis.findings import Finding
from quiver.diagnosis.forecast import Forecast
from quiver.diagnosis.planes import Moments, Planes
from quiver.diagnosis.structure import Structure
from quiver.diagnosis.verdict import Verdict
from quiver.diagnosis.width import Look
from quiver.memory import MemoryReport
from quiver.params import Encoding


@dataclass(frozen=True)
class Diagnosis:
    """What a look at all rows and a sample tell about an index of these vectors.

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
        What to build with: that of `Index.build` without ``encoding``, unless another
        code was measured to find more.
    look : Look
        The codes tried to choose its width.
    findings : tuple of Finding
        Unusual rows, of all, and what becomes of them; and another tool, if it is the
        right one.
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
    seed : int
        Drew the rows.
    trial_rows : tuple of int
        Sizes of the small indexes behind the forecasts.
    float_rows : int
        Size of the float graph; 0 where recall is good at the default ef.
    """

    n: int
    dim: int
    metric: Metric
    sample_rows: int
    n_queries: int
    queries_given: bool
    verdict: Verdict
    encoding: Encoding
    look: Look
    findings: tuple[Finding, ...]
    forecasts: tuple[Forecast, ...]
    fidelity: tuple[Fidelity, ...]
    structure: Structure
    moments: Moments
    planes: dict[str, Planes]
    memory: MemoryReport
    seed: int
    trial_rows: tuple[int, ...]
    float_rows: int

    @property
    def looked_at(self) -> str:
        """What the diagnosis looked at, in one sentence."""
        queries = "given queries" if self.queries_given else "rows held out as queries"
        indexes = ", ".join(map(str, self.trial_rows))
        text = (
            f"looked at {self.sample_rows} of {self.n} rows (seed {self.seed}) and "
            f"{self.n_queries} {queries}, with indexes of {indexes} rows"
        )
        if self.float_rows:
            text += f" and a float32 graph of {self.float_rows}"
        return text

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
            "look": {
                "rows": self.look.rows,
                "tried": {str(one.bits): one.share for one in self.look.tried},
                "growth": self.look.growth,
            },
            "findings": [finding._asdict() for finding in self.findings],
            "forecasts": [_plain(f) for f in self.forecasts],
            "fidelity": [_plain_fidelity(row) for row in self.fidelity],
            "structure": _plain(self.structure),
            "moments": self.moments._asdict(),
            "planes": {name: p._asdict() for name, p in self.planes.items()},
            "memory": asdict(self.memory),
            "seed": self.seed,
            "trial_rows": list(self.trial_rows),
            "float_rows": self.float_rows,
        }

    def to_html(self) -> str:
        """Return one self-contained page with plots: no script, no outside file."""
        # Only those who want the page pay for it.
        from quiver.pages.diagnosis import render

        return render(self)

    def __str__(self) -> str:
        """Return a short report."""
        lines = [f"{self.verdict.word}: build with {self.encoding}"]
        lines += [f"- {reason}" for reason in self.verdict.reasons]
        lines += [f"- {finding}" for finding in self.findings]
        lines += [
            f"ef={f.ef:3d}: recall@10 expected {f.recall}" for f in self.forecasts
        ]
        return "\n".join([*lines, f"memory: {self.memory}", self.looked_at])


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
        "bits": row.bits,
        "shares": dict(zip(map(str, DEPTHS), row.shares, strict=True)),
        "spread": dict(zip(map(str, DEPTHS), row.spread, strict=True)),
    }
