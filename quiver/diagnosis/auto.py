"""What the data decide before a build, and the index keeps: the slack, and the code."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, NamedTuple

from quiver._typing import StoredVectors, UserIds, Vectors
from quiver.build import Plan
from quiver.diagnosis.diagnose import diagnose
from quiver.diagnosis.probe import rows_to_look_at
from quiver.diagnosis.record import Diagnosis
from quiver.diagnosis.sample import MIN_ROWS
from quiver.diagnosis.slack import choose_slack
from quiver.diagnosis.tools import better_tool
from quiver.diagnosis.width import choose_width, judge_width
from quiver.parallel.workers import map_chunks
from quiver.storage.cold import as_kept
from quiver.validation.arrays import as_ids


class Ready(NamedTuple):
    """What `quiver.build.build` takes: checked rows, their ids and the whole plan."""

    vectors: Vectors | StoredVectors
    ids: UserIds
    plan: Plan


def ready_to_build(vectors: Any, ids: Any, plan: Plan, encoding: object) -> Ready:
    """Check all that is given to a build, and let the data choose what is left open.

    Parameters and errors are those of `quiver.Index.build`, ``encoding`` is that of
    `chosen_for`.
    """
    plan.check()
    in_chunks = partial(map_chunks, threads=plan.threads)
    stored = as_kept(vectors, plan.metric, in_chunks)
    own_ids = as_ids(ids, len(stored))
    return Ready(stored, own_ids, chosen_for(stored, plan, encoding))


def chosen_for(vectors: Vectors | StoredVectors, plan: Plan, encoding: object) -> Plan:
    """Return the plan with what a caller left to the data: slack, bits, or all code.

    ``encoding`` is what was given: None leaves the bits open, ``"auto"`` everything;
    anything else is in the plan already, and only looked at.

    Warns
    -----
    UserWarning
        Where the code, or any search, is measured to do badly. Published codes are
        built to be audited: they keep a note and warn of nothing.
    """
    is_auto = isinstance(encoding, str) and encoding == "auto"
    if is_auto and len(vectors) >= MIN_ROWS:
        plan, warning = _diagnosed(vectors, plan)
    elif encoding is None or is_auto:
        plan, warning = _chosen(vectors, plan)
    else:
        plan, warning = _looked_at(vectors, plan)
    if warning:
        # At the caller of `Index.build`.
        warnings.warn(warning, UserWarning, stacklevel=6)
    return plan


def _chosen(vectors: Vectors | StoredVectors, plan: Plan) -> tuple[Plan, str]:
    """Return the plan with as many bits as the rows need."""
    n, dim = vectors.shape
    rows, base = rows_to_look_at(vectors)
    encoding, look = choose_width(rows, plan, base)
    params, notes = choose_slack(plan, look)
    notes |= look.notes(dim, encoding) | better_tool(n, dim, plan.metric)
    plan = plan._replace(encoding=encoding, params=params, notes=notes or None)
    return plan, look.warning(encoding)


def _looked_at(vectors: Vectors | StoredVectors, plan: Plan) -> tuple[Plan, str]:
    """Return the plan with its code as it is; with a note where that is poor."""
    rows, base = rows_to_look_at(vectors)
    look = judge_width(rows, plan, base)
    params, notes = choose_slack(plan, look)
    warning = look.warning(plan.encoding)
    if warning:
        notes |= look.notes(vectors.shape[1], plan.encoding)
    plan = plan._replace(params=params, notes=notes or None)
    is_audit = plan.encoding.weights == "published"
    return plan, "" if is_audit else warning


def _diagnosed(vectors: Vectors | StoredVectors, plan: Plan) -> tuple[Plan, str]:
    """Return the plan with the encoding that suits the data; the numbers as notes."""
    progress, n = plan.progress, len(vectors)
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
    params, notes = choose_slack(plan, diagnosis.look)
    notes |= stored_numbers(diagnosis) | better_tool(n, diagnosis.dim, plan.metric)
    plan = plan._replace(encoding=diagnosis.encoding, params=params, notes=notes)
    verdict = diagnosis.verdict
    if not verdict.is_unsearchable:
        return plan, ""
    return plan, f"{verdict.word}: {verdict.reasons[0]}. The index is built as asked."


def stored_numbers(diagnosis: Diagnosis) -> dict[str, str]:
    """Return what an index file keeps: short texts by name."""
    numbers = {
        "verdict": diagnosis.verdict.word,
        "sample_rows": str(diagnosis.sample_rows),
        "queries": str(diagnosis.n_queries),
        "local_dimension": f"{diagnosis.structure.local_dimension:.2f}",
    }
    numbers |= diagnosis.look.notes(diagnosis.dim, diagnosis.encoding)
    for found in diagnosis.forecasts:
        recall = found.recall
        name = f"expected_recall_at_ef_{found.ef}"
        numbers[name] = f"{recall.mean:.4f} ({recall.low:.4f} ... {recall.high:.4f})"
    return numbers
