"""The command ``doctor``: what it finds, and what it calls a problem."""

from __future__ import annotations

import json

import pytest
from command_line import run

import quiver
from quiver.cli.doctor import examine, find_problems


@pytest.fixture(scope="module")
def document():
    return examine()


@pytest.fixture
def sound(document):
    """Return a document without a problem, whatever this computer lacks."""
    backend = {"name": "numba", "available": True, "reason": ""}
    changes = {
        "backends": [*document["backends"], backend],
        "extension": "loaded",
        "default_refused": None,
        "numba_runs": True,
        "numba_cache": "folder",
        "installation": {
            **document["installation"],
            "version": quiver.__version__,
            "others": [],
            "damaged": [],
        },
    }
    return {**document, **changes}


def test_the_command_prints_what_was_examined(document, monkeypatch):
    monkeypatch.setattr("quiver.cli.doctor.examine", document.copy)
    printed = run("doctor", "--json")
    shown = run("doctor")
    expected = {
        **document,
        "problems": find_problems(document),
        "ok": not find_problems(document),
    }
    assert json.loads(printed.stdout) == expected
    assert printed.exit_code == shown.exit_code == (0 if expected["ok"] else 1)
    for fact in (quiver.__version__, document["numpy"], document["python"]):
        assert fact in shown.stdout
    for info in quiver.list_backends():
        assert info.name in shown.stdout


def test_nothing_is_wrong_with_a_sound_installation(sound):
    assert find_problems(sound) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"extension": "undefined symbol: foo"}, "compiled kernels do not load: undef"),
        ({"default_refused": "backend 'x' cannot run"}, "'auto' is refused: backend"),
        ({"numba_cache": None}, "Set NUMBA_CACHE_DIR"),
        (
            {
                "backends": [{"name": "reference", "available": True}],
                "numba_runs": False,
                "extension": "not installed",
            },
            "only the slow reference runs here",
        ),
    ],
)
def test_every_fault_is_one_problem_with_its_remedy(sound, change, problem):
    (found,) = find_problems({**sound, **change})
    assert problem in found


def test_a_wrong_default_backend_is_a_problem_and_no_crash(monkeypatch):
    monkeypatch.setenv("QUIVER_BACKEND", "no-such-backend")
    document = examine()
    assert document["default_backend"] is None
    assert any("no-such-backend" in line for line in find_problems(document))
