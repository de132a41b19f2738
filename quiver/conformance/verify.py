"""Verify: run the oracle against a backend on the user's own computer.

The test-suite proves equality where it was run; another processor, compiler or
plug-in deserves the same proof. Needs NumPy only; the inputs are those of
`quiver.conformance.hazards`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from quiver._typing import Progress
from quiver.arithmetic import in_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.conformance import hazards
from quiver.conformance.cases import Call, build_and_search, draw_build, draw_calls
from quiver.conformance.difference import arrays_in, first_difference
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.validation.checks import check_int

METHODS = (
    *("encode", "quantize", "distance", "prune", "merge"),
    *("search", "search_radius", "scan", "rerank", "answer", "build"),
)
"""The protocol, then a whole index built and searched with it."""

Witness: TypeAlias = Callable[[Call, Any], None]
"""Is told every call and what the reference answers."""


@dataclass(frozen=True)
class MethodReport:
    """What was found about one method.

    Attributes
    ----------
    method : str
        One of the protocol's, or ``build`` for a whole index.
    cases : int
        Calls compared.
    mismatches : int
        Calls whose result differed in any bit, raised, or changed an input.
    first_mismatch : str
        The first of them, described; empty if there is none.
    """

    method: str
    cases: int
    mismatches: int
    first_mismatch: str


@dataclass(frozen=True)
class VerifyReport:
    """Outcome of `verify`.

    Attributes
    ----------
    backend, target : str
        What was verified.
    methods : tuple of MethodReport
        One per method.
    """

    backend: str
    target: str
    methods: tuple[MethodReport, ...]

    @property
    def ok(self) -> bool:
        """Whether every case of every method was equal in every bit."""
        return not any(method.mismatches for method in self.methods)

    def __str__(self) -> str:
        """Return a table with a verdict, and the first mismatch of each method."""
        lines = [
            f"backend {self.backend} (target {self.target}) against quiver.reference",
            f"{'method':<14}{'cases':>8}{'mismatches':>12}",
        ]
        lines += [f"{m.method:<14}{m.cases:>8}{m.mismatches:>12}" for m in self.methods]
        lines += [
            f"first mismatch of {m.method}: {m.first_mismatch}"
            for m in self.methods
            if m.mismatches
        ]
        n_bad = sum(method.mismatches for method in self.methods)
        verdict = "equal in every bit" if self.ok else f"NOT EQUAL: {n_bad} mismatches"
        return "\n".join([*lines, verdict])


@in_standard_arithmetic
@tells_progress("verifying")
def verify(
    backend: str | Backend = "auto",
    *,
    seed: int = 0,
    rounds: int = 200,
    progress: Progress | bool | None = None,
) -> VerifyReport:
    """Compare a backend with the reference, bit by bit, on hazardous inputs.

    Parameters
    ----------
    backend : str or Backend, default "auto"
        A registered name, or any object that follows the protocol.
    seed : int, default 0
        Draws the cases; the same seed gives the same cases everywhere.
    rounds : int, default 200
        Each round calls every method on one drawn case. The dimensions of
        `quiver.conformance.hazards.BOUNDARY_DIMS` take turns: 36 rounds see them all.
    progress : callable or bool, optional
        ``progress(done, total)`` in rounds; return False to cancel. True shows a bar.

    Returns
    -------
    VerifyReport
        ``ok``, the counts per method and, as text, a table.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule or no backend has that name.
    BackendUnavailableError
        If the backend cannot run here.
    CancelledError
        If ``progress`` returned False.

    Examples
    --------
    >>> verify("reference", rounds=2).ok
    True
    """
    backend = get_backend(backend)
    seed = check_int("seed", seed, 0, 2**63 - 1)
    rounds = check_int("rounds", rounds, 1, 10**9)
    (report,) = verify_all([backend], seed, rounds, progress)
    return report


def verify_all(
    backends: Sequence[Backend],
    seed: int,
    rounds: int,
    progress: Progress | bool | None,
    witness: Witness = lambda *_: None,
) -> tuple[VerifyReport, ...]:
    """Compare backends with the reference, which answers every call once for all."""
    meter = ProgressMeter(progress, rounds + 1)
    reports = judge(backends, seed, _counted(rounds, meter), witness)
    meter.advance(1)
    return reports


def judge(
    backends: Sequence[Backend],
    seed: int,
    rounds: Iterable[int],
    witness: Witness = lambda *_: None,
) -> tuple[VerifyReport, ...]:
    """Compare in the rounds of these numbers, then whole indexes; see `verify`."""
    findings: list[dict[str, list[str]]] = [{m: [] for m in METHODS} for _ in backends]
    for calls in _drawn(seed, rounds):
        for call in calls:
            expected = _answered(get_backend("reference"), call)
            witness(call, expected)
            for backend, found in zip(backends, findings, strict=True):
                found[call.method].append(_compare(backend, call, expected))
    return tuple(map(_reported, backends, findings))


def _counted(rounds: int, meter: ProgressMeter) -> Iterator[int]:
    for number in range(rounds):
        yield number
        meter.advance(1)


def _drawn(seed: int, rounds: Iterable[int]) -> Iterator[Iterator[Call]]:
    """Yield the calls of every round, then those of a whole index."""
    for number in rounds:
        # A generator per round: a case can be drawn again without those before.
        rng = np.random.default_rng([seed, number])
        dim = hazards.BOUNDARY_DIMS[number % len(hazards.BOUNDARY_DIMS)]
        yield draw_calls(rng, dim)
    yield iter([draw_build(np.random.default_rng(seed))])


def _answered(backend: Backend, call: Call) -> Any:
    if call.method == "build":
        return build_and_search(backend, *call.args)
    return getattr(backend, call.method)(*call.args, **call.rules)


def _compare(backend: Backend, call: Call, expected: Any) -> str:
    """Return what is wrong with one call, or nothing."""
    inputs = list(arrays_in(call.inputs))
    before = [array.copy() for array in inputs]
    try:
        actual = _answered(backend, call)
    except Exception as error:  # Whatever a foreign kernel raises is a finding.
        return f"{call.description}: raised {type(error).__name__}: {error}"
    if [array.tobytes() for array in inputs] != [old.tobytes() for old in before]:
        # Another backend shall not be blamed for it.
        for array, old in zip(inputs, before, strict=True):
            array[...] = old
        return f"{call.description}: an input was written to"
    difference = first_difference(actual, expected, call.method)
    return f"{call.description}: {difference}" if difference else ""


def _reported(backend: Backend, findings: dict[str, list[str]]) -> VerifyReport:
    methods = tuple(_summarize(*finding) for finding in findings.items())
    return VerifyReport(backend.name, backend.target, methods)


def _summarize(method: str, findings: list[str]) -> MethodReport:
    wrong = [finding for finding in findings if finding]
    return MethodReport(method, len(findings), len(wrong), wrong[0] if wrong else "")
