"""Certificate: what was proved on this computer, for another to be held against.

Backends equal the reference, and the reference's answers to the same questions are the
same everywhere. So two computers agree if the digests of these answers do, whatever
kernels each of them runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import AnyArray, Progress
from quiver.arithmetic import in_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend, list_backends
from quiver.conformance.cases import Call
from quiver.conformance.difference import arrays_in
from quiver.conformance.surroundings import kernels_digest, surroundings
from quiver.conformance.verify import METHODS, verify_all
from quiver.parallel.progress import tells_progress
from quiver.validation.checks import check_int


@dataclass(frozen=True)
class Proven:
    """What was proved of one backend.

    Attributes
    ----------
    backend, target : str
        Its name, and what its kernels are compiled for.
    kernels : str
        SHA-256 of its kernels, their sources or as compiled; or ``unknown``.
    mismatches : int
        Calls whose result differed from the reference in any bit.
    """

    backend: str
    target: str
    kernels: str
    mismatches: int


class Disagreement(NamedTuple):
    """Something that two certificates say differently.

    Attributes
    ----------
    what : str
        Name of it.
    here, there : str
        What each says.
    matters : bool
        Whether answers may differ; else it is what the proofs ran on or with.
    """

    what: str
    here: str
    there: str
    matters: bool


@dataclass(frozen=True)
class Certificate:
    """Outcome of `certify`.

    Attributes
    ----------
    surroundings : dict of str to str
        Versions, kind of system and processor, and the digest of the reference.
    seed, rounds : int
        What the calls were drawn by.
    inputs, answers : dict of str to str
        SHA-256 of the inputs of each method's calls, and of the reference's answers.
    backends : tuple of Proven
        Those that ran here.
    """

    surroundings: dict[str, str]
    seed: int
    rounds: int
    inputs: dict[str, str]
    answers: dict[str, str]
    backends: tuple[Proven, ...]

    @property
    def ok(self) -> bool:
        """Whether every backend gave the reference's answers to every call."""
        return not any(proven.mismatches for proven in self.backends)

    def against(self, there: Certificate) -> list[Disagreement]:
        """Return what another certificate says differently, what matters first.

        Backends and versions may differ between computers that agree; answers may not,
        nor the inputs that they are answers to.
        """
        found = []
        for (kind, left), right in zip(
            _told(self).items(), _told(there).values(), strict=True
        ):
            for name in dict.fromkeys([*left, *right]):
                pair = left.get(name, _ABSENT), right.get(name, _ABSENT)
                if pair[0] != pair[1]:
                    what = f"{kind} of {name}" if name else kind
                    found.append(Disagreement(what, *pair, kind in _DECIDING))
        return found

    def __str__(self) -> str:
        """Return what was proved, and of what."""
        lines = [f"{name:<12}{value}" for name, value in self.surroundings.items()]
        lines += [f"{'cases':<12}{self.rounds} rounds, seed {self.seed}"]
        for proven in self.backends:
            n = proven.mismatches
            verdict = f"NOT EQUAL: {n} mismatches" if n else "equal in every bit"
            lines.append(f"{proven.backend:<18}{verdict}")
        return "\n".join(lines)


_ABSENT = "absent"
_DECIDING = ("seed", "rounds", "inputs", "answers", "mismatches")


def _told(certificate: Certificate) -> dict[str, dict[str, str]]:
    """Return all that a certificate says, by kind and name, what decides first."""
    ran = certificate.backends
    return {
        "seed": {"": str(certificate.seed)},
        "rounds": {"": str(certificate.rounds)},
        "inputs": certificate.inputs,
        "answers": certificate.answers,
        # A backend that ran on one of them only has no mismatch on the other.
        "mismatches": {x.backend: str(x.mismatches) for x in ran if x.mismatches},
        "version": certificate.surroundings,
        "kernels": {x.backend: x.kernels for x in ran},
    }


@in_standard_arithmetic
@tells_progress("certifying")
def certify(
    backends: Sequence[str | Backend] | None = None,
    *,
    seed: int = 0,
    rounds: int = 200,
    progress: Progress | bool | None = None,
) -> Certificate:
    """Verify backends as `verify` does, and certify what was asked and answered.

    Parameters
    ----------
    backends : sequence of str or Backend, optional
        Default: all that run on this computer.
    seed, rounds : int
        As of `verify`; certificates of other ones cannot be compared.
    progress : callable or bool, optional
        As of `verify`.

    Returns
    -------
    Certificate
        With nothing in it that tells whose computer this is.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError, BackendUnavailableError, CancelledError
        As `verify`.

    Examples
    --------
    >>> here = certify(["reference"], rounds=1)
    >>> here.ok, here.against(here)
    (True, [])
    """
    seed = check_int("seed", seed, 0, 2**63 - 1)
    rounds = check_int("rounds", rounds, 1, 10**9)
    names = _available() if backends is None else backends
    loaded = [get_backend(name) for name in names]
    inputs, answers = _Digests(), _Digests()

    def witness(call: Call, expected: Any) -> None:
        inputs.add(call.method, call.inputs)
        answers.add(call.method, expected)

    reports = verify_all(loaded, seed, rounds, progress, witness)
    proven = tuple(
        Proven(
            report.backend,
            report.target,
            kernels_digest(backend),
            sum(method.mismatches for method in report.methods),
        )
        for backend, report in zip(loaded, reports, strict=True)
    )
    kinds = inputs.told(), answers.told()
    return Certificate(surroundings(), seed, rounds, *kinds, proven)


def _available() -> list[str]:
    return [info.name for info in list_backends() if info.available]


class _Digests:
    """A growing digest of each method's arrays, by dtype, shape and bits."""

    def __init__(self) -> None:
        self._growing = {method: sha256() for method in METHODS}

    def add(self, method: str, value: Any) -> None:
        for array in arrays_in(value):
            self._growing[method].update(_spelled(array))

    def told(self) -> dict[str, str]:
        return {method: one.hexdigest() for method, one in self._growing.items()}


def _spelled(array: AnyArray) -> bytes:
    """Return the bytes of an array, lowest first, after its kind and shape."""
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    kind = f"{array.dtype.kind}{array.dtype.itemsize}{array.shape};"
    return kind.encode("ascii") + little.tobytes()
