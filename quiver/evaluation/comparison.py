"""Comparison: two benches of the same work, on two computers or of two releases.

Source: the interval of a shift by the order of all pairs of differences, from the exact
distribution of Mann and Whitney's U (Hodges and Lehmann, 1963): nothing is assumed of
how times are spread, and one disturbed turn moves it little.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import Lanes
from quiver.errors import FileFormatError, InvalidArgumentError
from quiver.recall.intervals import CONFIDENCE, probit
from quiver.storage.atomic import os_errors

FORMAT = "quiver bench 1"
"""What marks a document that can be compared."""

FIGURES = ("one", "all", "single")
"""Of `quiver.evaluation.bench_report.Turns`."""

_SAME = ("metric", "n", "dim", "n_queries", "k", "ef", "n_rerank")
_MOST_BYTES = 1 << 24
_MOST_TURNS = 1000
_MOST_EXACT = 40
"""Turns of both up to which orders are counted, as float64 holds them exactly."""


class Ratio(NamedTuple):
    """How many times as fast the second is.

    Attributes
    ----------
    backend, figure : str
        Of whom, and which of `FIGURES`.
    first, second : float
        Queries per second, medians of the turns.
    ratio : float
        Second over first: the median of all pairs of turns.
    low, high : float
        Its interval at `CONFIDENCE`; 0 and inf where the turns are too few for one.
    """

    backend: str
    figure: str
    first: float
    second: float
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What the interval proves."""
        if self.low > 1:
            return "faster"
        return "slower" if self.high < 1 else "undecided"


class Comparison(NamedTuple):
    """What tells two benches apart.

    Attributes
    ----------
    ratios : tuple of Ratio
        Of every backend that both measured.
    recalls : tuple of float
        recall@k of the first and of the second.
    notes : tuple of str
        What else differs, a sentence each.
    """

    ratios: tuple[Ratio, ...]
    recalls: tuple[float, float]
    notes: tuple[str, ...]


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> Comparison:
    """Compare two documents of ``quiver bench --json``, as `read_bench` returns them.

    Raises
    ------
    InvalidArgumentError
        If they measured different work.
    """
    for name in _SAME:
        if first[name] != second[name]:
            msg = (
                f"both benches must be of the same {', '.join(_SAME)}, got {name} "
                f"{first[name]!r} and {second[name]!r}"
            )
            raise InvalidArgumentError(msg)
    theirs, ours = (
        {one["backend"]: one["turns"] for one in bench["backends"]}
        for bench in (first, second)
    )
    ratios = [
        ratio_of(backend, figure, turns[figure], ours[backend][figure])
        for backend, turns in theirs.items()
        if backend in ours
        for figure in FIGURES
    ]
    recalls = float(first["recall"]["mean"]), float(second["recall"]["mean"])
    return Comparison(tuple(ratios), recalls, tuple(_notes(first, second)))


def ratio_of(
    backend: str, figure: str, first: Sequence[float], second: Sequence[float]
) -> Ratio:
    """Return how many times as fast the second turns are as the first."""
    # Of logarithms, a shift is a ratio.
    pairs = np.sort(np.subtract.outer(np.log(second), np.log(first)), axis=None)
    rank = _rank(len(first), len(second))
    low, high = 0.0, math.inf
    if rank is not None:
        low, high = np.exp(pairs[[rank - 1, -rank]]).tolist()
    medians = float(np.median(first)), float(np.median(second))
    return Ratio(backend, figure, *medians, math.exp(np.median(pairs)), low, high)


def _rank(n: int, m: int) -> int | None:
    """Return the rank of the pair that the interval starts at, and ends at from above.

    None if even the extremes of all pairs prove too little.
    """
    if n + m > _MOST_EXACT:
        spread = math.sqrt(n * m * (n + m + 1) / 12)
        return round(n * m / 2 - probit((1 + CONFIDENCE) / 2) * spread)
    shares = np.cumsum(_orders(n, m)) / math.comb(n + m, n)
    below = int(np.searchsorted(shares, (1 - CONFIDENCE) / 2, side="right"))
    return below if below else None


def _orders(n: int, m: int) -> Lanes:
    """Return in how many orders of n + m values U is 0, 1, … n m.

    The coefficients of Gauss's binomial: the product of 1 - q^(m + i) over that of
    1 - q^i, for i = 1 … n, each division exact.
    """
    counts = np.zeros(n * m + 1)
    counts[0] = 1.0
    for i in range(1, n + 1):
        shifted = counts[: max(0, len(counts) - (m + i))].copy()
        counts[m + i :] -= shifted
        for start in range(i, len(counts)):
            counts[start] += counts[start - i]
    return counts


def _notes(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    for name in ("quiver", "processor", "threads", "source"):
        if first[name] != second[name]:
            yield f"{name}: {first[name]} and {second[name]}"
    if first["recall"] != second["recall"]:
        yield "recall differs: codes, graph or answers are not the same"
    names = [{one["backend"] for one in bench["backends"]} for bench in (first, second)]
    for backend in sorted(names[0] ^ names[1]):
        whose = "first" if backend in names[0] else "second"
        yield f"{backend} was measured in the {whose} alone"


def read_bench(path: Path) -> dict[str, Any]:
    """Return the document that ``quiver bench --json`` wrote.

    Raises
    ------
    FileAccessError
        If the file cannot be read.
    FileFormatError
        If it is no such document; the message says what is wrong with it.
    """
    with os_errors("read", path), path.open("rb") as file:
        raw = file.read(_MOST_BYTES + 1)
    try:
        document = json.loads(raw) if len(raw) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        msg = f"{path} must be a document of `quiver bench --json`, marked {FORMAT!r}"
        raise FileFormatError(msg)
    for fault in _faults(document):
        msg = f"{path}: {fault}; write it again by `quiver bench --json`"
        raise FileFormatError(msg)
    return document


def _faults(document: dict[str, Any]) -> Iterator[str]:
    for name in (*_SAME, "quiver", "processor", "threads", "source"):
        if name not in document:
            yield f"{name} must be given"
    recall = document.get("recall")
    if not isinstance(recall, dict) or not _is_real(recall.get("mean")):
        yield "recall must hold its mean"
    backends = document.get("backends")
    if not isinstance(backends, list) or not backends:
        yield "backends must be a list of at least one"
        return
    for one in backends:
        if not isinstance(one, dict) or not isinstance(one.get("backend"), str):
            yield "every backend must have its name"
        elif not _has_turns(one.get("turns")):
            yield f"{one['backend']} must have 1 … {_MOST_TURNS} turns above 0 of " + (
                ", ".join(FIGURES)
            )


def _has_turns(turns: Any) -> bool:
    return isinstance(turns, dict) and all(
        isinstance(turns.get(figure), list)
        and 1 <= len(turns[figure]) <= _MOST_TURNS
        and all(_is_real(value) and value > 0 for value in turns[figure])
        for figure in FIGURES
    )


def _is_real(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
