"""An audit as one page, HTML or Markdown: verdicts, tables, what was not rebuilt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from quiver.auditing.cells import Table
from quiver.auditing.claim import WORKS, Claim
from quiver.auditing.judging import FEWEST_MISSES, PLATEAU
from quiver.auditing.published import EF
from quiver.auditing.record import SOURCE, Audit, told
from quiver.pages.page import bullets, heading, page, paragraph, table

RULE = (
    "Confirmed: the interval of what was measured (95 %, of the queries) lies inside "
    "the region that the rule names. Not reproduced: all of it lies outside. Depends "
    "on: it crosses the edge, so more queries would decide, or the claim is of other "
    "data in a way that the reason names. A region of misses asks for at least half of "
    "a published effect, on the scale of logarithms; of no difference, for at most "
    f"{PLATEAU:g} times as many either way. Where the worse of two settings misses "
    f"fewer than {FEWEST_MISSES} neighbours, nothing is judged; nor are Tables 7-10 "
    f"where the code finds less than {WORKS:g} % at ef={EF}, nor m, ef_c and alpha "
    "where the code alone, without a graph, loses more than half of what is missed. "
    "Of the two walks, by Hamming as the published program does and by the printed "
    "weights, those that are not so ruled out must agree."
)

NOT_REBUILT = (
    "Tables 3 and 6, and all queries per second and seconds: of another computer and "
    "16 threads. Ratios of seconds, where they were asked for; quiver beside other "
    "libraries is in docs/peers.md.",
    "Nanoseconds of a distance, Table 10: its 2-bit SQ has another kernel here.",
    "RedCaps-1M of Table 11: nothing is known of it by which it could be drawn.",
    "Table 12, five million rows, and Table 13, the rate of strong coordinates, which "
    "the paper itself finds to predict nothing; quiver.diagnose tells it.",
    "Random candidates while building, rounds of 256 rows on locks, and row 0 as the "
    "start of every walk: the graph here is built in deterministic batches, and walks "
    "start at the row nearest the mean.",
)


class _Part(NamedTuple):
    """A heading, sentences, and a table if it has rows."""

    title: str
    texts: tuple[str, ...]
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    words: bool = False


def to_html(audit: Audit) -> str:
    """Return one self-contained page."""
    title = f"quiver audit: {audit.data.name}"
    parts = [heading(title, 1), paragraph(RULE)]
    for part in _parts(audit):
        parts.append(heading(part.title))
        parts += map(paragraph, part.texts)
        if part.rows:
            parts.append(table(part.headings, part.rows, words=part.words))
    parts += [heading("What was not rebuilt"), bullets(NOT_REBUILT)]
    return page(title, parts)


def to_markdown(audit: Audit) -> str:
    """Return claims and tables as a section for a page that tells the rule."""
    lines = []
    for number, part in enumerate(_parts(audit)):
        lines += [f"{'####' if number else '###'} {_plain(part.title)}", ""]
        for text in part.texts:
            lines += [_plain(text), ""]
        if part.rows:
            lines += [_line(part.headings), _line(("---",) * len(part.headings))]
            lines += [*map(_line, part.rows), ""]
    return "\n".join(lines)


def _parts(audit: Audit) -> Iterator[_Part]:
    data, counts = audit.data, audit.verdicts()
    asked = "given" if data.queries_given else "rows held out"
    yield _Part(
        str(data),
        (
            f"Measured on {data.n:,} of {data.n_given:,} rows and {data.n_queries:,} "
            f"queries ({asked}), seed {data.seed}: not the data that {SOURCE} is "
            "about. Absolute figures depend on the data and fall as rows get more; "
            "relations between settings can be compared.",
            *_metric_note(audit),
        ),
    )
    yield _of_claims(f"Claims: {told(counts)}", (), audit.claims)
    if audit.times:
        busy = (audit.times.busy,) if audit.times.busy else ()
        yield _of_claims("Ratios of seconds", busy, audit.times.claims)
    for one in audit.tables:
        yield _of_table(one)


def _metric_note(audit: Audit) -> tuple[str, ...]:
    if audit.data.metric == "cosine":
        return ()
    return (
        "The published method codes directions and is claimed for cosine. Here the "
        "true neighbours are the Euclidean ones, as somebody with such data would ask.",
    )


def _of_claims(title: str, texts: tuple[str, ...], claims: tuple[Claim, ...]) -> _Part:
    headings = ("verdict", "table", "claim", "published", "confirmed if", "found")
    rows = tuple(
        (word, claim.table, claim.statement, claim.published, claim.rule, reason)
        for claim in claims
        for word, reason in (claim.verdict,)
    )
    return _Part(title, texts, headings, rows, words=True)


def _of_table(one: Table) -> _Part:
    headings = (one.label, *one.columns, "measured on")
    rows = tuple((row.label, *map(str, row.cells), row.measured_on) for row in one.rows)
    return _Part(
        f"Table {one.number}. {one.title}",
        (f"Published / measured. {one.note}",),
        headings,
        rows,
    )


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is, in one line."""
    return re.sub(r"([\\|<>*_`\[\]])", r"\\\1", " ".join(text.split()))
