"""Each backend that runs is tried, and a wrong one is found out."""

from __future__ import annotations

import pytest

from quiver.backends import registry
from quiver.backends.reference_backend import ReferenceBackend
from quiver.doctor import kernels


class Right(ReferenceBackend):
    name = "right"


class Wrong(ReferenceBackend):
    name = "wrong"

    def distance(self, codes, queries, candidates=None):
        return super().distance(codes, queries, candidates) + 1


@pytest.fixture
def only(monkeypatch):
    """Return a function that leaves the named backends alone registered."""

    def leave(**loaders):
        # Another dict: one emptied and filled again would have another order.
        monkeypatch.setattr(registry, "_loaders", loaders)

    return leave


def test_a_wrong_default_backend_is_told_and_no_crash(monkeypatch):
    monkeypatch.setenv("QUIVER_BACKEND", "no-such-backend")
    found = kernels.describe_kernels()
    assert found["default_backend"] is None
    assert "no-such-backend" in found["default_refused"]


def test_a_right_backend_has_cases_of_every_method_and_no_mismatch(only):
    only(reference=ReferenceBackend, right=Right)
    (trial,) = kernels.try_kernels(0)
    assert trial["cases"] > 10
    assert trial["mismatches"] == 0


def test_a_wrong_backend_is_named_with_its_first_mismatch(only):
    only(reference=ReferenceBackend, wrong=Wrong)
    (trial,) = kernels.try_kernels(0)
    assert trial["backend"] == "wrong"
    assert trial["mismatches"] > 0
    assert "dim=" in trial["first_mismatch"]


def test_the_reference_alone_is_tried_against_nothing(only):
    only(reference=ReferenceBackend)
    assert kernels.try_kernels(0) == []
