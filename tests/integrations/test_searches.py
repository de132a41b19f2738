"""Every search of the examples, run as a reader would, on a part of its rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NEEDS = {
    "langchain_search": "langchain_core",
    "haystack_search": "haystack",
    "llamaindex_search": "llama_index.core",
}


def run_python(*args):
    search_path = os.pathsep.join(filter(None, sys.path))
    telling_nobody = {"HAYSTACK_TELEMETRY_ENABLED": "False"}
    done = subprocess.run(
        [sys.executable, *args],
        env={**os.environ, **telling_nobody, "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_search_is_run():
    assert {path.stem for path in EXAMPLES.glob("*_search.py")} == NEEDS.keys()


@pytest.mark.parametrize("name", NEEDS)
def test_an_example_finds_what_is_near_in_meaning(name):
    pytest.importorskip(NEEDS[name], reason=f"needs {NEEDS[name]}")
    printed = run_python(str(EXAMPLES / f"{name}.py"), "--rows", "2000")
    count, plain, short, *_ = printed.split("\n\n")
    assert count.startswith("2000 ")
    assert "generating qr codes" in plain.splitlines()[1]
    answers = [line.split()[1:] for line in short.splitlines()[1:]]
    assert len(answers) == 3
    assert all(len(words) <= 5 for words in answers)


@pytest.mark.parametrize(
    ("extra", "package"), [("haystack", "haystack"), ("llamaindex", "llama_index")]
)
def test_a_missing_framework_is_told_with_what_to_type(extra, package):
    code = f"""
import sys
sys.modules[{package!r}] = None
try:
    import quiver.integrations.{extra}
except ModuleNotFoundError as error:
    print(error)
"""
    assert f"pip install 'quiver-ann[{extra}]'" in run_python("-c", code)
