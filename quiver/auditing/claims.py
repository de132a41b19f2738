"""Claims: what the tables say, held against what was measured.

Each names its table, the published figures, the region in which the measured quantity
lies if it is true, and the verdict with its reason; see `quiver.auditing.judging`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quiver.auditing import footprint
from quiver.auditing.coding import HAMMING, WEIGHTS
from quiver.auditing.data import Data
from quiver.auditing.judging import (
    Estimate,
    Region,
    Verdict,
    Vote,
    agree,
    half_effect,
    judge,
    missed_times,
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
    SWEPT,
    TWO_BITS,
    UNIFORM,
    Grid,
    K,
    M,
)
from quiver.recall.intervals import CONFIDENCE, share_interval

Judged: TypeAlias = Callable[[float], Region]
Unmet: TypeAlias = dict[str, str]
"""Why walks have no say, by walk."""

WORKS = 70.0
"""Recall in % at ``EF`` from which the code works: the least of Table 5 is 70.7.
Tables 7-10 are of data where it finds 95 %."""

MOST_BY_CODE = 0.5
"""Share of the misses of the published graph that its code may lose alone, where claims
about graphs are judged. What the code loses no other graph over it would find."""

NEAR_POINTS = 2.0
"""Points by which a recall may differ from a printed one of the same data. An
independent evaluation of the published system found its twelve rows within 1.84."""


class Claim(NamedTuple):
    """One claim and what became of it.

    Attributes
    ----------
    table : str
        Where it is read.
    statement : str
        What is claimed.
    published : str
        The printed figures.
    rule : str
        When it is confirmed: the region of the measured quantity.
    verdict : Verdict
        With the reason, which has the quantity.
    """

    table: str
    statement: str
    published: str
    rule: str
    verdict: Verdict


def all_claims(measured: Measured, data: Data) -> tuple[Claim, ...]:
    """Return every claim with its verdict."""
    return (
        *_by_ef(measured),
        _recall(measured, data),
        *_by_shape(measured),
        *_by_code(measured),
        *_kinds(measured),
        *_bytes(measured, data),
    )


def _by_ef(measured: Measured) -> Iterator[Claim]:
    wide = max(measured.efs)
    if wide > EF:
        ratios = [_misses(line, EF) / _misses(line, wide) for line in BY_EF.lines]
        yield _more_misses(
            "5",
            f"a beam of {wide} finds what one of {EF} misses",
            f"{min(ratios):.1f} to {max(ratios):.1f} times fewer misses",
            half_effect(min(ratios)),
            (measured.base, EF),
            (measured.base, wide),
        )
    if 2 * EF in measured.efs:
        ratios = [_misses(line, EF) / _misses(line, 2 * EF) for line in BY_EF.lines]
        yield _more_misses(
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
            f"recall falls with rows, here it is {_percent(hits):.1f} %"
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
    unmet = _no_say(measured)
    for statement, grid, lines, worse, better, region in steps:
        ratio = grid.missed_times(worse, better)
        yield _more_misses(
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
    unmet = _does_not_work(measured)
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
            agree([_vote(WEIGHTS, *hits, unmet.get(WEIGHTS, ""))], region),
        )
        yield _more_misses(
            "10",
            f"{statement}: in a graph",
            f"{BY_CODE.at(worse)} and {BY_CODE.at(better)} % at ef={EF}",
            half_effect(BY_CODE.missed_times(worse, better)),
            (measured.by_code[worse], EF),
            (measured.by_code[better], EF),
            unmet,
        )


def _kinds(measured: Measured) -> Iterator[Claim]:
    if measured.kinds:
        yield Claim(
            "11",
            "the kinds of data stand in this order, from sphere to sentences",
            "0.4 … 95.7 % at ef=64",
            f"{IN_ORDER} of the pairs that are {APART:g} points apart, in that order",
            judge(in_order(measured.kinds), IN_ORDER),
        )


def _bytes(measured: Measured, data: Data) -> Iterator[Claim]:
    same, every = footprint.agreeing(footprint.printed_hot())
    yield _exact(
        "2, 5, 7",
        "hot memory is two bits a coordinate and 4m + 1 words, in MiB, cut",
        f"{every} figures",
        Region(every, every),
        same,
        "figures that the formula gives",
    )
    mixed = list(footprint.printed_adjacency())
    yield _exact(
        "2",
        "adjacency and metadata, as printed, are the lists",
        ", ".join(f"{printed} MB" for printed, *_ in mixed),
        Region(len(mixed), len(mixed)),
        sum(printed == int(lists) for printed, lists, _ in mixed),
        "figures that the lists give; "
        f"{sum(printed == rest for printed, _, rest in mixed)} are the total in MiB "
        "less the codes in 10^6 bytes",
    )
    n = measured.memory.n_vectors
    least = footprint.least_list_bytes(M)
    yield _exact(
        "2",
        "lists need no more than 2m + 1 words",
        f"260 MB, {least} B a vector",
        Region(most=least),
        measured.memory.graph / n,
        f"B a vector here, against {footprint.list_bytes(M)} while building",
    )
    hot = footprint.hot_bytes(data.dim)
    yield _exact(
        "2, 5",
        f"hot bytes of a vector of {data.dim} coordinates",
        f"{hot:g} by the formula",
        Region(hot, hot),
        measured.memory.hot_per_vector,
        "B here: lists as wide as their bound, codes in whole cache lines, ids",
    )


def _exact(
    table: str,
    statement: str,
    published: str,
    region: Region,
    counted: float,
    what: str,
) -> Claim:
    word, _ = judge(Estimate.exact(counted), region)
    verdict = Verdict(word, f"{counted:g} {what}")
    return Claim(table, statement, published, str(region), verdict)


def _does_not_work(measured: Measured) -> Unmet:
    """Return by which walks Tables 7-10 say nothing about these data, and why."""
    told = {}
    for walk, by_ef in measured.base.hits.items():
        recall = _percent(by_ef[EF])
        if recall < WORKS:
            told[walk] = (
                f"the code finds {recall:.1f} % at ef={EF}, published of data where "
                f"it finds {BY_EF.at(SWEPT):g} %"
            )
    return told


def _no_say(measured: Measured) -> Unmet:
    """Return by which walks a graph has no say, as the code alone loses most."""
    told = {}
    for walk, by_ef in measured.base.hits.items():
        missed = int((K - by_ef[EF]).sum())
        alone = int((K - measured.alone[walk]).sum())
        if alone > missed * MOST_BY_CODE:
            told[walk] = (
                f"the code alone misses {alone} of the {missed} neighbours that m={M} "
                "misses, so that no graph shows what it is worth"
            )
    return told | _does_not_work(measured)


def _more_misses(
    table: str,
    statement: str,
    published: str,
    region: Region,
    worse: tuple[Line, int],
    better: tuple[Line, int],
    unmet: Unmet | None = None,
) -> Claim:
    """Claim that one line at one width misses so many times as much as another."""
    (one, ef), (other, other_ef) = worse, better
    votes = [
        _vote(walk, by_ef[ef], other.hits[walk][other_ef], (unmet or {}).get(walk, ""))
        for walk, by_ef in one.hits.items()
    ]
    rule = f"{region} times the misses"
    return Claim(table, statement, published, rule, agree(votes, region))


def _vote(
    walk: str, worse: NDArray[np.int64], better: NDArray[np.int64], unmet: str
) -> Vote:
    found, too_few = missed_times(K - worse, K - better)
    if unmet and found is not None:
        unmet += f"; {found.value:.2f} here"
    return Vote(walk, found, unmet or too_few)


def _percent(hits: NDArray[np.int64]) -> float:
    return 100 * float(hits.mean()) / K
