"""Conditions: what metadata must be like, written as Python writes comparisons.

Each is true or false of every metadata, so ``~`` is the exact opposite. One rule says
what a missing field is: None. Values are equal if they are of one kind and equal, kinds
being those of JSON: true is not 1. Only numbers, and strings, have an order; whatever
has none compares as false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from reprlib import repr as brief
from typing import Any

from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.integrations.store.document import Document, copied
from quiver.integrations.store.plain import as_plain

Path = tuple[str, ...]

_ORDERS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Condition:
    """Something that is true or false of metadata; combined by ``&``, ``|`` and ``~``.

    Made by comparing a `field`.
    """

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether it is true of some metadata."""
        raise NotImplementedError

    def __and__(self, other: Condition) -> Condition:
        """Return the condition that both are true."""
        return _Every(self, other) if isinstance(other, Condition) else NotImplemented

    def __or__(self, other: Condition) -> Condition:
        """Return the condition that one of them is true, or both."""
        return _Either(self, other) if isinstance(other, Condition) else NotImplemented

    def __invert__(self) -> Condition:
        """Return the opposite."""
        return _Not(self)

    def __bool__(self) -> bool:
        """Raise: Python cannot combine conditions by words or in a chain."""
        msg = (
            "a condition must be combined by &, | and ~, each part in parentheses; "
            "and, or, not and a < field < b ask for its truth where no document is"
        )
        raise InvalidTypeError(msg)


class Field:
    """A field of metadata, to be compared; see `field`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        """Return the condition that it is equal to a value."""
        return self.is_in([value])

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        """Return the opposite of ``==``: true also where it is missing."""
        return ~self.is_in([value])

    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, value: float | str) -> Condition:
        """Return the condition that it is less."""
        return _Ordered(self._path, "<", _as_bound(value))

    def __le__(self, value: float | str) -> Condition:
        """Return the condition that it is less or equal."""
        return _Ordered(self._path, "<=", _as_bound(value))

    def __gt__(self, value: float | str) -> Condition:
        """Return the condition that it is greater."""
        return _Ordered(self._path, ">", _as_bound(value))

    def __ge__(self, value: float | str) -> Condition:
        """Return the condition that it is greater or equal."""
        return _Ordered(self._path, ">=", _as_bound(value))

    def is_in(self, values: Iterable[Any]) -> Condition:
        """Return the condition that it is equal to one of some values."""
        if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
            msg = f"is_in must be given a list of values, got {brief(values)}"
            raise InvalidTypeError(msg)
        plain = as_plain(list(values), "value of a condition")
        return _OneOf(self._path, frozenset(map(_key, plain)))

    def contains(self, value: Any) -> Condition:
        """Return the condition that it is a list with a value, or text with a part."""
        return _Contains(self._path, _key(as_plain(value, "value of a condition")))

    def exists(self) -> Condition:
        """Return the condition that it is there and not None."""
        return self != None  # noqa: E711


def field(*path: str) -> Field:
    """Return a field of metadata by its name, or by the names on the way to it.

    Parameters
    ----------
    *path : str
        One name; more for a field in a dict in metadata.

    Examples
    --------
    >>> recent = (field("year") >= 2020) & ~field("tags").contains("draft")
    >>> recent.matches({"year": 2023, "tags": ["essay"]})
    True
    >>> recent.matches({"tags": []})
    False
    >>> (field("author", "name") == "Ada").matches({"author": {"name": "Ada"}})
    True
    """
    if not path or not all(isinstance(name, str) for name in path):
        msg = f"field must be given the names of fields, got {brief(path)}"
        raise InvalidTypeError(msg)
    return Field(path)


def as_test(where: Any) -> Callable[[Document], bool]:
    """Return what says of a document whether it may answer.

    Raises
    ------
    InvalidTypeError
        If it is neither a condition nor callable.
    """
    if isinstance(where, Condition):
        return lambda document: where.matches(document.metadata)
    if callable(where):
        return lambda document: bool(where(copied(document)))
    msg = (
        "where must be a condition such as field('year') >= 2020, or a function of a "
        f"document, got {brief(where)}"
    )
    raise InvalidTypeError(msg)


@dataclass(frozen=True)
class _Every(Condition):
    left: Condition
    right: Condition

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return self.left.matches(metadata) and self.right.matches(metadata)


@dataclass(frozen=True)
class _Either(Condition):
    left: Condition
    right: Condition

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return self.left.matches(metadata) or self.right.matches(metadata)


@dataclass(frozen=True)
class _Not(Condition):
    part: Condition

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return not self.part.matches(metadata)


@dataclass(frozen=True)
class _OneOf(Condition):
    path: Path
    keys: frozenset[Any]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        return _key(_found(metadata, self.path)) in self.keys


@dataclass(frozen=True)
class _Ordered(Condition):
    path: Path
    order: str
    bound: Any

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        value = _found(metadata, self.path)
        if _kind(value) is not _kind(self.bound):
            return False
        return bool(_ORDERS[self.order](value, self.bound))


@dataclass(frozen=True)
class _Contains(Condition):
    path: Path
    key: Any

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        value = _found(metadata, self.path)
        if isinstance(value, str):
            kind, part = self.key
            return kind is str and part in value
        return isinstance(value, list) and any(_key(one) == self.key for one in value)


def _found(metadata: Mapping[str, Any], path: Path) -> Any:
    value: Any = metadata
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)


def _key(value: Any) -> Any:
    """Return what is equal for equal values of one kind, and can be in a set."""
    if isinstance(value, list):
        return list, tuple(map(_key, value))
    if isinstance(value, dict):
        return dict, frozenset((name, _key(one)) for name, one in value.items())
    return _kind(value), value


def _as_bound(value: Any) -> Any:
    value = as_plain(value, "value of a condition")
    if _kind(value) not in (float, str):
        msg = f"<, <=, > and >= must be given a number or a string, got {brief(value)}"
        raise InvalidArgumentError(msg)
    return value
