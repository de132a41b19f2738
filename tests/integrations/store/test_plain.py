"""What metadata may hold comes back as it was; all else is refused with a remedy."""

from __future__ import annotations

import datetime
import enum
import json
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.integrations.store.plain import MAX_DEPTH, as_plain, plain_copy

PLAIN = {
    "text": "snow \u2603 \U0001f600 \0 \ud800",
    "numbers": [0, -1, 2**63 - 1, -(2**63), 0.1, 5e-324, -0.0],
    "nothing": None,
    "truth": [True, False],
    "": {"deep": [[], {}, [{"er": 1}]]},
}


class Color(enum.StrEnum):
    RED = "red"


def test_plain_values_stay_equal_and_of_their_types_through_json():
    copy = as_plain(PLAIN, "metadata")
    assert json.dumps(copy) == json.dumps(PLAIN)
    assert json.loads(json.dumps(copy)) == PLAIN


def test_a_copy_shares_nothing_that_can_change():
    given = {"list": [1, {"a": []}]}
    copy = as_plain(given, "metadata")
    given["list"][1]["a"].append(2)
    assert copy == {"list": [1, {"a": []}]}


def test_what_derives_from_a_plain_type_becomes_plain():
    given = MappingProxyType({"t": (1, 2), "c": Color.RED, "f": np.float64(0.5)})
    copy = as_plain(given, "metadata")
    assert copy == {"t": [1, 2], "c": "red", "f": 0.5}
    assert [type(value) for value in copy.values()] == [list, str, float]


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (np.int64(3), r"value\.tolist\(\)"),
        (np.float32(3), r"value\.tolist\(\)"),
        (np.arange(3), r"value\.tolist\(\)"),
        (datetime.date(2020, 2, 2), r"value\.isoformat\(\)"),
        ({1, 2}, r"list\(value\)"),
        (b"bytes", r"list\(value\)"),
        (Path("a"), r"str\(value\)"),
        (1j, r"str\(value\)"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_its_place_with_a_remedy(value, remedy):
    with pytest.raises(InvalidTypeError, match=rf"m\['a'\]\[1\] must be.*{remedy}"):
        as_plain({"a": [0, value]}, "m")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused(value):
    with pytest.raises(InvalidArgumentError, match=r"m\['a'\] must be a finite number"):
        as_plain({"a": value}, "m")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**5000], ids=range(3))
def test_integers_beyond_64_bits_are_refused(value):
    with pytest.raises(InvalidArgumentError, match=r"got one of \d+; .*str\(value\)"):
        as_plain({"a": value}, "m")


def test_keys_are_strings():
    with pytest.raises(InvalidTypeError, match=r"every key of m\['a'\].*got 1 of type"):
        as_plain({"a": {1: 2}}, "m")


def test_what_holds_itself_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(
        InvalidArgumentError, match="deeper than 100 levels, or hold itself"
    ):
        as_plain(value, "m")


def test_what_is_nested_as_deeply_as_may_be_is_read_from_deep_in_a_program():
    value: object = "leaf"
    for _ in range(MAX_DEPTH):
        value = [value]
    plain = as_plain(value, "m")
    assert plain == value

    def read(depth: int) -> object:
        return read(depth - 1) if depth else plain_copy(plain)

    assert read(sys.getrecursionlimit() // 2) == value
    with pytest.raises(InvalidArgumentError, match="m must not be nested deeper"):
        as_plain([value], "m")
