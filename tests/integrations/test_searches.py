"""Every search of the examples, run as a reader would, on a part of its rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NEEDS = {
    "haystack_search": "haystack",
    "llamaindex_search": "llama_index.core",
}


@pytest.mark.parametrize("name", NEEDS)
def test_an_example_finds_what_is_near_in_meaning(name):
    pytest.importorskip(NEEDS[name], reason=f"needs {NEEDS[name]}")
    search_path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), "--rows", "2000"],
        env={
            **os.environ,
            "PYTHONPATH": search_path,
            "HAYSTACK_TELEMETRY_ENABLED": "False",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2000 ")
    questions = done.stdout.split("\nReact library to generate QR codes")[1:]
    assert len(questions) >= 2
    assert "qr" in questions[0].lower()
