"""A walk for a page: its parts, and the document that ``walk.js`` draws in them.

The page of one explanation and the lab are made of the same parts, so that a walk looks
and steps alike in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from quiver.explain.explanation import Explanation, Hop

SHOWN_BEAM = 12
"""Entries of the beam listed beside the picture."""

Labels = Mapping[int, str]


def page_file(name: str) -> str:
    """Return a file of the pages: ``walk.html``, ``walk.css`` or ``walk.js``."""
    return files("quiver.pages").joinpath(name).read_text("utf-8")


def walk_parts(prefix: str = "") -> str:
    """Return the elements that a walk is drawn in, their ids behind a prefix."""
    return page_file("walk.html").replace("@prefix@", prefix)


def walk_document(
    explanation: Explanation, label: Callable[[int], str | None]
) -> dict[str, Any]:
    """Return what ``walk.js`` draws, ready for JSON.

    Parameters
    ----------
    explanation : Explanation
        The walk.
    label : callable
        The text of an id, or None where there is none.

    Returns
    -------
    dict
        Ids are strings, since a script would round large integers.
    """
    e = explanation
    nodes = _nodes(e)
    # A copy is met through the row that it is equal to, and not drawn.
    named = {*nodes, *(found.id for found in e.found)}
    texts = ((id_, label(id_)) for id_ in sorted(named))
    return {
        "summary": f"{len(e.hops)} hops, {e.distance_computations} code distances, "
        f"recall@{len(e.true_neighbours)} {e.recall:.2f}",
        "points": [[str(id_), x, y] for id_, x, y in e.points],
        "query": e.query_point,
        "nodes": [*nodes.values()],
        "hops": [_hop(hop) for hop in e.hops],
        "answer": [
            {
                **_row(found.id, found.distance),
                "place": found.beam_place,
                "hop": found.seen_in_hop,
            }
            for found in e.found
        ],
        "true": [
            {
                **_row(true.id, true.distance),
                "fate": true.fate,
                "stage": true.stage,
                "reason": true.reason,
            }
            for true in e.true_neighbours
        ],
        "labels": {str(id_): text for id_, text in texts if text is not None},
    }


def _row(id_: int, distance: float) -> dict[str, str]:
    return {"id": str(id_), "shown": f"{distance:.4f}"}


def _hop(hop: Hop) -> dict[str, Any]:
    beam = zip(map(str, hop.beam), hop.beam_distances, strict=True)
    return {
        "node": str(hop.node),
        "distance": hop.distance,
        "seen": [str(id_) for id_ in hop.newly_seen],
        "dropped": len(hop.dropped),
        "size": len(hop.beam),
        "beam": [*beam][:SHOWN_BEAM],
    }


def _nodes(e: Explanation) -> dict[int, dict[str, Any]]:
    """Return every row seen and every true neighbour, with the hops that change it."""
    seen = dict.fromkeys(e.entry_points, 0)
    expanded: dict[int, int] = {}
    dropped: dict[int, int] = {}
    for hop in e.hops:
        seen.update(dict.fromkeys(hop.newly_seen, hop.number))
        expanded[hop.node] = hop.number
        dropped.update(dict.fromkeys(hop.dropped, hop.number))
    true = {neighbor.id for neighbor in e.true_neighbours}
    return {
        id_: {
            "id": str(id_),
            "seen": seen.get(id_),
            "expanded": expanded.get(id_),
            "dropped": dropped.get(id_),
            "true": id_ in true,
        }
        for id_ in [*seen, *sorted(true - seen.keys())]
    }
