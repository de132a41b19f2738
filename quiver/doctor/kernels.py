"""Which kernels run here, why others do not, and whether they are the reference."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from itertools import count, takewhile
from typing import Any

from quiver.backends.cython_backend import load_bindings
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend, list_backends
from quiver.conformance.verify import VerifyReport, judge
from quiver.errors import BackendUnavailableError, QuiverError, SlowBackendWarning

_BINDINGS = "quiver.backends._simd.bindings"


def describe_kernels() -> dict[str, Any]:
    """Return every backend, whether it runs, and where numba keeps its own."""
    default, refusal = _default_backend()
    numba_runs, numba_cache = _numba()
    return {
        "extension": _extension(),
        "backends": [info._asdict() for info in list_backends()],
        "default_backend": default,
        "default_refused": refusal,
        "numba_runs": numba_runs,
        "numba_cache": numba_cache,
    }


def try_kernels(seconds: float) -> list[dict[str, Any]]:
    """Compare each backend that runs with the reference, for its share of the time.

    Parameters
    ----------
    seconds : float
        For all of them, without loading; each compares a round and a build at least.

    Returns
    -------
    list of dict
        ``backend``, ``cases``, ``mismatches``, ``first_mismatch``. Empty where the
        reference is alone.
    """
    loaded = _all_but_the_reference()
    share = seconds / max(1, len(loaded))
    reports = [report for k in loaded for report in judge([k], 0, _rounds_for(share))]
    return [_in_short(report) for report in reports]


def _all_but_the_reference() -> list[Backend]:
    """Return those that load; what compiles only now may still fail to."""
    loaded = []
    for info in list_backends():
        with suppress(BackendUnavailableError):
            loaded.append(get_backend(info.name))
    return [kernels for kernels in loaded if kernels.name != "reference"]


def _in_short(report: VerifyReport) -> dict[str, Any]:
    wrong = [method for method in report.methods if method.mismatches]
    return {
        "backend": report.backend,
        "cases": sum(method.cases for method in report.methods),
        "mismatches": sum(method.mismatches for method in wrong),
        "first_mismatch": wrong[0].first_mismatch if wrong else "",
    }


def _rounds_for(seconds: float) -> Iterator[int]:
    end = time.perf_counter() + seconds
    return takewhile(lambda number: not number or time.perf_counter() < end, count())


def _default_backend() -> tuple[str | None, str | None]:
    """Return what ``auto`` takes, or why it refuses."""
    with warnings.catch_warnings():
        # The page says the same as a problem.
        warnings.simplefilter("ignore", SlowBackendWarning)
        try:
            return get_backend("auto").name, None
        except QuiverError as error:
            return None, str(error)


def _extension() -> str:
    """Return whether the compiled kernels load, or the reason why not."""
    if find_spec(_BINDINGS) is None:
        return "not installed"
    try:
        load_bindings()
    # A shared object can fail in any way: another Python, another libc, no memory.
    except Exception as error:
        return str(error)
    return "loaded"


def _numba() -> tuple[bool, str | None]:
    """Return whether numba runs, and the folder it can keep compiled kernels in."""
    try:
        get_backend("numba")
    except QuiverError:
        return False, None
    kernels = vars(import_module("quiver.backends._numba.distance")).values()
    paths = [kernel.stats.cache_path for kernel in kernels if hasattr(kernel, "stats")]
    usable = [path for path in paths if path and os.access(path, os.W_OK)]
    return True, usable[0] if usable else None
