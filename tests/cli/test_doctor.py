"""The command ``doctor`` prints the page of `quiver.doctor`, and exits by it."""

from __future__ import annotations

import json

import pytest
from command_line import run

from quiver.doctor.command import examine
from quiver.doctor.page import page


@pytest.fixture(scope="module")
def document():
    return examine(0)


@pytest.mark.parametrize("ok", [True, False])
def test_the_command_prints_what_was_examined(document, ok, monkeypatch):
    told = {**document, "ok": ok}
    monkeypatch.setattr("quiver.cli.doctor.examine", lambda: told)
    shown, printed = run("doctor"), run("doctor", "--json")
    assert shown.stdout == page(told) + "\n"
    assert json.loads(printed.stdout) == told
    assert shown.exit_code == printed.exit_code == (0 if ok else 1)
