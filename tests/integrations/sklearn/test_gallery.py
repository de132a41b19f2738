"""Every example of the gallery, run as a reader would, on a part of its rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs the extra `sklearn`")
pytest.importorskip("matplotlib", reason="needs the extra `plot`")

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
NAMES = sorted(
    path.stem
    for path in EXAMPLES.glob("*.py")
    if path.stem != "picture" and not path.stem.endswith("_search")
)
UMAP = ("umap", "umap-learn")
ALSO_NEEDS = {"umap_embedding": UMAP, "topics": UMAP, "cells": ("scanpy", "scanpy")}
ROWS = {"umap_embedding": 1000, "outliers": 2000, "topics": 1500}


@pytest.mark.parametrize("name", NAMES)
def test_an_example_writes_its_picture_and_says_what_it_shows(name, tmp_path):
    if name in ALSO_NEEDS:
        module, package = ALSO_NEEDS[name]
        pytest.importorskip(module, reason=f"needs {package}")
    picture = tmp_path / "picture.png"
    rows = str(ROWS.get(name, 400))
    # Two processes of tests with as many threads each would wait for each other.
    one_thread = {"OMP_NUM_THREADS": "1"}
    search_path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), str(picture), "--rows", rows],
        env={**os.environ, **one_thread, "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert " points)" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert (EXAMPLES / f"{name}.png").exists()
