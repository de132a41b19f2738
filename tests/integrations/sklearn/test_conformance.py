"""Tests that scikit-learn wrote: of any estimator, and of its own transformers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs the extra `sklearn`")

HELPERS = Path(__file__).parents[2] / "helpers"
OWN_TESTS = (
    "sklearn.neighbors.tests.test_graph",
    "sklearn.neighbors.tests.test_neighbors_pipeline",
)
CHECK = """
import collections, sys, warnings
from sklearn.utils.estimator_checks import check_estimator
import quiver.integrations.sklearn as ours

warnings.simplefilter("ignore")
found = check_estimator(getattr(ours, sys.argv[1])(), on_fail=None)
for one in found:
    if one["status"] != "passed":
        print(one["check_name"], one["status"], repr(one["exception"]))
print(dict(collections.Counter(one["status"] for one in found)))
"""


def run_python(*args, cwd):
    search_path = os.pathsep.join([*filter(None, sys.path), str(HELPERS)])
    # The check of array interfaces skips without the first.
    done = subprocess.run(
        [sys.executable, *args],
        env={**os.environ, "SCIPY_ARRAY_API": "1", "PYTHONPATH": search_path},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    print(done.stdout, done.stderr)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("name", ["QuiverNeighbors", "QuiverTransformer"])
def test_every_check_of_an_estimator_passes_and_none_is_skipped(name, tmp_path):
    code, lines = run_python("-c", CHECK, name, cwd=tmp_path)
    assert code == 0
    assert lines[0].startswith("{'passed': ")
    assert int(lines[0].strip("{}").split(": ")[1]) >= 40


def test_the_tests_of_the_transformers_pass_with_ours_in_their_place(tmp_path):
    plugins = ("-p", "swapped_transformers", "-p", "no:cacheprovider")
    code, lines = run_python(
        *("-m", "pytest", "-q", "--pyargs", *plugins, *OWN_TESTS), cwd=tmp_path
    )
    assert code == 0
    assert lines[-1].startswith("12 passed")
    # A proof that they tested ours.
    fitted = {line.split()[0] for line in lines if " of quiver: " in line}
    assert fitted == {"KNeighborsTransformer", "RadiusNeighborsTransformer"}
