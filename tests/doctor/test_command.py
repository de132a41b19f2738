"""The page as a whole: examined once, printed with and without the extra `cli`."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import subprocess
import sys

import pytest

import quiver
from quiver.doctor import command
from quiver.doctor.page import page
from quiver.doctor.problems import find_problems


@pytest.fixture(scope="module")
def document():
    return command.examine(0)


@pytest.fixture
def examined(document, monkeypatch):
    monkeypatch.setattr(command, "examine", lambda: document)
    return document


def test_the_verdict_is_that_of_the_facts(document):
    assert document["problems"] == find_problems(document)
    assert document["ok"] == (not document["problems"])


def test_all_backends_but_the_reference_are_tried(document):
    tried = {trial["backend"] for trial in document["self_test"]}
    available = {info["name"] for info in document["backends"] if info["available"]}
    assert tried == available - {"reference"}


def test_the_page_has_versions_backends_and_every_problem(document):
    told = page(document)
    for fact in (quiver.__version__, document["numpy"], document["python"]):
        assert fact in told
    for info in quiver.list_backends():
        assert f"\n  {info.name} " in told
    assert told.endswith("Nothing is wrong.") == document["ok"]
    assert all(problem in told for problem in document["problems"])
    assert "\x1b" not in told


def test_a_problem_is_printed_and_makes_the_exit_code(document, monkeypatch, capsys):
    bad = {**document, "problems": ["p"], "ok": False}
    monkeypatch.setattr(command, "examine", lambda: bad)
    assert command.run([]) == 1
    assert capsys.readouterr().out.endswith("problem: p\n")


def test_json_is_one_document(examined, capsys):
    assert command.run(["--json"]) == (0 if examined["ok"] else 1)
    assert json.loads(capsys.readouterr().out) == examined


def test_what_can_compare_to_nothing_says_so(document):
    assert "the reference is alone" in page({**document, "self_test": []})


def test_nothing_private_is_on_the_page_that_a_process_prints(tmp_path):
    """As for a person whose every name is known, and who has no typer."""
    home = tmp_path / "zaphod"
    folders = {name: home / name.lower() for name in ("TMPDIR", "NUMBA_CACHE_DIR")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    code = (
        "import sys; sys.modules['typer'] = sys.modules['numba'] = None\n"
        "from quiver.cli import main; main()"
    )
    environment = {
        **os.environ,
        **{name: str(folder) for name, folder in folders.items()},
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HOME": str(home),
        "USERPROFILE": str(home),
        "USER": "zaphod",
        "LOGNAME": "zaphod",
        "QUIVER_BACKEND": str(home / "secret"),
    }
    printed = subprocess.run(
        [sys.executable, "-c", code, "doctor"],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        cwd=home,
        timeout=120,
    )
    assert printed.stderr == ""
    assert printed.returncode == 1
    assert "QUIVER_BACKEND" in printed.stdout
    for private in ("zaphod", "secret", str(tmp_path)):
        assert private not in printed.stdout
    for name in filter(None, (platform.node(), getpass.getuser())):
        assert not re.search(rf"\b{re.escape(name)}\b", printed.stdout)
