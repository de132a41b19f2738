"""A backend from outside: found by entry point, proven by verify, caught if wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import quiver

SOURCE = Path(__file__).parents[1] / "third_party" / "textbook_backend.py"
METADATA = "Metadata-Version: 2.1\nName: textbook-backend\nVersion: 1.0\n"
ENTRY_POINT = "[quiver.backends]\ntextbook = textbook_backend:TextbookBackend\n"

VERIFY = """
import sys
import quiver
report = quiver.verify("textbook", rounds=int(sys.argv[1]))
print(report)
raise SystemExit(0 if report.ok else 1)
"""
OPTIONS = ("--backend", "textbook", "--rounds", "8")
SEARCH = """
import numpy as np
import quiver
points = np.random.default_rng(4).normal(size=(80, 20))
params = quiver.BuildParams(max_degree=6, ef_construction=12)
built = [
    quiver.Index.build(points, params=params, backend=name)
    for name in ("textbook", "reference")
]
assert np.array_equal(built[0].neighbors, built[1].neighbors)
answers = [index.search(points[:9], k=3, ef=8) for index in built]
assert np.array_equal(answers[0].ids, answers[1].ids)
assert np.array_equal(answers[0].stats.hops, answers[1].stats.hops)
print(built[0].backend.name, quiver.get_backend().name)
"""


@pytest.fixture
def site(tmp_path):
    """Install the backend as pip does: a module and its entry point."""
    shutil.copy(SOURCE, tmp_path)
    info = tmp_path / "textbook_backend-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINT)
    return tmp_path


def run(site, *arguments):
    """Run Python where the backend is installed beside this quiver."""
    package = Path(quiver.__file__).parents[1]
    path = os.pathsep.join([str(site), str(package)])
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
    environment.pop("QUIVER_BACKEND", None)
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        cwd=site,
        timeout=300,
    )


def test_the_entry_point_is_found_proven_and_used(site):
    verified = run(site, "-c", VERIFY, "34")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.startswith("backend textbook (target numpy matrices)")
    assert verified.stdout.rstrip().endswith("equal in every bit")
    used = run(site, "-c", SEARCH)
    assert used.returncode == 0, used.stderr
    name, automatic = used.stdout.split()
    assert name == "textbook"
    # A plug-in is used when named, never by surprise.
    assert automatic != "textbook"


@pytest.mark.parametrize(
    ("right", "wrong", "method"),
    [
        ("[-2, -1, 1, 2]", "[-2, -1, 1, 3]", "distance"),
        ("codes.bits > 2", "codes.bits > 4", "distance"),
        ("bias >= np", "bias > np", "prune"),
        ("slack * to_kept <= reach", "slack * to_kept < reach", "prune"),
        ("return beam, hops, len(seen)", "return beam, hops, len(seen) - 1", "search"),
        ("norm2 + bias) - two", "norm2 + bias) * two - two", "distance"),
    ],
)
def test_a_wrong_backend_is_caught(site, right, wrong, method):
    module = site / "textbook_backend.py"
    source = module.read_text("utf-8")
    assert source.count(right) == 1
    module.write_text(source.replace(right, wrong), "utf-8")
    verified = run(site, "-c", VERIFY, "8")
    assert verified.returncode == 1, verified.stdout + verified.stderr
    assert f"first mismatch of {method}:" in verified.stdout
    assert "NOT EQUAL" in verified.stdout


def test_the_command_lists_and_verifies_it(site):
    pytest.importorskip("typer", reason="needs the extra `cli`")
    pytest.importorskip("rich", reason="needs the extra `cli`")
    listed = run(site, "-m", "quiver.cli", "backends")
    assert "textbook" in listed.stdout
    verified = run(site, "-m", "quiver.cli", "verify", *OPTIONS)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "equal in every bit" in verified.stdout


def test_one_that_cannot_load_breaks_nothing(site):
    (site / "textbook_backend.py").write_text("raise RuntimeError('no such device')")
    script = "import quiver; print(*quiver.list_backends(), sep='\\n')"
    listed = run(site, "-c", script)
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stdout.splitlines() if "'textbook'" in line]
    assert "available=False" in line
    assert "no such device" in line
