"""Filters: those of LlamaIndex as conditions of a store.

They mean what they mean in LlamaIndex's simple store: a field that is missing, or None,
matches nothing but NE, NIN and IS_EMPTY. Where that store raises an error, for example
because a word has no order among numbers, nothing matches; and filters may be nested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from reprlib import repr as brief
from typing import Any

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from quiver.errors import InvalidArgumentError, InvalidTypeError, QuiverError
from quiver.integrations.store import Condition, field

_NOTHING = field("").is_in([])


def as_condition(filters: MetadataFilters | MetadataFilter) -> Condition:
    """Return the condition that metadata match.

    Raises
    ------
    InvalidArgumentError
        If an operator cannot take the value beside it; the message names the field.
    """
    if isinstance(filters, MetadataFilter):
        return _of_one(filters)
    parts = [as_condition(inner) for inner in filters.filters]
    if not parts:
        return ~_NOTHING
    if filters.condition == FilterCondition.OR:
        return reduce(or_, parts)
    if filters.condition == FilterCondition.NOT:
        return ~reduce(or_, parts)
    return reduce(and_, parts)


def _of_one(given: MetadataFilter) -> Condition:
    try:
        return _OPERATORS[given.operator](given)
    except (TypeError, QuiverError) as error:
        msg = (
            f"filter {given.operator.value!r} on {given.key!r} cannot take "
            f"{brief(given.value)}: {error}"
        )
        raise InvalidArgumentError(msg) from error


@dataclass(frozen=True)
class _HasText(Condition):
    """A field is text with a part."""

    key: str
    part: str
    changed: Callable[[str], str]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        value = metadata.get(self.key)
        return isinstance(value, str) and self.part in self.changed(value)


def _one_of(key: str, values: Any) -> Condition:
    if isinstance(values, list):
        # A filter cannot hold a bool, and to Python 1 is True.
        values = [*values, *(bool(value) for value in values if value in (0, 1))]
    return field(key).is_in(values) & field(key).exists()


def _has_text(given: MetadataFilter, changed: Callable[[str], str]) -> Condition:
    if not isinstance(given.value, str):
        msg = "it must be a string"
        raise InvalidTypeError(msg)
    return _HasText(given.key, changed(given.value), changed)


def _containing(filters: MetadataFilter) -> list[Condition]:
    return [field(filters.key).contains(value) for value in filters.value or ()]


_OPERATORS: dict[FilterOperator, Callable[[MetadataFilter], Condition]] = {
    FilterOperator.EQ: lambda given: _one_of(given.key, [given.value]),
    FilterOperator.NE: lambda given: ~_one_of(given.key, [given.value]),
    FilterOperator.GT: lambda given: field(given.key) > given.value,
    FilterOperator.GTE: lambda given: field(given.key) >= given.value,
    FilterOperator.LT: lambda given: field(given.key) < given.value,
    FilterOperator.LTE: lambda given: field(given.key) <= given.value,
    FilterOperator.IN: lambda given: _one_of(given.key, given.value),
    FilterOperator.NIN: lambda given: ~_one_of(given.key, given.value),
    FilterOperator.CONTAINS: lambda given: field(given.key).contains(given.value),
    FilterOperator.ANY: lambda given: reduce(or_, _containing(given), _NOTHING),
    FilterOperator.ALL: lambda given: reduce(
        and_, _containing(given), field(given.key).exists()
    ),
    FilterOperator.TEXT_MATCH: lambda given: _has_text(given, str),
    FilterOperator.TEXT_MATCH_INSENSITIVE: lambda given: _has_text(given, str.lower),
    FilterOperator.IS_EMPTY: lambda given: field(given.key).is_in([None, "", []]),
}
