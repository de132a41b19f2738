"""What the data decide before a build, and the index keeps: bits, or the whole code."""

from __future__ import annotations

import warnings

from quiver._typing import StoredVectors, Vectors
from quiver.build import Plan
from quiver.diagnosis.diagnose import diagnose
from quiver.diagnosis.record import Diagnosis
from quiver.diagnosis.sample import MIN_ROWS
from quiver.diagnosis.width import with_width
from quiver.params import Encoding


def chosen_for(vectors: Vectors | StoredVectors, plan: Plan, encoding: object) -> Plan:
    """Return the plan with what a caller left to the data: bits, or the whole code.

    ``encoding`` is what was given: None leaves the bits open, ``"auto"`` everything,
    anything else is in the plan already.
    """
    if encoding is None:
        return with_width(plan, vectors)
    if isinstance(encoding, str) and encoding == "auto":
        return with_width(diagnosed(plan, vectors), vectors)
    return plan


def diagnosed(plan: Plan, vectors: Vectors | StoredVectors) -> Plan:
    """Return the plan with the encoding that suits the data, and the numbers as notes.

    Too few rows for a diagnosis get the default encoding and no notes. Where the
    verdict is that no search will do, a `UserWarning` says why.
    """
    n, progress = len(vectors), plan.progress
    if n < MIN_ROWS:
        return plan._replace(encoding=Encoding())
    diagnosis = diagnose(
        vectors,
        metric=plan.metric,
        seed=plan.params.seed,
        params=plan.params,
        backend=plan.backend,
        threads=plan.threads,
        # The caller counts rows, and none is built yet; but may cancel already.
        progress=(lambda *_: progress(0, n)) if callable(progress) else None,
    )
    verdict = diagnosis.verdict
    if verdict.is_unsearchable:
        reason = verdict.reasons[0]
        msg = f"{verdict.word}: {reason}. The index is built as asked."
        warnings.warn(msg, UserWarning, stacklevel=5)
    return plan._replace(encoding=diagnosis.encoding, notes=stored_numbers(diagnosis))


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
