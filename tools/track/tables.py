"""Tables of the front page: releases side by side, and what moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from quiver.pages.page import Html, table
from track.commits import Commit
from track.headlines import HEADLINES, Headline
from track.history import Entry
from track.steps import Step
from track.words import change, evidence, number

MAX_COLUMNS = 5
_WIDTH, _HEIGHT, _MARGIN = 120, 24, 3


def side_by_side(
    backend: str, entries: Sequence[Entry], line: Mapping[str, Commit]
) -> str:
    """Return the headline numbers of a backend, a column per release or commit."""
    columns = shown(entries, line)
    heads = [f"{line[one.commit].name}, {line[one.commit].date}" for one in columns]
    names = [
        name
        for name in HEADLINES
        if any(name in one.values.get(backend, {}) for one in columns)
    ]
    rows = (_row(HEADLINES[name], backend, columns, entries) for name in names)
    n_commits = len(entries)
    headings = ("", *heads, "change of the last", f"over {n_commits} commits")
    return table(headings, rows, caption=backend)


def shown(entries: Sequence[Entry], line: Mapping[str, Commit]) -> Sequence[Entry]:
    """Return the last releases and what came since; without releases, commits."""
    releases = [entry for entry in entries if line[entry.commit].release]
    if not releases:
        return entries[-MAX_COLUMNS:]
    since = [] if entries[-1] is releases[-1] else [entries[-1]]
    return [*releases, *since][-MAX_COLUMNS:]


def _row(
    headline: Headline,
    backend: str,
    columns: Sequence[Entry],
    entries: Sequence[Entry],
) -> list[object]:
    values = [one.values.get(backend, {}).get(headline.name) for one in columns]
    every = (one.values.get(backend, {}).get(headline.name) for one in entries)
    before = values[-2] if len(values) > 1 else None
    return [
        _linked(headline),
        *(number(headline, value) for value in values),
        change(headline, before, values[-1]),
        _trend(headline, [value for value in every if value is not None]),
    ]


def _linked(headline: Headline) -> str:
    if not headline.benchmark:
        return headline.words
    address = escape(f"asv/index.html#{headline.benchmark}")
    return Html(f'<a href="{address}">{escape(headline.words)}</a>')


def _trend(headline: Headline, values: Sequence[float]) -> Html:
    """Return a small line from the oldest number to the newest."""
    low, span = min(values), max(values) - min(values) or 1.0
    x_step = (_WIDTH - 2 * _MARGIN) / max(1, len(values) - 1)
    y_step = (_HEIGHT - 2 * _MARGIN) / span
    points = [
        (
            round(_MARGIN + place * x_step, 1),
            round(_HEIGHT - _MARGIN - (value - low) * y_step, 1),
        )
        for place, value in enumerate(values)
    ]
    path = " ".join(f"{x},{y}" for x, y in points)
    x, y = points[-1]
    words = (
        f"from {number(headline, values[0])} to {number(headline, values[-1])}, "
        f"least {number(headline, low)}, most {number(headline, max(values))}"
    )
    return Html(
        f'<svg role="img" width="{_WIDTH}" height="{_HEIGHT}">'
        f"<title>{escape(words)}</title>"
        f'<polyline points="{path}" fill="none" stroke="#0072b2" stroke-width="1.5"/>'
        f'<circle cx="{x}" cy="{y}" r="2.5" fill="#0072b2"/></svg>'
    )


def moved(steps: Sequence[Step], line: Mapping[str, Commit]) -> str:
    """Return steps as a table, the newest first, backends that agree in one row."""
    order = {commit: place for place, commit in enumerate(line)}
    ordered = sorted(steps, key=lambda step: (-order[step.first.commit], _alike(step)))
    headings = (
        *("what", "where", "from this commit on"),
        *("before", "since", "change", "evidence"),
    )
    rows = (
        _moved_row([*group], line, order) for _, group in groupby(ordered, key=_alike)
    )
    return table(headings, rows, words=True)


def _alike(step: Step) -> tuple[object, ...]:
    return step.place, step.headline, step.last, step.first


def _moved_row(
    group: Sequence[Step], line: Mapping[str, Commit], order: Mapping[str, int]
) -> Iterator[object]:
    step = group[0]
    headline = step.headline
    yield _linked(headline)
    yield f"{', '.join(each.backend for each in group)}; {step.place}"
    first, last = line[step.first.commit], line[step.last.commit]
    # The gate's baseline moved at that very commit.
    measured = bool(headline.benchmark)
    between = measured and order[first.commit] - order[last.commit] - 1
    unsure = f" or one of the {between} before it" if between else ""
    yield f"{first.name}{unsure}: {first.subject}"
    yield number(headline, step.last.value)
    yield number(headline, step.first.value)
    yield change(headline, step.last.value, step.first.value)
    yield evidence(step)
