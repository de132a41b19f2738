"""``encoding="auto"``: a diagnosis decides before a build, and the index keeps it."""

from __future__ import annotations

import warnings

from quiver._typing import Metric, Progress, Vectors
from quiver.diagnosis.diagnose import diagnose
from quiver.diagnosis.record import Diagnosis
from quiver.diagnosis.sample import MIN_ROWS
from quiver.params import BuildParams, Encoding


def choose_encoding(
    vectors: Vectors,
    *,
    metric: Metric,
    params: BuildParams,
    backend: str,
    threads: int,
    progress: Progress | None,
) -> tuple[Encoding, dict[str, str] | None]:
    """Return the encoding to build with and the numbers that the index will keep.

    Too few rows for a diagnosis get the default encoding and no numbers. Where the
    verdict is that no search will do, a `UserWarning` says why.
    """
    n = len(vectors)
    if n < MIN_ROWS:
        return Encoding(), None
    diagnosis = diagnose(
        vectors,
        metric=metric,
        seed=params.seed,
        params=params,
        backend=backend,
        threads=threads,
        # The caller counts rows, and none is built yet; but may cancel already.
        progress=progress and (lambda *_: progress(0, n)),
    )
    verdict = diagnosis.verdict
    if verdict.is_unsearchable:
        reason = verdict.reasons[0]
        msg = f"{verdict.word}: {reason}. The index is built as asked."
        warnings.warn(msg, UserWarning, stacklevel=3)
    return diagnosis.encoding, stored_numbers(diagnosis)


def stored_numbers(diagnosis: Diagnosis) -> dict[str, str]:
    """Return what an index file keeps: short texts by name."""
    numbers = {
        "verdict": diagnosis.verdict.word,
        "sample_rows": str(diagnosis.sample_rows),
        "queries": str(diagnosis.n_queries),
        "local_dimension": f"{diagnosis.structure.local_dimension:.2f}",
    }
    for found in diagnosis.forecasts:
        recall = found.recall
        name = f"expected_recall_at_ef_{found.ef}"
        numbers[name] = f"{recall.mean:.4f} ({recall.low:.4f} ... {recall.high:.4f})"
    return numbers
