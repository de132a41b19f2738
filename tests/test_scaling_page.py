"""The page about scaling has the tables that the model prints."""

from __future__ import annotations

from pathlib import Path

from sharded.planning import tables

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"


def test_the_page_has_the_tables_of_the_model():
    page = PAGE.read_text("utf-8")
    for name, table in tables().items():
        assert table in page, name
