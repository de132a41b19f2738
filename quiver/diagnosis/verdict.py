"""Verdict: words from the recall expected, each with the number that decided.

There is one rule. Where the recall expected is good, the data fit, at the default ef
or at a larger one. Where it is not, a float graph is asked: if that is expected to be
good, the codes lose what is missing, else any graph would. So no word can contradict a
number beside it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from quiver._typing import Metric
from quiver.diagnosis.fidelity import DEPTHS, Fidelity
from quiver.diagnosis.forecast import Forecast
from quiver.diagnosis.structure import Structure
from quiver.diagnosis.width import Look
from quiver.params import DEFAULT_EF, Encoding, goes_together

Word = Literal[
    "fits",
    "fits with wider codes",
    "use a larger ef",
    "not with these codes",
    "no structure",
]
WORDS: tuple[Word, ...] = get_args(Word)
UNSEARCHABLE: tuple[Word, ...] = ("not with these codes", "no structure")

GOOD_RECALL = 0.9
"""What a verdict calls good, at the default ef or at the widest forecast."""

CONCENTRATED_DIMENSION = 60.0
"""Local intrinsic dimension from which neighbours are near by accident: it explains a
verdict, and decides none. Measured on 10 000 rows: sentence embeddings 25, SIFT 12, a
128-d Gaussian 48, a 768-d Gaussian 127."""

ORDINARY_DIMENSION = 26.0
"""Local intrinsic dimension up to which a few hundred rows tell how recall falls.
Measured on 300 to 6 250 rows: embeddings 13 to 25; on 312 rows of a Gaussian in 96
dimensions 27, in 768 dimensions 68."""

# Compared where a default search re-ranks.
_DEPTH = DEPTHS.index(32)
# A gain smaller than this in points of fidelity changes nothing for a user.
_NOTABLE = 0.01
_STANDARD_ERRORS = 2.0


class Verdict(NamedTuple):
    """One of ``WORDS`` and why.

    Attributes
    ----------
    word : str
        The verdict.
    reasons : tuple of str
        Sentences with the deciding numbers, the most important first.
    """

    word: Word
    reasons: tuple[str, ...]

    @property
    def is_unsearchable(self) -> bool:
        """Whether no search of an index will do."""
        return self.word in UNSEARCHABLE


def contenders(
    rows: list[Fidelity], metric: Metric, default: Encoding
) -> list[Fidelity]:
    """Return the default way of coding, and one that ranks better if there is any.

    Better means by more than a point of fidelity at 32 and by more than two standard
    errors of the paired difference, query by query.
    """
    usable = [
        row
        for row in rows
        if row.encoding is not None and goes_together(metric, row.encoding)
    ]
    usual = next(row for row in usable if row.encoding == default)
    better = [row for row in usable if _is_better(row, usual)]
    return [usual, *sorted(better, key=lambda row: -row.shares[_DEPTH])[:1]]


def _is_better(row: Fidelity, default: Fidelity) -> bool:
    depth = DEPTHS[_DEPTH]
    gains = row.hits.shares(depth) - default.hits.shares(depth)
    error = float(gains.std() / np.sqrt(len(gains)))
    return bool(gains.mean() > max(_NOTABLE, _STANDARD_ERRORS * error))


def plain_coding(rows: list[Fidelity]) -> Fidelity:
    """Return the corrected codes of vectors as they are, for comparison."""
    return next(
        row for row in rows if (row.transform, row.distance) == ("plain", "asymmetric")
    )


def falls_short(forecasts: tuple[Forecast, ...]) -> bool:
    """Return whether the default ef is not expected to be good: why, must be asked."""
    return usual(forecasts).recall.mean < GOOD_RECALL


def needs_more_rows(forecasts: tuple[Forecast, ...], structure: Structure) -> bool:
    """Return whether a small sample flatters, as beams see most of it.

    It falls steeply where the local dimension is high, which shows in any sample.
    """
    is_steep = structure.local_dimension > ORDINARY_DIMENSION
    return is_steep or falls_short(forecasts)


def judge(
    chosen: Fidelity,
    plain: Fidelity,
    structure: Structure,
    forecasts: tuple[Forecast, ...],
    look: Look,
) -> Verdict:
    """Return the verdict on data whose best way of coding is ``chosen``.

    Forecasts that fall short must have a float graph beside them; ``look`` tells which
    widths were tried before.
    """
    if structure.chance >= GOOD_RECALL:
        return _nothing_to_find(structure)
    at_default = usual(forecasts)
    expected = f"recall@10 expected at ef={at_default.ef}: {at_default.recall}"
    if not falls_short(forecasts):
        return _fits(chosen, plain, expected, look)
    enough = next((f for f in forecasts if f.recall.mean >= GOOD_RECALL), None)
    if enough is not None:
        return _larger_ef(at_default, enough, expected)
    return _unsearchable(structure, forecasts[-1], expected, chosen.bits)


def usual(forecasts: tuple[Forecast, ...]) -> Forecast:
    """Return the forecast at the default ef."""
    return next(forecast for forecast in forecasts if forecast.ef == DEFAULT_EF)


def _nothing_to_find(structure: Structure) -> Verdict:
    reasons = (
        f"nearly all distances are equal: {100 * structure.chance:.0f} % of the rows "
        "sampled are as near as the 10th neighbour, so random rows score as high as "
        "any search: check that these are the vectors you meant",
    )
    return Verdict("no structure", reasons)


def _larger_ef(at_default: Forecast, enough: Forecast, expected: str) -> Verdict:
    reasons = (
        expected,
        f"ef={enough.ef} is expected to reach {enough.recall}",
        f"a float32 graph of the same degree is expected to reach "
        f"{at_default.float_graph} at ef={at_default.ef}",
    )
    return Verdict("use a larger ef", reasons)


def _unsearchable(
    structure: Structure, widest: Forecast, expected: str, bits: int
) -> Verdict:
    """Tell which loses recall even at the largest ef: the codes, or any graph."""
    uncoded = widest.float_graph
    assert uncoded is not None
    reached = f"even ef={widest.ef} is expected to reach only {widest.recall}"
    if uncoded.mean >= GOOD_RECALL:
        reasons = (
            f"{reached}, where a float32 graph of the same degree is expected to reach "
            f"{uncoded}: codes of {bits} bits lose the rest",
            f"the best {widest.ef} of all rows by code hold {widest.ceiling}",
            expected,
        )
        return Verdict("not with these codes", reasons)
    graph = (
        f"{reached}, and a float32 graph of the same degree only {uncoded}: no such "
        "graph will do, a scan of all rows finds every one"
    )
    if structure.local_dimension < CONCENTRATED_DIMENSION:
        return Verdict("no structure", (graph, expected))
    concentrated = (
        "exact distances are concentrated: local intrinsic dimension "
        f"{structure.local_dimension:.0f} (embeddings have 10 to 40), and "
        f"{100 * structure.rivals:.1f} % of the sample is at most 10 % farther than "
        "the 10th neighbour"
    )
    return Verdict("no structure", (concentrated, graph, expected))


def _fits(chosen: Fidelity, plain: Fidelity, expected: str, look: Look) -> Verdict:
    own, bare = chosen.shares[_DEPTH], plain.shares[_DEPTH]
    figures = (
        f"the best {DEPTHS[_DEPTH]} by code hold {100 * own:.1f} % of the true "
        f"neighbours in the sample, {100 * bare:.1f} % without centering and rotation"
    )
    widths = [str(one) for one in look.tried if len(look.tried) > 1]
    word: Word = "fits with wider codes" if widths else "fits"
    return Verdict(word, (expected, *widths, figures))
