"""Metadata: what a store can tell of the fields of its documents."""

from __future__ import annotations

import json
from typing import Any

from quiver.integrations.haystack.documents import REST, Filters, where
from quiver.integrations.store import DocumentStore
from quiver.integrations.store.adapting import awaitable

_KINDS = {bool: "boolean", int: "int", float: "float"}


class Metadata:
    """What is told of metadata; fields are named with ``meta.`` before or without."""

    store: DocumentStore

    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        """Return the type of every field: keyword, int, float or boolean."""
        return {
            name: {"type": _KINDS.get(type(value), "keyword")}
            for document in self.store
            for name, value in document.metadata.items()
            if value is not None and name != REST
        }

    def get_metadata_field_min_max(self, metadata_field: str) -> dict[str, Any]:
        """Return the least and the greatest value of a field; None if it has none."""
        values = self._values(metadata_field)
        ordered = [value for value in values if isinstance(value, (int, float, str))]
        try:
            return {"min": min(ordered), "max": max(ordered)}
        except (TypeError, ValueError):
            return {"min": None, "max": None}

    def get_metadata_field_unique_values(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: Filters | None = None,
    ) -> tuple[list[Any], int]:
        """Return a page of the values of a field that hold a term, and their number."""
        term = (search_term or "").lower()
        values = self._values(metadata_field, filters)
        found = [value for value in values if term in str(value).lower()]
        found.sort(key=lambda value: (str(value), type(value).__name__))
        return found[from_ : from_ + size], len(found)

    def count_unique_metadata_by_filter(
        self, filters: Filters, metadata_fields: list[str]
    ) -> dict[str, int]:
        """Return the number of values of each field in documents that match."""
        names = [name.removeprefix("meta.") for name in metadata_fields]
        return {name: len(self._values(name, filters)) for name in names}

    def _values(self, name: str, filters: Filters | None = None) -> list[Any]:
        """Return the values of a field, each once: 1, 1.0, '1' and true are four."""
        name = name.removeprefix("meta.")
        documents = self.store.matching(where(filters))
        values = [document.metadata.get(name) for document in documents]
        by_text = {json.dumps(value, sort_keys=True): value for value in values}
        return [value for value in by_text.values() if value is not None]

    get_metadata_fields_info_async = awaitable(get_metadata_fields_info)
    get_metadata_field_min_max_async = awaitable(get_metadata_field_min_max)
    get_metadata_field_unique_values_async = awaitable(get_metadata_field_unique_values)
    count_unique_metadata_by_filter_async = awaitable(count_unique_metadata_by_filter)
