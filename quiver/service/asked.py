"""Asked: the body of a request, made a question whose every part is checked.

JSON as RFC 8259 has it and nothing beyond, but for NaN and infinities: these are
refused where vectors are, with their row and column. What only the index can check,
such as the number of columns, it checks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from reprlib import repr as brief
from typing import Any, NamedTuple, get_args

from quiver.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    MalformedRequestError,
    did_you_mean,
)
from quiver.service.limits import Limits
from quiver.sharding.engines import Policy
from quiver.validation.checks import check_choice, check_int

DEFAULT_K = 10
_LONGEST_WORD = 32
"""Words beyond are cut before they are compared or told."""


class Asked(NamedTuple):
    """What a client asks; the parameters of `quiver.ShardedIndex.search`.

    Attributes
    ----------
    queries : list
        A vector, or a list of them.
    k, ef, n_rerank, filter
        As there.
    policy : {'strict', 'partial'}
        Whether an answer without some shards will do.
    """

    queries: list[Any]
    k: int
    ef: int | None
    n_rerank: int | None
    filter: list[Any] | None
    policy: Policy


def read_asked(body: bytes, limits: Limits, policy: Policy) -> Asked:
    """Return the question in the body of a request.

    Parameters
    ----------
    body : bytes
        JSON: an object with ``queries``, and what else of `Asked` is not the default.
    limits : Limits
        What it may ask for.
    policy : {'strict', 'partial'}
        Where it names none.

    Raises
    ------
    MalformedRequestError
        If it is not JSON, or an object has a key twice.
    InvalidArgumentError, InvalidTypeError
        If a field is unknown, missing or breaks a rule.
    """
    given = read_fields(body, Asked._fields)
    k = check_int("k", given.get("k", DEFAULT_K), 1, limits.k)
    return Asked(
        queries=_as_queries(given.get("queries"), limits),
        k=k,
        ef=unless_null(given, "ef", limits.ef),
        n_rerank=unless_null(given, "n_rerank", limits.ef),
        filter=_as_filter(given.get("filter"), limits),
        policy=_as_policy(given.get("policy", policy)),
    )


def read_fields(body: bytes, known: Sequence[str]) -> dict[str, Any]:
    """Return the fields in the body of a request, some of those known by name.

    Raises
    ------
    MalformedRequestError
        If it is not JSON, or an object has a key twice.
    InvalidArgumentError, InvalidTypeError
        If it is no object, or has a field that is unknown.
    """
    given = _as_object(body)
    for name in given.keys() - {*known}:
        word = name[:_LONGEST_WORD]
        hint = did_you_mean(word, known)
        msg = f"fields must be some of {', '.join(known)}, got {word!r}{hint}"
        raise InvalidArgumentError(msg)
    return given


def _as_object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body.decode("utf-8"), object_pairs_hook=_without_repeats)
    except UnicodeDecodeError as error:
        msg = f"body must be UTF-8, got {error.reason} at byte {error.start}"
        raise MalformedRequestError(msg) from error
    except RecursionError as error:
        msg = "body must be JSON of a few levels, got too many"
        raise MalformedRequestError(msg) from error
    # Of numbers of thousands of digits as well.
    except ValueError as error:
        msg = f"body must be JSON, got {error}"
        raise MalformedRequestError(msg) from error
    if not isinstance(given, dict):
        msg = f"body must be an object, got {brief(given)}"
        raise InvalidTypeError(msg)
    return given


def _without_repeats(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"body must have no key twice, got {twice[:_LONGEST_WORD]!r}"
        raise MalformedRequestError(msg)
    return made


def _as_queries(given: Any, limits: Limits) -> list[Any]:
    if not isinstance(given, list):
        msg = f"queries must be a vector or a list of vectors, got {brief(given)}"
        raise InvalidTypeError(msg)
    is_batch = any(isinstance(one, list) for one in given)
    if is_batch and len(given) > limits.batch:
        msg = (
            f"queries must be at most {limits.batch} a request, got {len(given)}; "
            "send several requests"
        )
        raise InvalidArgumentError(msg)
    return given


def unless_null(given: dict[str, Any], name: str, most: int) -> int | None:
    """Return a field that is an integer of 1 … ``most``, or None if it is not given."""
    value = given.get(name)
    return None if value is None else check_int(name, value, 1, most)


def _as_filter(given: Any, limits: Limits) -> list[Any] | None:
    """Return a filter, or one a query, of which equal ones are one object."""
    if given is None:
        return None
    if not isinstance(given, list):
        msg = f"filter must be a list of ids or of bools, got {brief(given)}"
        raise InvalidTypeError(msg)
    if not any(isinstance(one, list) for one in given):
        return given
    distinct: dict[str, Any] = {}
    # By their text, for the list [1] equals the list [true].
    each = [distinct.setdefault(repr(one), one) for one in given]
    if len(distinct) > limits.filters:
        msg = (
            f"filter must be at most {limits.filters} different ones a request, got "
            f"{len(distinct)}; send several requests"
        )
        raise InvalidArgumentError(msg)
    return each


def _as_policy(given: Any) -> Policy:
    check_word("policy", given, get_args(Policy))
    policy: Policy = given
    return policy


def check_word(name: str, given: Any, allowed: tuple[str, ...]) -> None:
    """Raise unless a field is one of some words; one that is long is told in part."""
    word = given[:_LONGEST_WORD] if isinstance(given, str) else brief(given)
    check_choice(name, word, allowed)
