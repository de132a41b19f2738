"""Mutants of C: what may be changed in a header, and its text so changed."""

from __future__ import annotations

import re
from bisect import bisect
from typing import NamedTuple

from mutants.naming import MODULE, Change, told_apart

OPERATORS = {
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "<<": ">>",
    ">>": "<<",
    "&": "|",
    "|": "&",
    "^": "|",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "&&": "||",
    "||": "&&",
    "+=": "-=",
    "|=": "&=",
    "^=": "|=",
}
# An operator stands between blanks, so that pointers and signs are none.
_TOKEN = re.compile(
    r"(?<= )(?:[-+*/&|^]|<<|>>|[<>]=?|[=!]=|&&|\|\||[+|^]=)(?= )"
    r"|(?<![\w.])(?:0x[0-9A-Fa-f]+|\d+(?:\.\d+)?(?:e-?\d+)?)(?=f?\b)(?![\w.]*[\w]\()"
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SKIPPED = re.compile(
    r"^\s*#.*$"
    r"|^.*(?:PREFETCH|prefetch|malloc|memset|align_up|room|_Static_assert).*$"
    r"|^\s*[\w ]+\[\w+\](?:\[\w+\])?(?: = .*)?;$",
    re.MULTILINE,
)
"""Directives, and sizes of memory and prefetches, which no result shows."""


_FUNCTION = re.compile(r"^\w[^\n;={]*?(\w+)\(", re.MULTILINE)


class Site(NamedTuple):
    """One token and what it becomes."""

    start: int
    before: str
    after: str


def sites_in(text: str) -> list[Site]:
    """Return every change that may be made in a header."""
    code = _SKIPPED.sub(_blank, _COMMENT.sub(_blank, text))
    return [
        Site(token.start(), token[0], _changed(token[0]))
        for token in _TOKEN.finditer(code)
    ]


def described(text: str, sites: list[Site]) -> list[Change]:
    """Return changes by function and words."""
    functions = [*_FUNCTION.finditer(_COMMENT.sub(_blank, text))]
    starts, lines = [found.start() for found in functions], text.splitlines()
    changes = []
    for site in sites:
        number = text.count("\n", 0, site.start) + 1
        place = bisect(starts, site.start)
        function = functions[place - 1][1] if place else MODULE
        words = f"{site.before} -> {site.after}"
        changes.append(Change(number, function, words, lines[number - 1].strip()))
    return told_apart(changes)


def planted(text: str, site: Site) -> str:
    """Return a header with one change made."""
    stop = site.start + len(site.before)
    return text[: site.start] + site.after + text[stop:]


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def _changed(token: str) -> str:
    if token in OPERATORS:
        return OPERATORS[token]
    if token.startswith("0x"):
        return hex(int(token, 16) ^ 1)
    if re.search(r"[.e]", token):
        return repr(float(token) + 1)
    return str(int(token) + 1)
