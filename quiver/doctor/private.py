"""What strangers need not know: where somebody's folders are and what their names say.

A path becomes its kind. Inside an environment the rest of it is the layout of Python
and stays; below a home or elsewhere it is a person's own words and goes.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ENVIRONMENT, PYTHON, HOME = "<environment>", "<python>", "~"
TEMPORARY, ELSEWHERE = "<temporary>", "<elsewhere>"
KEEP_REST = {ENVIRONMENT, PYTHON}

# From the root of a path to what may end it in a sentence. Names have blanks, so words
# after a path may go with it: too much taken out is better than too little.
_PATH = re.compile(
    r"(?<![\w/\\.~>])(?<!http:)(?<!https:)(?:[A-Za-z]:[\\/]|\\\\|/)[^\n:'\"<>,;()|]+"
)


def without_private(value: Any) -> Any:
    """Return a document of JSON with a kind instead of every absolute path."""
    if isinstance(value, dict):
        return {key: without_private(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_private(inner) for inner in value]
    return shorten(value) if isinstance(value, str) else value


def shorten(text: str) -> str:
    """Return the text with a kind instead of every absolute path."""
    roots = _roots()
    for root, kind in roots:
        if kind in KEEP_REST:
            text = re.sub(re.escape(root) + r"(?![\w.-])", kind, text)
    return _PATH.sub(lambda found: _kind(found.group(), roots), text)


def _kind(path: str, roots: list[tuple[str, str]]) -> str:
    return next(
        (kind for root, kind in roots if Path(path).is_relative_to(root)), ELSEWHERE
    )


def _roots() -> list[tuple[str, str]]:
    """Return folders and their kinds, those inside of others first."""
    folders = [
        (sys.prefix, ENVIRONMENT),
        (sys.base_prefix, PYTHON),
        (os.path.expanduser("~"), HOME),
        (tempfile.gettempdir(), TEMPORARY),
    ]
    real = [(os.path.realpath(folder), kind) for folder, kind in folders]
    # A home may be "/", which would be the kind of everything, or not known: "~".
    meant = [pair for pair in folders + real if len(Path(pair[0]).parts) > 1]
    return sorted(meant, key=lambda pair: -len(pair[0]))
