"""Claims: what the tables say of recall, held against what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from quiver.auditing.byte_claims import byte_claims
from quiver.auditing.claim import (
    Claim,
    does_not_work,
    more_misses,
    no_say,
    percent,
    vote,
)
from quiver.auditing.coding import HAMMING, WEIGHTS
from quiver.auditing.data import Data
from quiver.auditing.judging import (
    Estimate,
    Region,
    agree,
    half_effect,
    judge,
    near_effects,
    no_effect,
)
from quiver.auditing.kinds import APART, IN_ORDER, in_order
from quiver.auditing.measuring import Line, Measured
from quiver.auditing.published import (
    ALPHA,
    BY_ALPHA,
    BY_CODE,
    BY_EF,
    BY_EF_C,
    BY_M,
    DATA_SETS,
    EF,
    EF_C,
    ONE_BIT,
    OVERLAP,
    TWO_BITS,
    UNIFORM,
    Grid,
    K,
    M,
)
from quiver.recall.intervals import CONFIDENCE, share_interval

Judged: TypeAlias = Callable[[float], Region]

NEAR_POINTS = 2.0
"""Points by which a recall may differ from a printed one of the same data. An
independent evaluation of the published system found its twelve rows within 1.84."""


def all_claims(measured: Measured, data: Data) -> tuple[Claim, ...]:
    """Return every claim with its verdict."""
    return (
        *_by_ef(measured),
        _recall(measured, data),
        *_by_shape(measured),
        *_by_code(measured),
        *_kinds(measured),
        *byte_claims(measured, data),
    )


def _by_ef(measured: Measured) -> Iterator[Claim]:
    wide = max(measured.efs)
    if wide > EF:
        ratios = [_misses(line, EF) / _misses(line, wide) for line in BY_EF.lines]
        yield more_misses(
            "5",
            f"a beam of {wide} finds what one of {EF} misses",
            f"{min(ratios):.1f} to {max(ratios):.1f} times fewer misses",
            half_effect(min(ratios)),
            (measured.base, EF),
            (measured.base, wide),
        )
    if 2 * EF in measured.efs:
        ratios = [_misses(line, EF) / _misses(line, 2 * EF) for line in BY_EF.lines]
        yield more_misses(
            "5",
            f"twice the beam, {2 * EF} for {EF}, leaves about half of the misses",
            f"{min(ratios):.2f} to {max(ratios):.2f} times fewer",
            near_effects(min(ratios), max(ratios)),
            (measured.base, EF),
            (measured.base, 2 * EF),
        )


def _misses(line: str, ef: int) -> float:
    return 100 - BY_EF.at(line, ef)


def _recall(measured: Measured, data: Data) -> Claim:
    """Hold the recall itself against the printed one: of the same data alone."""
    same = [one for one in DATA_SETS if one.dim == data.dim and one.name in BY_EF.lines]
    named = same or [one for one in DATA_SETS if one.name in BY_EF.lines]
    printed = [BY_EF.at(one.name) for one in named]
    region = Region(min(printed) - NEAR_POINTS, max(printed) + NEAR_POINTS)
    unmet, hits = "", measured.base.hits[HAMMING][EF]
    if data.metric != "cosine":
        unmet = f"asked by {data.metric}, published is cosine"
    elif not any(one.rows == data.n for one in same):
        rows = " or ".join(sorted({f"{one.rows:,} x {one.dim}" for one in named}))
        unmet = (
            f"{data.n:,} x {data.dim} of another set, published {rows}; "
            f"recall falls with rows, here it is {percent(hits):.1f} %"
        )
    shares = share_interval(hits / K, CONFIDENCE)
    found = Estimate(*(100 * share for share in shares))
    names = ", ".join(one.name for one in named)
    return Claim(
        "5",
        f"recall@10 at ef={EF} itself, {names}",
        " / ".join(f"{share}" for share in printed),
        f"{region} %",
        judge(found, region, unmet),
    )


def _by_shape(measured: Measured) -> Iterator[Claim]:
    """Hold each parameter's lines against each other, Tables 7-9."""
    m, ef_c, alpha = measured.by_m, measured.by_ef_c, measured.by_alpha
    steps: list[tuple[str, Grid[Any], dict[Any, Line], Any, Any, Judged]] = [
        ("m=8 is far from enough", BY_M, m, 8, M, half_effect),
        ("m=16 misses more than m=32", BY_M, m, 16, M, half_effect),
        ("m=64 gains little over m=32", BY_M, m, M, 64, _little),
        ("ef_c=16 is not enough", BY_EF_C, ef_c, 16, EF_C, half_effect),
        ("ef_c beyond 128 gains nothing", BY_EF_C, ef_c, EF_C, 512, no_effect),
        ("alpha=1 is better than 1.2", BY_ALPHA, alpha, ALPHA, 1.0, half_effect),
        ("alpha above 1.05 changes nothing", BY_ALPHA, alpha, 1.25, 1.05, no_effect),
    ]
    unmet = no_say(measured)
    for statement, grid, lines, worse, better, region in steps:
        ratio = grid.missed_times(worse, better)
        yield more_misses(
            str(grid.table),
            statement,
            f"{grid.at(worse)} and {grid.at(better)} %: {ratio:.2f} times the misses",
            region(ratio),
            (lines[worse], EF),
            (lines[better], EF),
            unmet,
        )


def _little(published: float) -> Region:
    """Return where a ratio lies if a gain is no more than a small one, published."""
    return Region(most=near_effects(1, published).most)


def _by_code(measured: Measured) -> Iterator[Claim]:
    """Hold the codes of Table 10 against each other: alone, and in a graph."""
    unmet = does_not_work(measured)
    pairs = [
        (ONE_BIT, TWO_BITS, "the strong bit is worth its place"),
        (TWO_BITS, UNIFORM, "two bits of equal steps rank better than sign-magnitude"),
    ]
    for worse, better, statement in pairs:
        region = half_effect((100 - OVERLAP[worse]) / (100 - OVERLAP[better]))
        hits = measured.overlaps[worse], measured.overlaps[better]
        yield Claim(
            "10",
            f"{statement}: of all rows, by code",
            f"{OVERLAP[worse]} and {OVERLAP[better]} % of the true 10",
            f"{region} times the misses",
            agree([vote(WEIGHTS, *hits, unmet.get(WEIGHTS, ""))], region),
        )
        yield more_misses(
            "10",
            f"{statement}: in a graph",
            f"{BY_CODE.at(worse)} and {BY_CODE.at(better)} % at ef={EF}",
            half_effect(BY_CODE.missed_times(worse, better)),
            (measured.by_code[worse], EF),
            (measured.by_code[better], EF),
            unmet,
        )


def _kinds(measured: Measured) -> Iterator[Claim]:
    if not measured.kinds:
        return
    found, misplaced = in_order(measured.kinds)
    verdict = judge(found, IN_ORDER)
    if misplaced:
        reason = f"{verdict.reason}; oftenest out of place is {misplaced}"
        verdict = verdict._replace(reason=reason)
    yield Claim(
        "11",
        "drawn stand-ins of the kinds of data stand in the published order",
        f"0.4 … 95.7 % at ef={EF}",
        f"{IN_ORDER} of the pairs that are {APART:g} points apart, in that order",
        verdict,
    )
