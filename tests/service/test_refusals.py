"""Refusals: the status of each error, and its message in parts."""

from __future__ import annotations

import json

import pytest

from quiver import errors
from quiver.service.refusals import refused

ERRORS = [
    (errors.MalformedRequestError, 400),
    (errors.TooLargeError, 413),
    (errors.InvalidArgumentError, 422),
    (errors.InvalidTypeError, 422),
    (errors.OverloadedError, 429),
    (errors.ShardError, 503),
    (errors.LockError, 503),
    (errors.DeadlineError, 504),
]


@pytest.mark.parametrize(("kind", "status"), ERRORS)
def test_each_error_has_its_status_type_and_remedy(kind, status):
    reply = refused(kind("ef must be >= k, got ef=8, k=10"))
    assert reply.status == status
    assert json.loads(reply.body)["error"].keys() == {
        *("type", "message", "argument", "rule", "remedy"),
    }
    told = json.loads(reply.body)["error"]
    assert (told["type"], told["argument"], told["rule"]) == (
        *(kind.__name__, "ef", "be >= k"),
    )
    assert told["remedy"]
    assert ("retry-after" in reply.headers) == (status in (429, 503))


@pytest.mark.parametrize(
    ("message", "argument", "rule", "remedy"),
    [
        ("k must be in 1 … 9, got 10; ask less", "k", "be in 1 … 9", "ask less"),
        ("k must be small; ask less", "k", "be small", "ask less"),
        ("queries, row 3, must be an array, got x", "queries", "be an array", None),
        ("a.quiver: shard: it ended", None, None, None),
    ],
)
def test_a_message_is_told_in_its_parts(message, argument, rule, remedy):
    told = json.loads(refused(errors.InvalidArgumentError(message)).body)["error"]
    assert told["message"] == message
    assert (told["argument"], told["rule"]) == (argument, rule)
    assert remedy is None or told["remedy"] == remedy


def test_a_message_is_no_longer_than_it_need_be():
    message = "k must be " + "x" * 10_000 + ", got " + "y" * 10_000
    assert len(refused(errors.InvalidArgumentError(message)).body) < 2000


def test_what_nobody_foresaw_is_logged_and_not_told(caplog):
    reply = refused(KeyError("secret"))
    assert (reply.status, reply.kind) == (500, "InternalError")
    assert b"secret" not in reply.body
    assert "secret" in caplog.text


def test_memory_that_lacks_is_no_defect():
    assert refused(MemoryError()).status == 503
