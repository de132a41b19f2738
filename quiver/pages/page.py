"""A page of headings, tables and drawings: no script, no outside file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 70em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
td, th { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left }
.words td, .words th { text-align: left; vertical-align: top }
caption { text-align: left; font-weight: bold }
svg { margin: .5em }
"""


class Html(str):
    """Text that is HTML already, and is put on a page as it is."""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page of parts that are HTML already."""
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>\n{body}\n</body></html>\n"
    )


def table(
    headings: Sequence[object],
    rows: Iterable[Iterable[object]],
    *,
    caption: str = "",
    words: bool = False,
) -> str:
    """Return a table of texts and numbers, escaped unless they are `Html`.

    Numbers stand to the right, ``words`` to the left.
    """
    head = "".join(f'<th scope="col">{_inside(cell)}</th>' for cell in headings)
    lines = [
        "<tr>" + "".join(f"<td>{_inside(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    ]
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    kind = ' class="words"' if words else ""
    return f"<table{kind}>{named}<tr>{head}</tr>{''.join(lines)}</table>"


def heading(text: str, level: int = 2) -> str:
    """Return a heading, escaped."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str) -> str:
    """Return a paragraph, escaped."""
    return f"<p>{escape(text)}</p>"


def bullets(texts: Iterable[str]) -> str:
    """Return a list of texts, escaped."""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def code(lines: Iterable[str]) -> str:
    """Return lines as they are, escaped."""
    return "<pre>" + escape("\n".join(lines)) + "</pre>"


def _inside(content: object) -> str:
    return content if isinstance(content, Html) else escape(str(content))
