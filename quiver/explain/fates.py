"""Fates: what would keep a row out of the answer, and at which stage it is lost."""

from __future__ import annotations

from typing import NamedTuple

from quiver.explain.explanation import Outcome, Stage
from quiver.explain.walked import Walked
from quiver.reference.keys import NO_ID, key_distances


class Fate(NamedTuple):
    """What became of a row, where it is lost, and the same in a sentence."""

    outcome: Outcome
    stage: Stage | None
    reason: str


def fate_of(walked: Walked, row: int) -> Fate:
    """Return what would keep a row out of the answer, and its history."""
    node = walked.node(row)
    if node == NO_ID:
        reason = "a zero vector: no walk meets it and every search adds it"
        return Fate("tied", None, reason)
    if node != row:
        found = fate_of(walked, node)
        return found._replace(reason=f"equal to {walked.id(node)}: {found.reason}")
    if row not in walked.seen_in:
        return Fate("never seen", *_unseen(walked, row))
    if row in walked.dropped_in:
        return _dropped(walked, row)
    if row not in walked.places:
        beyond = f"{_seen(walked, row)}, in the beam, but its code distance"
        reason = f"{beyond} {walked.code_distance(row):.4g} is too far to be kept"
        return Fate("beyond the horizon", "beam", reason)
    return _kept(walked, row)


def _unseen(walked: Walked, row: int) -> tuple[Stage, str]:
    """Return at which stage a row that no hop saw is lost, and why."""
    distance = walked.code_distance(row)
    last = float(key_distances(walked.final_beam)[-1])
    linked = "no node expanded links to it; its code distance "
    if walked.is_beyond(distance):
        return "walk", f"{linked}{distance:.4g} is beyond the horizon anyway"
    # A beam that is not full has room for anything.
    if distance >= last and len(walked.final_beam) >= walked.ef:
        beyond = f"{distance:.4g} is beyond the beam's last {last:.4g} anyway"
        return "code", linked + beyond
    missed = f"{linked}{distance:.4g} would have had a place in the beam"
    if n_links := walked.links_seen(row):
        return "walk", f"{missed}, and {n_links} rows seen but not expanded link to it"
    return "graph", f"{missed}, but no row seen links to it"


def _dropped(walked: Walked, row: int) -> Fate:
    dropped = f"{_seen(walked, row)}, out of the beam in hop {walked.dropped_in[row]}"
    if row in walked.always_read:
        reason = f"{dropped}, but re-ranked for its length"
        return Fate("lost in re-rank", "re-rank", reason)
    reason = (
        f"{dropped}: {walked.ef} rows seen had smaller code distances than its "
        f"{walked.code_distance(row):.4g}"
    )
    return Fate("dropped from the beam", "beam", reason)


def _kept(walked: Walked, row: int) -> Fate:
    rank, n_rerank = walked.places[row], walked.effort.n_rerank
    read = "those that can matter" if n_rerank is None else f"the first {n_rerank}"
    also = " and the longest rows" if walked.always_read else ""
    reason = (
        f"{_seen(walked, row)}, place {rank} of the final beam, of which {read}{also} "
        "are re-ranked"
    )
    return Fate("lost in re-rank", "re-rank", reason)


def _seen(walked: Walked, row: int) -> str:
    return f"first seen in hop {walked.seen_in[row]}"
