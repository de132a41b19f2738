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
from sybil.parsers.markdown import PythonCodeBlockParser
from written_pages import name_of, pages

# Notebooks are run by tests/test_course.py.
PAGES = [page for page in pages() if page.parts[-2] != "course"]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# These build thousands of rows, which takes the NumPy kernels many minutes.
NEED_COMPILED = {
    "docs/tutorial.md",
    "docs/explain.md",
    "docs/lab.md",
    "docs/filters.md",
    "docs/limits.md",
    "docs/living.md",
    "docs/diagnosis.md",
    "docs/parameters.md",
    "docs/audit.md",
    "docs/boundary.md",
    "README.md",
    "quiver",
    "quiver.index",
    "quiver.auditing.audit",
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
# Of the extra `io`.
READ = {"docs/vectors.md": "pyarrow", "docs/how-to/ann-benchmarks.md": "h5py"}
# Of the extra `serve`.
SERVED = {
    "docs/serving": "fastapi",
    "how-to/web-server": "fastapi",
    "service.app": "fastapi",
    "service.running": "uvicorn",
    "lab.app": "fastapi",
}


# These build for every hazard, and for every width.
SLOW = {"docs/limits.md", "docs/parameters.md"}


def as_parameter(page: Path):
    """Return a page under its name, marked if it takes many seconds."""
    name = name_of(page)
    return pytest.param(page, id=name, marks=[pytest.mark.slow] * (name in SLOW))


def need_compiled(name: str) -> None:
    # Each of these is short, but twenty of them build several indexes.
    is_slow = name in NEED_COMPILED or name.startswith("docs/how-to/")
    if is_slow and quiver.get_backend().name == "reference":
        pytest.skip("only the reference backend is here: too slow for this page")


def need_extra(name: str) -> None:
    if name in READ:
        pytest.importorskip(READ[name], reason="needs the extra `io`")
    for extra, module in EXTRAS.items():
        if extra in name:
            pytest.importorskip(module, reason=f"needs the extra `{extra}`")
    for word, module in SERVED.items():
        if word in name:
            pytest.importorskip(module, reason="needs the extra `serve`")


@pytest.mark.parametrize("page", [as_parameter(page) for page in PAGES])
def test_every_example_of_a_page_runs(page, tmp_path, monkeypatch):
    name = name_of(page)
    need_compiled(name)
    need_extra(name)
    # Pages may save files and register backends; neither outlives the page.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_loaders", dict(registry._loaders))
    parsers = [PythonCodeBlockParser(doctest_optionflags=OPTIONS)]
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
