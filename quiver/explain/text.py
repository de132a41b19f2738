"""An explanation as text for people and as a document for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from quiver.explain.explanation import Explanation, Hop

SHOWN_IDS = 8
"""Ids printed of a list; the document has them all."""


def to_text(explanation: Explanation) -> str:
    """Return the walk, the answer and the missed neighbours, line by line."""
    e = explanation
    lines = [
        f"search for k={e.k} with ef={e.ef}, n_rerank={e.n_rerank}, {e.metric}",
        f"{len(e.hops)} hops, {e.distance_computations} code distances, "
        f"recall@{len(e.true_neighbours)} {e.recall:.2f}",
        f"code distances, of hops and beam, are {e.code_distance}",
        "",
        f"hop 0: start at the entry point {e.entry_point}",
        *(_hop_line(hop) for hop in e.hops),
        "",
        "answer (exact distance; place in the beam by code; where it was met):",
    ]
    for found in e.found:
        origin = "entry point" if found.seen_from is None else f"from {found.seen_from}"
        lines.append(
            f"  {found.id}: {found.distance:.4f}; place {found.beam_place}; "
            f"hop {found.seen_in_hop}, {origin}"
        )
    missed = [n for n in e.true_neighbours if n.fate != "found"]
    lines += ["", f"true neighbours missed: {len(missed)} of {len(e.true_neighbours)}"]
    lines += [f"  {n.id}: {n.distance:.4f}; {n.fate}: {n.reason}" for n in missed]
    return "\n".join(lines)


def _hop_line(hop: Hop) -> str:
    return (
        f"hop {hop.number}: expand {hop.node} at {hop.distance:.4g}; "
        f"sees {len(hop.newly_seen)} new, {len(hop.dropped)} dropped; "
        f"beam {_some(hop.beam)}"
    )


def _some(ids: tuple[int, ...]) -> str:
    shown = " ".join(map(str, ids[:SHOWN_IDS]))
    hidden = len(ids) - SHOWN_IDS
    return f"{shown} … ({hidden} more)" if hidden > 0 else shown


def to_document(explanation: Explanation) -> dict[str, Any]:
    """Return every field and the recall; tuples become lists in JSON."""
    return {**asdict(explanation), "recall": explanation.recall}
