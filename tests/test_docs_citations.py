"""What is cited exists: chapters by path, tests and tools, public names on one page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import quiver

ROOT = Path(__file__).parents[1]
FOLDERS = ("quiver", "tests", "tools", "asv_bench", "docs")
WRITTEN = {".py", ".pyx", ".pyi", ".pxd", ".h", ".c", ".md"}
FRONT_PAGES = sorted(ROOT.glob("*.md"))

PAGE = re.compile(r"\bdocs/[\w/-]+\.md\b")
FILE = re.compile(r"\b(?:tests|tools|asv_bench)/[\w/*-]+(?:\.\w+)+\b")
NOWHERE = re.compile(r"of\s+the\s+specification")


def written_files() -> list[Path]:
    """Return every source and page of the repository."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    pages = [p for p in found if p.suffix in WRITTEN and "_build" not in p.parts]
    return [*pages, *FRONT_PAGES, ROOT / "Makefile", ROOT / ".ci" / "run"]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Return every text by its path."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for path in written_files()
    }


def test_every_cited_page_exists(texts):
    cited = {page for text in texts.values() for page in PAGE.findall(text)}
    assert len(cited) > 10
    assert {page for page in cited if not (ROOT / page).is_file()} == set()


def test_every_cited_test_and_tool_exists(texts):
    cited = {file for text in texts.values() for file in FILE.findall(text)}
    assert len(cited) > 20
    assert {file for file in cited if not any(ROOT.glob(file))} == set()


def test_every_chapter_is_cited_by_the_code_it_describes(texts):
    code = "".join(text for name, text in texts.items() if name.startswith("quiver/"))
    pages = (ROOT / "docs" / "algorithm").glob("*.md")
    chapters = {page.name for page in pages if not page.name.startswith("measured")}
    cited = {Path(page).name for page in PAGE.findall(code)}
    assert chapters - cited == {"index.md"}


def test_nothing_cites_a_specification_beside_the_chapters(texts):
    assert [name for name, text in texts.items() if NOWHERE.search(text)] == []


def test_every_public_name_is_on_the_api_page(texts):
    listed = re.findall(r"^\.\. auto\w+:: (\w+)$", texts["docs/api.md"], re.MULTILINE)
    # A star import may leave out `open`, which would shadow the builtin.
    assert set(listed) == {*quiver.__all__, "open"}


def test_the_citation_and_the_changes_know_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8").splitlines()
    assert f"version: {quiver.__version__}" in citation
    assert f"license: {project['license']}" in citation
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines()
    assert f"## {quiver.__version__}" in changes
    assert project["version"] == quiver.__version__
