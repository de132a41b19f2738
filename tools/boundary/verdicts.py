"""Was a verdict right? Judged by the recall of the index it speaks of."""

from __future__ import annotations

from collections.abc import Mapping

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
