"""Verdict: words from numbers, each with the number that decided."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from quiver._typing import Metric
from quiver.diagnosis.fidelity import DEPTHS, Fidelity
from quiver.diagnosis.forecast import Forecast
from quiver.diagnosis.structure import Structure
from quiver.params import Encoding, goes_together

Word = Literal[
    "fits",
    "fits with rotation",
    "use a larger ef",
    "not with two bits",
    "no structure",
]
WORDS: tuple[Word, ...] = get_args(Word)
HOPELESS: tuple[Word, ...] = ("not with two bits", "no structure")

GOOD_RECALL = 0.9
"""What a verdict calls good, at the default ef or at the widest forecast."""

DEFAULT_EF = 64

STRUCTURELESS_DIMENSION = 60.0
"""Local intrinsic dimension from which neighbours are near by accident. Measured on
10 000 rows: sentence embeddings 25, SIFT 12, a 128-d Gaussian 48 (its graph still
works), a 768-d Gaussian 127."""

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
    def is_hopeless(self) -> bool:
        """Whether no search of a 2-bit index will do."""
        return self.word in HOPELESS


def choose(rows: list[Fidelity], metric: Metric) -> Fidelity:
    """Return the way of coding to build with: the default unless another is better.

    Better means by more than a point of fidelity at 32 and by more than two standard
    errors of the paired difference, query by query.
    """
    usable = [
        row
        for row in rows
        if row.encoding is not None and goes_together(metric, row.encoding)
    ]
    best = next(row for row in usable if row.encoding == Encoding())
    default = best
    for row in usable:
        gains = row.hits.shares(DEPTHS[_DEPTH]) - default.hits.shares(DEPTHS[_DEPTH])
        error = float(gains.std() / np.sqrt(len(gains)))
        notable = max(_NOTABLE, _STANDARD_ERRORS * error)
        if gains.mean() > notable and row.shares[_DEPTH] > best.shares[_DEPTH]:
            best = row
    return best


def plain_coding(rows: list[Fidelity]) -> Fidelity:
    """Return the corrected codes of vectors as they are, for comparison."""
    bare = Encoding(center=False, rotate=False)
    return next(row for row in rows if row.encoding == bare)


def judge(
    chosen: Fidelity,
    plain: Fidelity,
    structure: Structure,
    forecasts: tuple[Forecast, ...],
) -> Verdict:
    """Return the verdict on data whose best way of coding is ``chosen``."""
    by_ef = {forecast.ef: forecast for forecast in forecasts}
    usual, widest = by_ef[DEFAULT_EF], forecasts[-1]
    dimension = structure.local_dimension
    if dimension >= STRUCTURELESS_DIMENSION:
        return Verdict("no structure", _no_structure(structure))
    expected = f"recall@10 expected at ef={usual.ef}: {usual.recall}"
    if usual.recall.mean >= GOOD_RECALL:
        return _fits(chosen, plain, expected)
    if widest.whole_beam.mean >= GOOD_RECALL:
        enough = next(f for f in forecasts if f.whole_beam.mean >= GOOD_RECALL)
        reason = (
            f"ef={enough.ef} with n_rerank={enough.ef} is expected to reach "
            f"{enough.whole_beam}"
        )
        return Verdict("use a larger ef", (expected, reason))
    stage = "codes" if widest.ceiling.mean < GOOD_RECALL else "walk"
    reason = (
        f"even ef={widest.ef} is expected to reach only {widest.whole_beam}; "
        f"the {stage} lose it: the best {widest.ef} by code hold {widest.ceiling}"
    )
    return Verdict("not with two bits", (reason, expected))


def _no_structure(structure: Structure) -> tuple[str, ...]:
    near = 100 * structure.rivals
    if structure.local_dimension == float("inf"):
        return ("all distances between sampled rows are equal: nothing is nearer",)
    return (
        "exact distances are concentrated: local intrinsic dimension "
        f"{structure.local_dimension:.0f} (embeddings have 10 to 40), and "
        f"{near:.1f} % of the sample is at most 10 % farther than the 10th neighbour",
        "no graph index will do well, whatever it compares; scan all rows, or check "
        "that these are the vectors you meant",
    )


def _fits(chosen: Fidelity, plain: Fidelity, expected: str) -> Verdict:
    own, bare = chosen.shares[_DEPTH], plain.shares[_DEPTH]
    figures = (
        f"the best {DEPTHS[_DEPTH]} by code hold {100 * own:.1f} % of the true "
        f"neighbours in the sample, {100 * bare:.1f} % without centring and rotation"
    )
    gain = own - bare
    return Verdict(
        "fits with rotation" if gain > _NOTABLE else "fits", (expected, figures)
    )
