"""Was a verdict right? Judged by the recall of the index it speaks of."""

from __future__ import annotations

from collections.abc import Mapping

from boundary.measure import AT_64, BEAM_WIDTHS, Record
from quiver.diagnosis.verdict import GOOD_RECALL, UNSEARCHABLE, WORDS
from quiver.params import DEFAULT_EF

WIDEST = 256


def is_right(
    word: str,
    default: Mapping[int, float],
    whole: Mapping[int, float],
    graph: Mapping[int, float],
) -> bool:
    """Return whether a verdict is what the recalls measured, by ef, lead to.

    Parameters
    ----------
    word : str
        One of `quiver.diagnosis.verdict.WORDS`.
    default, whole : mapping of int to float
        Of the encoding diagnosed, re-ranked by default and as a whole.
    graph : mapping of int to float
        Of a float32 graph; empty where none is at hand.

    Raises
    ------
    ValueError
        If the word is none of a diagnosis.
    """
    if word not in WORDS:
        msg = f"word must be one of {', '.join(WORDS)}, got {word!r}"
        raise ValueError(msg)
    fits = default[DEFAULT_EF] >= GOOD_RECALL
    if word not in UNSEARCHABLE:
        is_at_default = word.startswith("fits")
        return fits if is_at_default else not fits and whole[WIDEST] >= GOOD_RECALL
    if whole[WIDEST] >= GOOD_RECALL:
        return False
    # Where no float32 graph is at hand, which of the two it is stays open.
    return not graph or (graph[WIDEST] < GOOD_RECALL) == (word == "no structure")


def is_verdict_right(record: Record) -> bool:
    """Return whether the verdict on a data set is right."""
    named = record["named"]
    default, whole, graph = (
        dict(zip(BEAM_WIDTHS, shares, strict=False))
        for shares in (named["recall"], named["whole"], record["graph"])
    )
    return is_right(record["word"], default, whole, graph)


def error_of(record: Record) -> float:
    """Return expected less measured recall at ef=64, of the encoding diagnosed."""
    return record["expected"] - record["named"]["recall"][AT_64]
