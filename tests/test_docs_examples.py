"""Every ``>>>`` of the guides, the README and the docstrings, executed."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import quiver
from quiver.backends import registry

pytest.importorskip("sybil", reason="needs the extra `test`")

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]
# Notebooks are run by tests/test_course.py.
PAGES = [page for page in PAGES if page.parent != ROOT / "docs" / "course"]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# These build thousands of rows, which takes the NumPy kernels many minutes.
NEED_COMPILED = {
    "docs/tutorial.md",
    "docs/explain.md",
    "docs/filters.md",
    "docs/limits.md",
    "docs/living.md",
    "docs/diagnosis.md",
    "docs/parameters.md",
    "docs/boundary.md",
    "README.md",
    "quiver",
    "quiver.index",
    "quiver.diagnosis.diagnose",
    "quiver.evaluation.evaluate",
    "quiver.evaluation.tune",
}

# The package that an extra is there for, by the word in the names of ours.
EXTRAS = {
    "sklearn": "sklearn",
    "langchain": "langchain_core",
    "haystack": "haystack",
    "llamaindex": "llama_index.core",
}
# Of the extra `serve`.
SERVED = {
    "docs/serving": "fastapi",
    "service.app": "fastapi",
    "service.running": "uvicorn",
}


def need_compiled(name: str) -> None:
    if name in NEED_COMPILED and quiver.get_backend().name == "reference":
        pytest.skip("only the reference backend is here: too slow for this page")


def need_extra(name: str) -> None:
    if name == "docs/vectors.md":
        pytest.importorskip("pyarrow", reason="needs the extra `io`")
    for extra, module in EXTRAS.items():
        if extra in name:
            pytest.importorskip(module, reason=f"needs the extra `{extra}`")
    for word, module in SERVED.items():
        if word in name:
            pytest.importorskip(module, reason="needs the extra `serve`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_of_a_page_runs(page, tmp_path, monkeypatch):
    name = page.relative_to(ROOT).as_posix()
    need_compiled(name)
    need_extra(name)
    # Pages may save files and register backends; neither outlives the page.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_loaders", dict(registry._loaders))
    parsers = [PythonCodeBlockParser(doctest_optionflags=OPTIONS), SkipParser()]
    document = Sybil(parsers=parsers, path=str(page.parent)).parse(page)
    for example in document.examples():
        example.evaluate()


def test_pages_were_found_and_hold_examples():
    names = {page.name for page in PAGES}
    assert {"README.md", "tutorial.md", "distance.md", "prune.md"} <= names
    n_examples = sum(page.read_text("utf-8").count(">>> ") for page in PAGES)
    assert n_examples > 100


def module_names() -> list[str]:
    """Return every module whose import needs no extra."""
    walked = pkgutil.walk_packages(quiver.__path__, "quiver.")
    optional = (
        *("quiver.cli", "quiver.backends._numba", "quiver.backends._simd"),
        "quiver.backends.numba_backend",
    )
    return [info.name for info in walked if not info.name.startswith(optional)]


@pytest.mark.parametrize("name", ["quiver", *module_names()])
def test_every_example_of_a_docstring_runs(name):
    need_compiled(name)
    need_extra(name)
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=OPTIONS)
    assert result.failed == 0
