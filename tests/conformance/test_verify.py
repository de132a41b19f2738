"""`quiver.verify` passes what is right and catches one wrong bit in any method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from wrong_backend import flip_last_bit, with_wrong

from quiver.backends import Backend, get_backend
from quiver.backends.reference_backend import ReferenceBackend
from quiver.conformance.difference import first_difference
from quiver.conformance.hazards import BOUNDARY_DIMS
from quiver.conformance.verify import METHODS, VerifyReport, verify
from quiver.errors import CancelledError, InvalidArgumentError, InvalidTypeError
from quiver.reference.answer import by_words
from quiver.reference.codes import Codes


def mismatches(report: VerifyReport) -> dict[str, int]:
    return {method.method: method.mismatches for method in report.methods}


def test_every_backend_is_equal_in_every_bit(backend: Backend) -> None:
    # The reference is what the others are compared with: one round shows that it runs.
    rounds = 1 if backend.name == "reference" else len(BOUNDARY_DIMS)
    report = verify(backend.name, rounds=rounds)
    assert report.ok, str(report)
    assert all(method.cases for method in report.methods)
    assert report.backend == backend.name


@pytest.mark.parametrize("method", METHODS[:-1])
def test_one_wrong_bit_is_caught_and_described(method: str) -> None:
    report = verify(with_wrong(method, flip_last_bit), rounds=2)
    assert not report.ok
    wrong = next(found for found in report.methods if found.method == method)
    assert wrong.mismatches == wrong.cases
    assert "dim=1, n=" in wrong.first_mismatch
    assert "not" in wrong.first_mismatch
    assert wrong.first_mismatch in str(report)
    others = mismatches(report)
    # A wrong method may spoil whole builds, but is not blamed on its neighbours.
    del others[method], others["build"]
    assert not any(others.values())


@pytest.mark.parametrize("method", METHODS[:-1])
def test_a_wrong_dtype_is_caught(method: str) -> None:
    def widen(result: Any) -> Any:
        if isinstance(result, np.ndarray):
            return result.astype(np.float64)
        first, *rest = result
        parts = widen(first), *rest
        return type(result)(*parts) if hasattr(result, "_fields") else parts

    report = verify(with_wrong(method, widen), rounds=1)
    assert mismatches(report)[method]


def test_a_wrong_counter_is_caught() -> None:
    def one_hop_more(beams: Any) -> Any:
        return beams._replace(hops=beams.hops + 1)

    wrong = with_wrong("search", one_hop_more)
    type(wrong).answer = by_words
    report = verify(wrong, rounds=1)
    assert mismatches(report)["search"]
    assert mismatches(report)["answer"]
    assert mismatches(report)["build"]
    assert "search.hops[0]" in str(report)


def test_a_written_input_is_caught() -> None:
    class Scribbler(ReferenceBackend):
        name = "scribbler"

        @staticmethod
        def quantize(queries: np.ndarray, transform: Any, bits: Any) -> Any:
            result = ReferenceBackend.quantize(queries, transform, bits)
            queries += 1
            return result

    report = verify(Scribbler(), rounds=1)
    assert "an input was written to" in str(report)


def test_a_raising_backend_is_a_finding_not_a_crash() -> None:
    def explode(_: Any) -> Any:
        msg = "no such instruction"
        raise OSError(msg)

    report = verify(with_wrong("distance", explode), rounds=1)
    assert "raised OSError: no such instruction" in str(report)
    assert mismatches(report)["build"] == 1


def test_an_error_in_a_rare_dimension_only_is_found() -> None:
    class Late(ReferenceBackend):
        name = "late"

        @staticmethod
        def distance(codes: Codes, *args: Any) -> Any:
            distances = ReferenceBackend.distance(codes, *args)
            return flip_last_bit(distances) if codes.dim == 513 else distances

    rounds = len(BOUNDARY_DIMS)
    assert f"{rounds} rounds see them all" in str(verify.__doc__)
    report = verify(Late(), rounds=rounds)
    assert not report.ok
    assert "dim=513" in str(report)


def test_the_same_seed_reports_the_same() -> None:
    wrong = with_wrong("rerank", flip_last_bit)
    reports = [str(verify(wrong, seed=seed, rounds=1)) for seed in (3, 3, 4)]
    assert reports[0] == reports[1]
    assert reports[0] != reports[2]


def test_the_text_says_what_was_compared() -> None:
    text = str(verify("reference", rounds=1))
    assert text.startswith("backend reference (target numpy)")
    assert text.endswith("equal in every bit")
    assert all(method in text for method in METHODS)


def test_progress_counts_rounds_and_can_cancel() -> None:
    seen: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        seen.append((done, total))

    verify("reference", rounds=2, progress=note)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(CancelledError):
        verify("reference", rounds=2, progress=lambda *_: False)


def test_wrong_arguments_are_typed_errors() -> None:
    with pytest.raises(InvalidArgumentError, match="backend must be one of"):
        verify("nomba")
    with pytest.raises(InvalidArgumentError, match="rounds must be in 1"):
        verify("reference", rounds=0)
    with pytest.raises(InvalidTypeError, match="seed must be an integer"):
        verify("reference", seed=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("actual", "expected", "message"),
    [
        (np.float32([1, -0.0]), np.float32([1, 0.0]), "x[1] is np.float32(-0.0), not"),
        (np.float32([np.nan]), np.float32([np.nan]), ""),
        (np.zeros(3), np.zeros(4), "x has shape (3,), not (4,)"),
        (np.zeros((2, 2)).T[:, :1], np.zeros((2, 1)), ""),
        (np.zeros((2, 3), order="F"), np.zeros((2, 3)), "x is not C-contiguous"),
        ((np.zeros(1),), (np.zeros(1),) * 2, "x has 1 parts, not 2"),
        ([1], (1,), "x is list, not tuple"),
    ],
)
def test_differences_are_named(actual: Any, expected: Any, message: str) -> None:
    found = first_difference(actual, expected, "x")
    assert found.startswith(message)
    assert bool(found) == bool(message)


def test_auto_verifies_the_backend_in_use() -> None:
    assert verify(rounds=1).backend == get_backend("auto").name
