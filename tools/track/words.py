"""Numbers and their changes in words: a mark and a word, never a color alone."""

from __future__ import annotations

from asv.util import human_time

from track.headlines import BYTES, COUNT, SECONDS, SHARE, Headline
from track.steps import LEAST_STEP, Step

NOT_MEASURED = "\N{EN DASH}"
_WORDS = {
    SECONDS: ("faster", "slower"),
    SHARE: ("found more", "found less"),
    COUNT: ("fewer", "more"),
    BYTES: ("fewer", "more"),
}


def number(headline: Headline, value: float | None) -> str:
    """Return a number as a person reads it."""
    if value is None:
        return NOT_MEASURED
    if headline.unit == SECONDS:
        return human_time(value)
    if headline.unit == SHARE:
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def change(headline: Headline, before: float | None, after: float | None) -> str:
    """Return how a number moved, and whether that is for the better."""
    if before is None or after is None:
        return NOT_MEASURED
    moved = _moved(headline, before, after)
    if before == after:
        return "= equal"
    if not headline.exact and abs(after - before) < LEAST_STEP * before:
        return f"\N{ALMOST EQUAL TO} {moved}"
    better = (after - before) * headline.better > 0
    moved += f", {_WORDS[headline.unit][not better]}"
    if not headline.exact:
        # Two commits alone do not tell a step from noise.
        return moved
    return ("\N{CHECK MARK} " if better else "\N{WARNING SIGN} ") + moved


def _moved(headline: Headline, before: float, after: float) -> str:
    if headline.unit == SHARE:
        return f"{100 * (after - before):+.2f} points"
    return f"{after / before - 1:+.2%}" if before else f"from 0 to {after:g}"


def evidence(step: Step) -> str:
    """Return what speaks for a step."""
    kind = "exact" if step.headline.exact else f"noise {step.noise:.1%}"
    plural = "" if step.n_after == 1 else "s"
    return f"{kind}, {step.n_after} commit{plural} since"
