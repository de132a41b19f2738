"""The Markdown pages of the repository: their links, their anchors, their blocks.

Both readers count: a link must lead somewhere on GitHub and in what Sphinx builds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "examples", "quiver")
LANDING = ("README.md", "docs/index.md")
# What a build makes is no page, and pictures in there are held by test_figures.py.
BUILT = "_build"
# Of a page of Sphinx, as `myst_heading_anchors` of docs/conf.py says.
SPHINX_LEVELS, ALL_LEVELS = 3, 6

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)"
    r"^ *(?P=fence)[`~]* *$",
    re.MULTILINE | re.DOTALL,
)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$", re.MULTILINE)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]*)")
_WORDLESS = re.compile(r"\[\s*\]\(\s*<?([^)\s>]*)")
_TAG = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=\"([^\"]*)\"")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]: *(\S+)", re.MULTILINE)
_FORMS = (_LINK, _TAG, _REFERENCE)
_BARE = re.compile(r"\bhttps?:/[^\s)>\]\"]*", re.IGNORECASE)
_NAMED = re.compile(r"<a\b[^>]*\b(?:id|name)=\"([^\"]+)\"")
_CONTENTS = re.compile(r"^(?!:)(?:.*<)?([^\s<>]+)>?$", re.MULTILINE)
_READS = ("include", "literalinclude", "image", "figure")


class Block(NamedTuple):
    """One fenced block of a page."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def pages(root: Path = ROOT) -> list[Path]:
    """Return every page; templates in `tools/` are pages once they are filled in."""
    found = [*root.glob("*.md")]
    for folder in FOLDERS:
        found += (root / folder).rglob("*.md")
    return sorted(page for page in found if BUILT not in page.parts)


def name_of(page: Path, root: Path = ROOT) -> str:
    """Return the path of a page as others write it."""
    return page.relative_to(root).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page; ``info`` is what stands behind the fence."""
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["info"].strip(), found["text"])


def faults(root: Path = ROOT) -> list[str]:
    """Return what is wrong with links, by page: dead, malformed, without words."""
    return [
        f"{name_of(page, root)}: {target}: {problem}"
        for page in pages(root)
        for target, problem in _problems(page, root)
    ]


def unreached(root: Path = ROOT) -> set[str]:
    """Return the pages to which no way leads from the landing pages."""
    open_pages = [root / name for name in LANDING]
    reached = set(open_pages)
    while open_pages:
        page = open_pages.pop()
        targets = {_file(page, target) for target in [*_targets(page), *_read(page)]}
        new = {file for file in targets - reached if file.suffix == ".md"}
        reached |= new
        open_pages += [file for file in new if file.is_file()]
    return {name_of(page, root) for page in pages(root) if page not in reached}


def anchors(page: Path) -> set[str]:
    """Return the names that ``page.md#name`` may have, with those of parts included."""
    text = _FENCE.sub("", "\n".join(map(_whole, [page, *_parts(page)])))
    levels = SPHINX_LEVELS if "docs" in page.parts else ALL_LEVELS
    found: set[str] = {*_NAMED.findall(text)}
    for marks, heading in _HEADING.findall(text):
        slug, number = _slug(heading), 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        if len(marks) <= levels:
            found.add(name)
    return found


def _parts(page: Path) -> list[Path]:
    directives = (_directive(block) for block in blocks(page))
    return [_file(page, name) for kind, name in directives if kind == "include"]


def _whole(page: Path) -> str:
    return page.read_text("utf-8") if page.is_file() else ""


def _slug(heading: str) -> str:
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def _prose(page: Path) -> str:
    """Return a page without its code, in which nothing is a link."""
    return _CODE.sub("`code`", _FENCE.sub("", page.read_text("utf-8")))


def _targets(page: Path) -> list[str]:
    prose = _prose(page)
    return [found for form in _FORMS for found in form.findall(prose)]


def _read(page: Path) -> Iterator[str]:
    """Yield what directives read: files, and the pages of a table of contents."""
    for block in blocks(page):
        kind, name = _directive(block)
        if kind in _READS:
            yield name
        elif kind == "toctree":
            yield from (f"{name}.md" for name in _CONTENTS.findall(block.text))


def _directive(block: Block) -> tuple[str, str]:
    """Return kind and argument of what Sphinx does with a block, empty if nothing."""
    found = re.match(r"\{(\w+)\} *(\S*)", block.info)
    return (found[1], found[2]) if found else ("", "")


def _problems(page: Path, root: Path) -> Iterator[tuple[str, str]]:
    prose = _prose(page)
    for target in dict.fromkeys([*_targets(page), *_read(page)]):
        if problem := _problem(page, target, root):
            yield target, problem
    for url in dict.fromkeys(_BARE.findall(prose)):
        if problem := _problem_outside(url.rstrip(".,;:'")):
            yield url, problem
    for target in _WORDLESS.findall(prose):
        yield target, "has no words that say what is there"


def _problem(page: Path, target: str, root: Path) -> str | None:
    if re.match(r"\w+:", target):
        # Told with the other addresses, as far as they are any.
        return None if _BARE.match(target) else "must be https or relative"
    path, _, anchor = target.partition("#")
    file = _file(page, target)
    if BUILT in file.parts:
        return None
    if root not in file.parents or not file.exists():
        return "no such file"
    if anchor and (file.suffix != ".md" or anchor not in anchors(file)):
        return "no such heading"
    return None if path or anchor else "leads nowhere"


def _problem_outside(url: str) -> str | None:
    """Return what is wrong with the form of an address; nothing is fetched."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return "must be https"
    well_formed = re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc)
    return None if well_formed else "has no well-formed host"


def _file(page: Path, target: str) -> Path:
    path = target.partition("#")[0]
    return Path(os.path.normpath(page.parent / path)) if path else page
