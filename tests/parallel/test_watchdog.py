"""The watchdog: it acts when a block takes too long, and never after."""

from __future__ import annotations

import threading

import pytest

from quiver.parallel.watchdog import after


def test_it_acts_once_the_time_is_over():
    acted = threading.Event()
    with after(0.01, acted.set):
        assert acted.wait(30)


def test_it_acts_again_until_the_block_ends(monkeypatch):
    monkeypatch.setattr("quiver.parallel.watchdog.AGAIN_SECONDS", 0.01)
    calls, twice = [], threading.Event()

    def act():
        calls.append(None)
        if len(calls) == 2:
            twice.set()

    with after(0.01, act):
        assert twice.wait(30)


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_it_does_not_act_before(seconds):
    calls = []
    with after(seconds, lambda: calls.append(None)):
        threading.Event().wait(0.05)
    assert calls == []


def test_an_error_ends_the_watch():
    calls = []
    with pytest.raises(KeyError), after(0.2, lambda: calls.append(None)):
        raise KeyError
    threading.Event().wait(0.4)
    assert calls == []
