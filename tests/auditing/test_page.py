"""The committed tables are of the claims and the figures that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from planted_audit import DATA, planted

from quiver.auditing.claims import all_claims
from quiver.auditing.page import RULE, to_html, to_markdown
from quiver.auditing.record import Audit
from quiver.auditing.tables import all_tables

MEASURED = Path(__file__).parents[2] / "docs" / "measured_audit.md"


@pytest.fixture(scope="module")
def found() -> Audit:
    measured = planted()
    return Audit(DATA, all_claims(measured, DATA), all_tables(measured, DATA), {})


def cells(line: str) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", one) for one in line.strip("| \n").split(" | ")]


def test_the_page_states_the_rule_and_what_was_not_rebuilt(found: Audit) -> None:
    page = to_html(found)
    assert RULE in page
    assert "What was not rebuilt" in page
    assert page.count("<table") == 1 + len(found.tables)


def test_every_published_figure_stands_in_the_page(found: Audit) -> None:
    page = to_html(found)
    for figure in ("17.9 / 17.9", "32.08", "0.4 / 0.4", "64.7 / 64.7", "95.13", "1212"):
        assert figure in page


def test_markdown_rows_have_as_many_cells_as_their_heads(found: Audit) -> None:
    width = 0
    for line in to_markdown(found).splitlines():
        if line.startswith("|"):
            width = width or len(cells(line))
            assert len(cells(line)) == width
        else:
            width = 0


def test_the_committed_claims_are_those_of_the_code(found: Audit) -> None:
    """After a change: the commands of docs/audit.md."""
    committed = MEASURED.read_text("utf-8")
    assert committed.count("#### Claims: ") == committed.count("\n### ") + 1
    rows = [cells(line) for line in committed.splitlines() if line.startswith("| ")]
    told = {row[2]: row[3:5] for row in rows if row[0] in ("confirmed", "depends on")}
    told |= {row[2]: row[3:5] for row in rows if row[0] == "not reproduced"}
    of_data = ("recall@10 at", "hot bytes of")
    for claim in found.claims:
        if not claim.statement.startswith(of_data):
            assert told[claim.statement] == [claim.published, claim.rule]


def test_every_committed_row_says_what_it_was_measured_on() -> None:
    lines = MEASURED.read_text("utf-8").splitlines()
    for heading, rows in tables(lines):
        if heading[-1] == "measured on":
            assert all(len(row) == len(heading) and row[-1] for row in rows)


def tables(lines: list[str]):
    for number, line in enumerate(lines):
        if line.startswith("| ---"):
            rows = []
            for below in lines[number + 1 :]:
                if not below.startswith("|"):
                    break
                rows.append(cells(below))
            yield cells(lines[number - 1]), rows
