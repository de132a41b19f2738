"""Refusals: errors as a client sees them, a status and JSON of one shape.

A message of ours says ``argument must rule, got value; remedy``. Its parts are told one
by one, so that a program need not read prose.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from quiver.errors import (
    BackendUnavailableError,
    DeadlineError,
    FileAccessError,
    InvalidArgumentError,
    InvalidTypeError,
    MalformedRequestError,
    OverloadedError,
    ShardError,
    TooLargeError,
)

STATUS = {
    MalformedRequestError: HTTPStatus.BAD_REQUEST,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    InvalidArgumentError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidTypeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BackendUnavailableError: HTTPStatus.UNPROCESSABLE_ENTITY,
    OverloadedError: HTTPStatus.TOO_MANY_REQUESTS,
    ShardError: HTTPStatus.SERVICE_UNAVAILABLE,
    FileAccessError: HTTPStatus.SERVICE_UNAVAILABLE,
    MemoryError: HTTPStatus.SERVICE_UNAVAILABLE,
    DeadlineError: HTTPStatus.GATEWAY_TIMEOUT,
}

REMEDIES: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: 'send {"queries": [[…], …], "k": 10} in UTF-8',
    HTTPStatus.NOT_FOUND: "ask one of these",
    HTTPStatus.METHOD_NOT_ALLOWED: "ask one of these",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "send fewer queries a request",
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        "follow the rule; GET /healthz tells dim and limits"
    ),
    HTTPStatus.TOO_MANY_REQUESTS: "ask again after Retry-After seconds",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "ask again after Retry-After seconds, or with policy 'partial'"
    ),
    HTTPStatus.GATEWAY_TIMEOUT: "ask for less: fewer queries, a smaller ef",
}
"""What to do, where a message does not say it."""

RETRY_SECONDS = {
    HTTPStatus.TOO_MANY_REQUESTS: 1,
    HTTPStatus.SERVICE_UNAVAILABLE: 5,
}
_LONGEST = 500
"""Characters of a message, which may quote what the client sent."""

_log = logging.getLogger(__name__)


class Reply(NamedTuple):
    """What is sent to a client.

    Attributes
    ----------
    status : int
        Of HTTP.
    body : bytes
        JSON, but of metrics.
    headers : dict
        Besides the length.
    kind : str
        The type of the error, empty of an answer.
    """

    status: int
    body: bytes
    headers: dict[str, str]
    kind: str = ""


def reply_of(status: int, document: dict[str, Any]) -> Reply:
    """Return a document as a reply."""
    body = json.dumps(document, allow_nan=False).encode("ascii")
    return Reply(status, body, {"content-type": "application/json"})


def refused(error: Exception, remedies: Mapping[HTTPStatus, str] = REMEDIES) -> Reply:
    """Return an error as a reply; one that nobody foresaw is logged."""
    found = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    status = next(found, HTTPStatus.INTERNAL_SERVER_ERROR)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("a request failed", exc_info=error)
        return refusal(status, "InternalError", "the service failed; its log says why")
    message = str(error) or "memory must suffice"
    return refusal(status, type(error).__name__, message, remedies)


def refusal(
    status: HTTPStatus,
    kind: str,
    message: str,
    remedies: Mapping[HTTPStatus, str] = REMEDIES,
) -> Reply:
    """Return a refusal: its type, and its message whole and in parts."""
    told = {"message": message, **_parts(message)}
    told["remedy"] = told["remedy"] or remedies.get(status)
    short = {name: text and text[:_LONGEST] for name, text in told.items()}
    reply = reply_of(status, {"error": {"type": kind, **short}})
    if status in RETRY_SECONDS:
        reply.headers["retry-after"] = str(RETRY_SECONDS[status])
    return reply._replace(kind=kind)


def _parts(message: str) -> dict[str, str | None]:
    statement, _, remedy = message.partition("; ")
    subject, must, rest = statement.partition(" must ")
    argument = subject.partition(",")[0]
    if not must or not argument.isidentifier():
        return dict.fromkeys(("argument", "rule", "remedy"))
    rule = rest.partition(", got ")[0]
    return {"argument": argument, "rule": rule, "remedy": remedy}
