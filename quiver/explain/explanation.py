"""What an explanation holds: the walk, the answer and the neighbours missed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from quiver._typing import Metric, Weights

CODE_DISTANCES: dict[Metric, str] = {
    "cosine": "estimates of twice the cosine distance",
    "euclidean": "estimates of the squared Euclidean distance",
    "inner_product": "a constant less twice the estimated inner product",
}
"""What corrected codes measure, by metric. See docs/algorithm/distance.md."""

SHOWN_IDS = 8
"""Ids printed of a list; the document has them all."""

Outcome = Literal[
    "found",
    "tied",
    "never seen",
    "dropped from the beam",
    "beyond the horizon",
    "lost in re-rank",
]

Stage = Literal["code", "graph", "walk", "beam", "re-rank"]
"""Where a neighbour is lost: never seen and no place for its code in the beam; no row
seen links to it; those that do were not expanded; pushed out; not measured exactly."""


@dataclass(frozen=True)
class Hop:
    """One expansion; ids are the caller's, distances are between codes.

    Attributes
    ----------
    number : int
        1, 2, …; the entry points are seen in hop 0.
    node : int
        Id of the node whose neighbours were read.
    distance : float
        Its code distance to the query.
    newly_seen : tuple of int
        Neighbours measured here for the first time.
    dropped : tuple of int
        Those that left the beam here, or were seen here and never entered it.
    beam : tuple of int
        Ids in the beam after the hop, best first.
    beam_distances : tuple of float
        Their code distances.
    """

    number: int
    node: int
    distance: float
    newly_seen: tuple[int, ...]
    dropped: tuple[int, ...]
    beam: tuple[int, ...]
    beam_distances: tuple[float, ...]


@dataclass(frozen=True)
class Found:
    """One row of the answer.

    Attributes
    ----------
    id : int
        The caller's id.
    distance : float
        Exact distance.
    seen_in_hop : int or None
        Hop in which it was first met; None for a zero vector under cosine, which no
        walk meets and every search adds.
    seen_from : int or None
        Id of the node expanded there; None for an entry point.
    beam_place : int or None
        Its place in the final beam by code distance, 1 … ef; None for a long entry
        point outside it, which inner product measures all the same.
    equal_to : int or None
        Id of the row that it is a copy of and that was met in its place; None if it
        was met itself.
    """

    id: int
    distance: float
    seen_in_hop: int | None
    seen_from: int | None
    beam_place: int | None
    equal_to: int | None = None


@dataclass(frozen=True)
class TrueNeighbor:
    """One of the exact k nearest rows, and what became of it.

    Attributes
    ----------
    id : int
        The caller's id.
    distance : float
        Exact distance.
    fate : str
        ``found``; ``tied``: a row at the same distance has its place; ``never seen``:
        no expanded node links to it; ``dropped from the beam``: seen, but ``ef`` others
        had smaller code distances; ``beyond the horizon``: in the last beam, but as far
        as what ended the walk; ``lost in re-rank``: in the final beam, but not measured
        exactly.
    reason : str
        The same in a sentence, with the numbers.
    stage : str or None
        Of one that was missed, what lost it. ``code``: never seen, and its code
        distance is too large for the beam anyway; ``graph``: it is not, but no row seen
        links to it; ``walk``: rows seen do, but were not expanded, or the horizon ended
        it before; else ``beam`` or ``re-rank``.
    """

    id: int
    distance: float
    fate: Outcome
    reason: str
    stage: Stage | None = None


@dataclass(frozen=True)
class Explanation:
    """A search with every step kept; `str` prints it.

    Attributes
    ----------
    k, ef : int
        The effort, defaults resolved.
    n_rerank : int or None
        As asked; None: as many as can matter.
    horizon : float or None
        As asked; None: the walk ends by ``ef`` alone.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the exact distances.
    code_distance : str
        What the distances of the walk are, in words: they are not on the scale of
        the exact ones.
    entry_point : int
        Id of the row where the walk starts.
    entry_points : tuple of int
        Ids of those measured first, of which it is the nearest.
    distance_computations : int
        Code distances, the entry points' included.
    hops : tuple of Hop
        The walk.
    found : tuple of Found
        The answer, best first; the same as `Index.search` returns.
    true_neighbours : tuple of TrueNeighbor
        The exact k nearest rows, best first.
    points : tuple of (int, float, float)
        Id and place on a plane, for drawing: every row seen, the true neighbours and
        a sample of the rest.
    query_point : (float, float)
        The query on that plane.
    """

    k: int
    ef: int
    n_rerank: int | None
    horizon: float | None
    metric: str
    code_distance: str
    entry_point: int
    entry_points: tuple[int, ...]
    distance_computations: int
    hops: tuple[Hop, ...]
    found: tuple[Found, ...]
    true_neighbours: tuple[TrueNeighbor, ...]
    points: tuple[tuple[int, float, float], ...]
    query_point: tuple[float, float]

    @property
    def effort(self) -> str:
        """The effort in words."""
        horizon = "" if self.horizon is None else f", horizon={self.horizon:g}"
        return f"ef={self.ef}, n_rerank={self.n_rerank}{horizon}"

    @property
    def recall(self) -> float:
        """Share of the true k found, ties counted as hits."""
        fates = [neighbor.fate for neighbor in self.true_neighbours]
        return sum(fate in ("found", "tied") for fate in fates) / len(fates)

    def __str__(self) -> str:
        """Return the walk as text."""
        return "\n".join(_lines(self))

    def to_dict(self) -> dict[str, Any]:
        """Return everything in lists, dicts, numbers and strings, ready for JSON."""
        return {**asdict(self), "recall": self.recall}

    def to_html(self, labels: dict[int, str] | None = None) -> str:
        """Return a page with the walk drawn, a step slider and tables.

        Parameters
        ----------
        labels : dict of int to str, optional
            Texts to show for ids.

        Returns
        -------
        str
            One HTML document that needs no network.
        """
        from quiver.pages.explanation import to_html

        return to_html(self, labels or {})


def meaning_of(metric: Metric, weights: Weights) -> str:
    """Return what the code distances of an index are, in words."""
    if weights == "published":
        return "4·dim less the dot product of two codes"
    return CODE_DISTANCES[metric]


def _lines(e: Explanation) -> list[str]:
    """Return the walk, the answer and the missed neighbours, line by line."""
    lines = [
        f"search for k={e.k} with {e.effort}, {e.metric}",
        f"{len(e.hops)} hops, {e.distance_computations} code distances, "
        f"recall@{len(e.true_neighbours)} {e.recall:.2f}",
        f"code distances, of hops and beam, are {e.code_distance}",
        "",
        f"hop 0: start at {e.entry_point}, the nearest entry point of "
        f"{len(e.entry_points)}",
        *(_hop_line(hop) for hop in e.hops),
        "",
        "answer (exact distance; place in the beam by code; where it was met):",
    ]
    lines += [f"  {found.id}: {found.distance:.4f}; {_met(found)}" for found in e.found]
    missed = [n for n in e.true_neighbours if n.fate != "found"]
    lines += ["", f"true neighbours missed: {len(missed)} of {len(e.true_neighbours)}"]
    lines += [f"  {n.id}: {n.distance:.4f}; {n.fate}: {n.reason}" for n in missed]
    return lines


def _met(found: Found) -> str:
    """Return how a row of the answer was met."""
    if found.seen_in_hop is None:
        return "a zero vector, met by no walk"
    place = "no place" if found.beam_place is None else f"place {found.beam_place}"
    origin = "entry point" if found.seen_from is None else f"from {found.seen_from}"
    equal = "" if found.equal_to is None else f"; equal to {found.equal_to}"
    return f"{place}; hop {found.seen_in_hop}, {origin}{equal}"


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
