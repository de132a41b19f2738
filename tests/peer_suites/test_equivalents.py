"""The tables of calls in docs/migrating.md, run as the scripts that they are.

Quiver's column always runs; the other where its library is installed, as by `make
migrating`, and then both must find the same.
"""

from __future__ import annotations

import importlib
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written_pages import ROOT

import quiver

MODULES = {
    "hnswlib": "hnswlib",
    "faiss": "faiss",
    "usearch": "usearch.index",
    "pynndescent": "pynndescent",
}
PAGE = (ROOT / "docs" / "migrating.md").read_text("utf-8")


def table(library: str) -> list[list[list[str]]]:
    """Return the spans of code in each cell of a library's table, row by row."""
    section = re.search(rf"^### {library}\n(.+?)^##", PAGE, re.M | re.S)[1]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    cells = (re.split(r" \| ", line.strip("| ")) for line in lines)
    return [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in cells]


def given(folder: Path) -> dict[str, Any]:
    """Return what the page says that the tables begin with."""
    rows = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    known = {"rows": rows, "ids": np.arange(1000, 1300), "q": rows[:3] + 0.01}
    return {**known, "path": str(folder / "index"), "np": np, "pickle": pickle}


def run(spans: list[str], names: dict[str, Any]) -> Any:
    """Run the spans of a cell and return the value of the last; bare names are none."""
    value = None
    for span in spans:
        if span.isidentifier():
            continue
        try:
            value = eval(span, names)
        except SyntaxError:
            exec(span, names)
    return plain(value)


def plain(value: Any) -> Any:
    """Return what two libraries can be compared by: ids found, or numbers."""
    if isinstance(value, tuple):
        ids = [part for part in value if np.asarray(part).dtype.kind in "iu"][-1]
        # Three are offsets, distances and ids of all queries.
        return sorted(ids.tolist()) if len(value) == 3 else ids
    if hasattr(value, "offsets"):
        return sorted(value.ids.tolist())
    if hasattr(value, "distances"):
        value = value.ids if hasattr(value, "ids") else value.keys
    # An index of another library may be iterated without end.
    if not isinstance(value, (np.ndarray, list, int)):
        return None
    array = np.asarray(value)
    return np.sort(array) if array.ndim == 1 and array.dtype.kind in "iu" else array


def agreement(there: Any, here: Any) -> float:
    """Return how much of the same was found; a graph may miss one of many."""
    there, here = np.asarray(there), np.asarray(here)
    assert there.shape == here.shape
    if here.ndim == 2 and here.dtype.kind in "iu":
        pairs = zip(there.tolist(), here.tolist(), strict=True)
        return float(np.mean([len({*a} & {*b}) / len(b) for a, b in pairs]))
    return float(np.allclose(there, here, atol=1e-5))


@pytest.mark.parametrize("library", MODULES)
def test_every_call_in_our_column_runs(library, tmp_path):
    if quiver.get_backend().name == "reference":
        pytest.skip("only the reference is here: too slow for all these builds")
    names = {**given(tmp_path), "quiver": quiver}
    rows = table(library)
    assert len(rows) >= 9
    found = [run(ours, names) for _, ours in rows]
    assert sum(value is not None for value in found) >= 5


# What other libraries do that NumPy or Numba will refuse some day is not ours to judge.
@pytest.mark.filterwarnings("default::DeprecationWarning")
@pytest.mark.parametrize("library", MODULES)
def test_both_columns_find_the_same(library, tmp_path):
    pytest.importorskip(library, reason="`make migrating` installs it")
    importlib.import_module(MODULES[library])
    theirs = {**given(tmp_path), library: importlib.import_module(library)}
    ours = {**given(tmp_path / "ours"), "quiver": quiver}
    (tmp_path / "ours").mkdir()
    n_compared = 0
    for left, right in table(library):
        there, here = run(left, theirs), run(right, ours)
        if there is None or here is None:
            continue
        n_compared += 1
        assert agreement(there, here) >= 0.9, f"{left}, {right}: {there}, {here}"
    assert n_compared >= 4
