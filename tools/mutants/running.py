"""Run the tests against one mutant after another, each in a process of its own.

The parent has imported what the tests need but not quiver: every child imports that
anew, changed. A test that fails, or never ends, kills the mutant.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, settings

from mutants.naming import Change

SECONDS = 120
"""Of the processor; a mutant that takes more, several times what the tests do, is
killed by that."""

EXAMPLES = 10
ENDLESS, NO_MUTANT, CRASH = "the tests do not end", "the compiler", "a crash"
IMPORT = "import of the tests' conftest"
OPTIONS = (
    *("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)

ORACLES = (
    "tests/backends/test_golden.py",
    "tests/proofs/test_rounding.py",
    "tests/proofs/test_every_code.py",
    "tests/proofs/test_every_prune.py",
    "tests/proofs/test_every_walk.py",
)
"""Tests by what is no part of quiver, of every method."""

settings.register_profile(
    "mutants",
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    # A counterexample will do, however long.
    phases=(Phase.explicit, Phase.generate),
)


class NoMutantError(Exception):
    """The change is not even a program."""


class Mutant(NamedTuple):
    """A file with one change, and how a process gets it."""

    file: str
    change: Change
    tests: tuple[str, ...]
    install: Callable[[], None]

    @property
    def name(self) -> str:
        """Return file and change, not the line."""
        return f"{self.file} {self.change.name}"


class Outcome(NamedTuple):
    """The test that killed a mutant, empty if it survived; seconds of the processor."""

    mutant: Mutant
    killer: str
    seconds: float


class Killer:
    """A plug-in of pytest that notes the first failure, and how many tests pass."""

    def __init__(self) -> None:
        self.found, self.n_passed = "", 0

    def pytest_collectreport(self, report: Any) -> None:
        """Note what cannot even be imported."""
        if report.failed:
            self.found = self.found or f"import of {report.nodeid}"

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note what fails, in its set-up too, and count what does not skip."""
        if report.failed:
            self.found = self.found or report.nodeid
        self.n_passed += report.when == "call" and report.passed


def run_all(
    mutants: Sequence[Mutant], jobs: int, tell: Callable[[Outcome], None]
) -> list[Outcome]:
    """Return the outcome of every mutant, in their order."""
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    running: dict[int, tuple[Mutant, int]] = {}
    outcomes: dict[Mutant, Outcome] = {}
    waiting = list(reversed(mutants))
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running.update(_started(mutant))
        child, status, used = os.wait3(0)
        mutant, pipe = running.pop(child)
        seconds = used.ru_utime + used.ru_stime
        outcomes[mutant] = Outcome(mutant, _said(pipe, status), seconds)
        tell(outcomes[mutant])
    return [outcomes[mutant] for mutant in mutants]


def _started(mutant: Mutant) -> dict[int, tuple[Mutant, int]]:
    pipe, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(pipe)
        _test(mutant, end)
    os.close(end)
    return {child: (mutant, pipe)}


def _test(mutant: Mutant, end: int) -> None:
    """Run the tests in a child; it says what failed and never returns."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    said = {"passed": 0, "failed": "", "error": ""}
    try:
        mutant.install()
        killer = Killer()
        code = pytest.main([*OPTIONS, *mutant.tests], plugins=[killer])
        said["passed"], said["failed"] = killer.n_passed, killer.found
        if code == pytest.ExitCode.USAGE_ERROR:
            said["failed"] = IMPORT
    except NoMutantError:
        said["failed"] = NO_MUTANT
    except BaseException as error:  # No test has failed: the parent must not think so.
        said["error"] = f"{type(error).__name__}: {error}"
    os.write(end, json.dumps(said).encode())
    os._exit(0)


def _said(pipe: int, status: int) -> str:
    with os.fdopen(pipe, "rb") as file:
        raw = file.read()
    if not raw and os.WIFSIGNALED(status):
        ended = os.WTERMSIG(status)
        return ENDLESS if ended == signal.SIGVTALRM else f"{CRASH}, signal {ended}"
    said = json.loads(raw) if raw else {"error": f"the process ended with {status}"}
    # If all tests skip, or none is there, nothing was shown.
    if said["error"] or not (said["failed"] or said["passed"]):
        sys.exit(f"the tests did not run: {said}")
    return str(said["failed"])
