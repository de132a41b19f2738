"""Fixtures and options shared by every test.

Tests ask for ``backend`` and never mention one by name: the fixture fans out over
the registry, so a backend registered tomorrow is tested without an edit here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from quiver.backends import Backend, BackendInfo, get_backend, list_backends

# First calls compile, so a deadline would measure the compiler.
settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, print_blob=True
)
# Where the same examples run elsewhere as well, with more of them.
settings.register_profile(
    "brief", max_examples=20, deadline=None, derandomize=True, print_blob=True
)
# Under QEMU every example takes the reference twenty times as long.
settings.register_profile("emulated", max_examples=10, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@dataclass(frozen=True)
class BackendUnderTest:
    """One registered backend, and whether its absence is a failure."""

    info: BackendInfo
    required: bool

    def __str__(self) -> str:
        return self.info.name

    def load(self) -> Backend:
        if not self.info.available and self.required:
            pytest.fail(f"required, but {self.info.reason}")
        if not self.info.available:
            pytest.skip(self.info.reason)
        return get_backend(self.info.name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-backends",
        default="",
        metavar="NAMES",
        help="comma-separated backends whose absence is a failure, not a skip",
    )
    parser.addoption(
        "--slow", action="store_true", help="also run the tests marked slow"
    )
    parser.addoption(
        "--proofs",
        action="store_true",
        help="also run the longest enumerations, as `make proofs` does",
    )
    parser.addoption(
        "--run-figures",
        action="store_true",
        help="also measure the published figures on the real vectors in QUIVER_DATA",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: deselected unless --slow is given")
    config.addinivalue_line("markers", "proofs: deselected unless --proofs is given")
    config.addinivalue_line("markers", "figures: minutes, runs with --run-figures only")
    # Read here as well, so that a misspelt name stops the run before any test.
    required_backends(config)
    # A shell starts background jobs with Ctrl-C ignored; children would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if not config.getoption("--run-figures"):
        for item in items:
            if item.get_closest_marker("figures"):
                item.add_marker(pytest.mark.skip(reason="needs --run-figures"))
    for name in ("slow", "proofs"):
        if not config.getoption(f"--{name}"):
            marked = [item for item in items if item.get_closest_marker(name)]
            config.hook.pytest_deselected(items=marked)
            items[:] = [item for item in items if item not in marked]


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    # A worker of pytest-xdist prints no report; it hands the number on.
    for item in items[:1]:
        if (output := getattr(item.config, "workeroutput", None)) is not None:
            output["deselected"] = output.get("deselected", 0) + len(items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # Every worker deselects the same.
    if node.gateway.id == "gw0":
        count = getattr(node, "workeroutput", {}).get("deselected", 0)
        node.config.hook.pytest_deselected(
            items=[SimpleNamespace(config=node.config)] * count
        )


def required_backends(config: pytest.Config) -> set[str]:
    option: str = config.getoption("--require-backends")
    names = {name.strip() for name in option.split(",") if name.strip()}
    known = [info.name for info in list_backends()] if names else []
    if unknown := names.difference(known):
        msg = f"--require-backends must name some of {known}, got {sorted(unknown)}"
        raise pytest.UsageError(msg)
    return names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        required = required_backends(metafunc.config)
        candidates = [
            BackendUnderTest(info, info.name in required) for info in list_backends()
        ]
        # A wider scope would sort the tests of all modules by backend, and so make
        # every fixture of a module once per backend.
        metafunc.parametrize(
            "backend", candidates, indirect=True, ids=str, scope="module"
        )


@pytest.fixture(scope="module")
def backend(request: pytest.FixtureRequest) -> Backend:
    """Return each registered backend in turn; absent ones skip with the reason."""
    descriptor: BackendUnderTest = request.param
    return descriptor.load()
