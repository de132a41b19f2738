"""The whole page: examined, judged and printed, here also without the extra `cli`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from quiver._version import __version__
from quiver.doctor.computer import describe_computer, describe_python
from quiver.doctor.kernels import describe_kernels, try_kernels
from quiver.doctor.page import page
from quiver.doctor.private import without_private
from quiver.doctor.problems import find_problems
from quiver.installation import inspect_installation

SELF_TEST_SECONDS = 2.0


def examine(seconds: float = SELF_TEST_SECONDS) -> dict[str, Any]:
    """Return what is installed here, what runs and what is wrong, ready for JSON.

    Parameters
    ----------
    seconds : float, default 2
        For the self-test, besides what loading or compiling the kernels takes.

    Returns
    -------
    dict
        ``ok`` and ``problems`` last; paths only as their kinds, such as ``~``.
    """
    document: dict[str, Any] = {
        "version": __version__,
        **describe_python(),
        **describe_computer(),
        "installation": inspect_installation()._asdict(),
        **describe_kernels(),
        "self_test": try_kernels(seconds),
    }
    document["problems"] = find_problems(document)
    document["ok"] = not document["problems"]
    told: dict[str, Any] = without_private(document)
    return told


def print_page(document: dict[str, Any], *, as_json: bool) -> None:
    """Print what `examine` found, for a person or for a machine."""
    print(json.dumps(document, indent=2) if as_json else page(document))


def run(arguments: Sequence[str]) -> int:
    """Do what the command ``quiver doctor`` does; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="quiver doctor", description="Check this installation."
    )
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    options = parser.parse_args(arguments)
    document = examine()
    print_page(document, as_json=options.json)
    return 0 if document["ok"] else 1
