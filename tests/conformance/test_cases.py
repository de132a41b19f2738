"""Cases: every method, code and query form is called, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver.conformance.cases import KINDS, Call, build_and_search, draw_calls
from quiver.conformance.difference import arrays_in, first_difference
from quiver.conformance.verify import METHODS
from quiver.reference.codes import Codes, Queries

BACKEND = quiver.get_backend("reference")


def calls(dim: int, seed: int = 0) -> list[Call]:
    return list(draw_calls(np.random.default_rng(seed), dim))


@pytest.mark.parametrize("dim", [1, 9])
def test_every_method_is_called_with_every_code_and_query_form(dim: int) -> None:
    drawn = calls(dim)
    assert {call.method for call in drawn} == set(METHODS) - {"build"}
    reranked = {call.args[0].dtype.name for call in drawn if call.method == "rerank"}
    assert reranked == {"float32", "uint8", "int8"}
    encoded = [call.args[2:] for call in drawn if call.method == "encode"]
    assert tuple(encoded) == KINDS
    for method, place in (
        ("distance", 1),
        ("search", 2),
        ("search_radius", 2),
        ("scan", 1),
    ):
        asked = [
            (*call.args[0][2:], type(call.args[place]))
            for call in drawn
            if call.method == method
        ]
        assert set(asked) == {
            (*kind, form) for kind in KINDS for form in (Codes, Queries)
        }


def test_a_seed_draws_the_same_calls_and_another_seed_does_not() -> None:
    first, second, other = calls(7), calls(7), calls(7, seed=1)
    for one, twin in zip(first, second, strict=True):
        assert (one.method, one.description) == (twin.method, twin.description)
        for array, same in zip(
            arrays_in(one.inputs), arrays_in(twin.inputs), strict=True
        ):
            assert first_difference(array, same, one.method) == ""
    assert first[0].description != other[0].description


def test_the_calls_leave_their_arguments_alone() -> None:
    for call, untouched in zip(calls(9), calls(9), strict=True):
        getattr(BACKEND, call.method)(*call.args, **call.rules)
        for array, before in zip(
            arrays_in(call.inputs), arrays_in(untouched.inputs), strict=True
        ):
            assert first_difference(array, before, call.description) == ""


def test_the_index_that_is_built_answers_with_rows_of_the_base() -> None:
    vectors = normal_rows(20, 6)
    rows, neighbors, ids, distances, *costs = build_and_search(
        BACKEND, vectors, vectors[:3]
    )
    assert rows.shape[0] == 20
    assert neighbors.shape == (20, 8)
    assert ids[:, 0].tolist() == [0, 1, 2]
    assert distances[:, 0].tolist() == [0, 0, 0]
    hops, computed, lines_read = costs
    assert (hops > 0).all()
    assert (hops <= computed).all()
    np.testing.assert_array_equal(lines_read, computed)
