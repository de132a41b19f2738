"""Difference: the first bit that differs is found and named, and nothing else is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from quiver.conformance.difference import arrays_in, first_difference


class Pair(NamedTuple):
    left: np.ndarray
    right: np.ndarray


def test_one_changed_bit_is_named_by_field_and_place() -> None:
    expected = Pair(np.zeros(3, np.uint8), np.ones((2, 3), np.float32))
    actual = Pair(expected.left.copy(), expected.right.copy())
    assert first_difference(actual, expected, "found") == ""
    actual.right.view(np.uint32)[1, 2] ^= 1
    difference = first_difference(actual, expected, "found")
    assert difference.startswith("found.right[1, 2] is ")
    assert "1.0000001" in difference
    # Of several the first in memory order, in the first part that has one.
    actual.right.view(np.uint32)[0, 1] ^= 1
    assert first_difference(actual, expected, "x").startswith("x.right[0, 1] is ")
    actual.left[2] = 1
    assert first_difference(actual, expected, "x").startswith("x.left[2] is ")


def test_floats_are_compared_as_bits() -> None:
    zero, nan = np.zeros(1), np.full(1, np.nan)
    assert first_difference(nan, nan.copy(), "x") == ""
    assert first_difference(-zero, zero, "x").startswith("x[0] is ")


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        ([1, 2], "x is list, not ndarray"),
        (np.zeros((2, 3), np.float64), "x has dtype float64, not float32"),
        (np.zeros((3, 2), np.float32), "x has shape (3, 2), not (2, 3)"),
        (np.zeros((2, 3), np.float32, order="F"), "x is not C-contiguous"),
    ],
)
def test_kind_and_memory_order_count(actual: object, said: str) -> None:
    assert first_difference(actual, np.zeros((2, 3), np.float32), "x") == said


def test_a_tuple_is_no_named_one_and_lengths_count() -> None:
    pair = Pair(np.zeros(1), np.zeros(1))
    assert first_difference(tuple(pair), pair, "x") == "x is tuple, not Pair"
    assert first_difference((1,), (1, 2), "x") == "x has 1 parts, not 2"
    assert first_difference(("a",), ("b",), "x") == "x.0: 'a' != 'b'"


def test_arrays_are_found_in_nested_tuples_in_order() -> None:
    first, second, third = np.zeros(1), np.zeros(2), np.zeros(3)
    found = list(arrays_in((first, "cosine", Pair(second, third), 4)))
    assert [array.size for array in found] == [1, 2, 3]
