"""Bodies of requests: what is a question, and what is refused by name."""

from __future__ import annotations

import json

import pytest

from quiver.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    MalformedRequestError,
)
from quiver.service.asked import Asked, read_asked
from quiver.service.limits import Limits

LIMITS = Limits(batch=3, k=50, ef=100, filters=2)


def read(body, policy="strict"):
    return read_asked(
        body if isinstance(body, bytes) else json.dumps(body).encode(), LIMITS, policy
    )


def test_what_is_not_given_is_as_in_a_search():
    assert read({"queries": [1, 2]}) == Asked([1, 2], 10, None, None, None, "strict")
    assert read({"queries": [[1]], "ef": None}, "partial").policy == "partial"


def test_every_field_is_taken():
    given = {"queries": [[1.5]], "k": 3, "ef": 99, "n_rerank": 9, "filter": [4]}
    assert read({**given, "policy": "partial"}) == Asked(
        [[1.5]], 3, 99, 9, [4], "partial"
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "must be JSON, got Expecting value"),
        (b"{", "must be JSON"),
        (b'{"queries": [1]} x', "Extra data"),
        (b"\xff\xfe", "must be UTF-8, got invalid start byte at byte 0"),
        (b'{"queries": "\xe9"}', "must be UTF-8"),
        (b"[" * 100_000, "JSON of a few levels"),
        (b'{"queries": ' + b"[" * 100_000, "JSON of a few levels"),
        (b'{"queries": [%s]}' % (b"9" * 5000), "must be JSON, got Exceeds the limit"),
        (b'{"k": 1, "queries": [1], "k": 2}', "no key twice, got 'k'"),
    ],
)
def test_what_is_not_json_is_malformed(body, told):
    with pytest.raises(MalformedRequestError, match=told):
        read(body)


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        ([1], InvalidTypeError, r"body must be an object, got \[1\]"),
        ({}, InvalidTypeError, "queries must be a vector or a list of vectors"),
        ({"queries": "x"}, InvalidTypeError, "queries must be a vector"),
        ({"querys": [1]}, InvalidArgumentError, "did you mean 'queries'"),
        ({"queries": [[1]] * 4}, InvalidArgumentError, "at most 3 a request, got 4"),
        ({"queries": [1], "k": 51}, InvalidArgumentError, "k must be in 1 … 50"),
        ({"queries": [1], "k": 10**400}, InvalidArgumentError, "k must be in 1 … 50"),
        ({"queries": [1], "k": 0}, InvalidArgumentError, "k must be in 1 … 50"),
        ({"queries": [1], "k": True}, InvalidTypeError, "k must be an integer"),
        ({"queries": [1], "k": 2.0}, InvalidTypeError, "k must be an integer"),
        ({"queries": [1], "k": None}, InvalidTypeError, "k must be an integer"),
        ({"queries": [1], "ef": "9"}, InvalidTypeError, "ef must be an integer"),
        ({"queries": [1], "ef": 101}, InvalidArgumentError, "ef must be in 1 … 100"),
        ({"queries": [1], "filter": {}}, InvalidTypeError, "filter must be a list"),
        ({"queries": [1], "policy": 3}, InvalidArgumentError, "policy must be one of"),
        (
            {"queries": [1], "policy": "strickt"},
            InvalidArgumentError,
            "did you mean 'strict'",
        ),
        (
            {"queries": [[1]] * 3, "filter": [[1], [2], [3]]},
            InvalidArgumentError,
            "filter must be at most 2 different ones",
        ),
    ],
)
def test_what_breaks_a_rule_is_told_by_name(given, kind, told):
    with pytest.raises(kind, match=told):
        read(given)


def test_a_word_of_a_megabyte_is_not_told_back():
    long = "x" * (1 << 20)
    for given in ({long: 1}, {"queries": [1], "policy": long}, {"queries": long}):
        with pytest.raises((InvalidArgumentError, InvalidTypeError)) as caught:
            read(given)
        assert len(str(caught.value)) < 200


def test_equal_filters_are_one_object_and_bools_are_no_ids():
    first, second, third = read(
        {"queries": [[1]] * 3, "filter": [[1, 0], [True, False], [1, 0]]}
    ).filter
    assert first is third
    assert second == [True, False]
    assert second is not first


def test_limits_that_the_default_effort_breaks_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"ef must be >= 200, .* got 150"):
        Limits(k=100, ef=150)
    with pytest.raises(InvalidArgumentError, match="batch must be in"):
        Limits(batch=0)
    with pytest.raises(InvalidArgumentError, match="seconds must be in"):
        Limits(seconds=0)
