"""Width: how many bits a coordinate needs, from a bounded look at the data.

Two bits rank well where neighbours differ by more than the estimate errs, which goes
with the spread of all rows; near-duplicates, pixels or one wide column need more. So a
few rows ask all rows looked at, by code, and the narrowest code that keeps their true
neighbours among the best is taken.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import get_args

import numpy as np

from quiver._typing import Bits, Distances, StoredVectors, Vectors
from quiver.build import Plan
from quiver.encoding import clear_bias, encode_rows, fit, query_transform
from quiver.graph.unlinked import unlinked_rows
from quiver.parallel.workers import Workers
from quiver.params import Encoding, narrowest
from quiver.recall.exact import nearest_rows
from quiver.recall.hits import Hits, mark_hits, nearest_codes
from quiver.reference.transform import evenly_taken, searched_metric

ROWS, QUERIES = 8192, 64
"""Rows looked at and rows that ask, evenly taken: a few hundredths of a build."""

FEWEST_ROWS = 256
"""Fewer rows are searched well enough by any code."""

K, DEPTH = 10, 64
ENOUGH = 0.97
"""Share of the true ``K`` among the best ``DEPTH`` by code that makes a width do.
Ordinary embeddings keep 0.98 … 1 with two bits, tight clusters 0.1 … 0.6."""

POOR = 0.8
"""Where even the widest code keeps fewer, the caller is warned."""


def with_width(plan: Plan, vectors: Vectors | StoredVectors) -> Plan:
    """Return the plan with the narrowest encoding that ranks the data, and notes.

    Parameters
    ----------
    plan : Plan
        Its encoding says how rows are transformed; its bits are chosen here.
    vectors : ndarray of shape (n, dim), float32, or StoredVectors
        Of a memory-mapped array only the rows looked at are read.

    Warns
    -----
    UserWarning
        Where even 8 bits rank poorly: no index over codes will do well.
    """
    widths = wider_and_wider(plan.encoding, vectors.shape[1])
    if len(vectors) < FEWEST_ROWS:
        return plan._replace(encoding=widths[0])
    rows = vectors[evenly_taken(len(vectors), ROWS)]
    # What is answered without a walk needs no code.
    rows = np.delete(rows, unlinked_rows(rows, plan.metric)[:, 1], axis=0)
    if len(rows) < FEWEST_ROWS:
        return plan._replace(encoding=widths[0])
    asking = rows[evenly_taken(len(rows), QUERIES)]
    # Every row that asks is its own nearest: one more is wanted.
    true = nearest_rows(rows, asking, K + 1, plan.metric)[1][:, -1]
    for encoding in widths:
        share = fidelity(plan._replace(encoding=encoding), rows, asking, true)
        if share >= ENOUGH:
            break
    if share < POOR:
        warnings.warn(_warning(share), UserWarning, stacklevel=5)
    notes = _notes(encoding, rows, share)
    return plan._replace(encoding=encoding, notes={**(plan.notes or {}), **notes})


def wider_and_wider(encoding: Encoding, dim: int) -> list[Encoding]:
    """Return the encoding in every width worth trying, the fewest bytes first."""
    if encoding.weights == "published":
        return [encoding]
    first = narrowest(dim).bits
    bits: tuple[Bits, ...] = get_args(Bits)
    return [replace(encoding, bits=width) for width in bits if width >= first]


def fidelity(plan: Plan, rows: Vectors, asking: Vectors, true: Distances) -> float:
    """Return the mean share of the true neighbours among the best by code.

    ``true`` are the exact distances of the ``K + 1``-th neighbours.
    """
    encoding, backend = plan.encoding, plan.backend
    transform = fit(rows, searched_metric(plan.metric), encoding, plan.params.seed)
    with Workers(plan.threads) as workers:
        codes = encode_rows(backend, rows, transform, encoding, workers)
    if plan.metric == "inner_product":
        clear_bias(codes)
    asked = query_transform(transform, plan.metric)
    coded = backend.quantize(asking, asked, encoding.bits)
    best = nearest_codes(backend, codes, coded, min(DEPTH, len(rows)))
    marks = mark_hits(backend, rows, asking, best, true, plan.metric)
    return float(Hits(marks, K + 1).shares(DEPTH).mean())


def _notes(encoding: Encoding, rows: Vectors, share: float) -> dict[str, str]:
    coded_dim = encoding.coded_dim(rows.shape[1])
    return {
        "bits": f"{encoding.bits}, for {coded_dim} coordinates a row",
        "code_fidelity": f"{share:.3f} of the true {K} in the best {DEPTH} by code",
        "rows_looked_at": str(len(rows)),
    }


def _warning(share: float) -> str:
    return (
        f"codes of 8 bits keep only {share:.0%} of the true {K} neighbours among the "
        f"best {DEPTH}: rows are closer to each other than codes can tell. Remove "
        "duplicates, or search few rows exactly with quiver.exact_knn; quiver.diagnose "
        "tells more."
    )
