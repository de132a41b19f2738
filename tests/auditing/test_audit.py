"""The word `audit`: the same everywhere, honest about odd data, a page and a record."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from importlib import import_module

import numpy as np
import pytest
from diagnosed import needs_kernels
from rows import skewed_rows

import quiver
from quiver.auditing.published import BY_M, K
from quiver.errors import CancelledError, InvalidArgumentError, InvalidTypeError

N, DIM = 110, 12


@pytest.fixture(scope="module")
def rows():
    return skewed_rows(N + 10, DIM, seed=4)


@pytest.fixture(scope="module")
def found(rows) -> quiver.Audit:
    return audit(rows)


def audit(rows, **options) -> quiver.Audit:
    return quiver.audit(rows[:N], rows[N:], kinds=0, **options)


def cells(found: quiver.Audit, number: str) -> dict[str, dict]:
    (table,) = [t for t in found.to_dict()["tables"] if t["number"] == number]
    return {row["label"]: row["cells"] for row in table["rows"]}


@pytest.mark.slow
def test_every_backend_gives_the_same_record(backend, rows, found) -> None:
    told = audit(rows, backend=backend, threads=2).to_dict()
    assert told == found.to_dict()


@needs_kernels
def test_every_row_says_what_it_was_measured_on(found) -> None:
    for table in found.tables:
        for row in table.rows:
            assert row.measured_on
            if any(cell.measured is not None for cell in row.cells):
                assert "the vectors given, 110 x 12, cosine" in row.measured_on or (
                    table.number == "2, 5"
                )


@needs_kernels
def test_published_figures_stand_beside_measured_ones(found) -> None:
    lines = cells(found, "7")
    walks = ("Hamming", "weights")
    assert lines.keys() == {f"{m}, {walk}" for m in BY_M.lines for walk in walks}
    cell = lines["32, Hamming"]["ef=64"]
    assert cell["published"] == 95.1
    assert cell["low"] <= cell["measured"] <= cell["high"]
    # No beam as wide as all rows.
    assert lines["32, Hamming"]["ef=1024"] == {
        **dict.fromkeys(("measured", "low", "high")),
        "published": 99.7,
    }


@needs_kernels
def test_a_measured_recall_is_that_of_an_index_with_the_published_parameters(
    rows, found
) -> None:
    base, queries = rows[:N], rows[N:]
    params = quiver.BuildParams(max_degree=64, ef_construction=128, alpha=1.2)
    # Drawn in another order, the rows are others to a graph, but not to a scan.
    index = quiver.Index.build(base, params=params, encoding="paper")
    got = index.search(queries, K, ef=64, n_rerank=64)
    _, true = quiver.exact_knn(base, queries, K)
    measured = cells(found, "5")["64"]["here, by weights"]["measured"]
    assert measured == pytest.approx(
        100 * quiver.recall_at_k(got.distances, true), abs=3
    )


@needs_kernels
def test_the_record_is_json_with_a_version(found) -> None:
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (document["format"], document["version"]) == ("quiver-audit", 1)
    assert sum(document["counts"].values()) == len(document["claims"])
    assert document["times"] is None
    assert document["distances"]["Hamming"]["64"] > 64
    words = {claim["verdict"]["word"] for claim in document["claims"]}
    assert words <= {"confirmed", "not reproduced", "depends on"}


@needs_kernels
def test_the_page_needs_nothing_from_outside_and_escapes_names(rows) -> None:
    name = "<script>alert(1)</script> | `a`"
    found = audit(rows, name=name)
    page = found.to_html()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    opened: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list) -> None:
            opened.append(tag)
            assert not {name for name, _ in attrs} & {"src", "href"}

    Tags().feed(page)
    assert opened.count("table") == 1 + len(found.tables)
    text = found.to_markdown()
    assert "\\<script\\>alert(1)\\</script\\> \\| \\`a\\`" in text
    for line in text.splitlines():
        if line.startswith("|") and "measured on" in line:
            head = line.count(" | ")
        elif line.startswith("| ") and "110 x 12" in line and "script" in line:
            assert line.count(" | ") == head


@needs_kernels
def test_the_text_has_a_line_for_every_claim(found) -> None:
    lines = str(found).splitlines()
    assert len(lines) == 1 + len(found.claims)
    assert lines[0].startswith("the vectors given, 110 x 12, cosine: ")


@needs_kernels
def test_euclidean_is_told_to_be_another_task(rows) -> None:
    found = audit(rows, metric="euclidean")
    assert "claimed for cosine" in found.to_html()
    assert any("asked by euclidean" in c.verdict.reason for c in found.claims)


@needs_kernels
def test_kinds_are_drawn_and_asked(rows) -> None:
    found = quiver.audit(rows, kinds=100, threads=1)
    table = cells(found, "11")
    assert table["SIFT-128"]["recall"]["published"] == 14.85
    assert table["SIFT-128"]["recall"]["measured"] > 0
    assert table["RedCaps-1M"]["recall"]["measured"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "inner_product"}, "no figure"),
        ({"sample": 10}, "sample must be"),
        ({"kinds": 5}, "kinds must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_a_broken_rule_is_named(rows, options, words) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        quiver.audit(rows, **options)
    with pytest.raises(InvalidTypeError, match="times"):
        quiver.audit(rows, times="yes")


def test_three_rows_are_too_few(rows) -> None:
    with pytest.raises(InvalidArgumentError, match="at least 100 rows to audit, got 3"):
        quiver.audit(rows[:3])


def test_a_row_that_is_not_finite_is_named(rows) -> None:
    spoiled = rows.copy()
    spoiled[5, 2] = np.nan
    with pytest.raises(InvalidArgumentError, match="finite"):
        quiver.audit(spoiled, kinds=0)


HAZARDS = {
    "all equal": lambda rows: np.ones_like(rows),
    "all zero": lambda rows: np.zeros_like(rows),
    "a third of zeros": lambda rows: np.where(
        np.arange(len(rows))[:, None] % 3, rows, 0
    ),
    "every row four times": lambda rows: np.repeat(rows[: len(rows) // 4], 4, axis=0),
    "one dimension": lambda rows: rows[:, :1],
    "norms far apart": lambda rows: rows * np.logspace(-6, 6, len(rows))[:, None],
}


@needs_kernels
@pytest.mark.parametrize("hazard", HAZARDS)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_awkward_data_get_an_honest_record(rows, hazard, metric) -> None:
    spoiled = HAZARDS[hazard](rows)
    found = audit(spoiled, metric=metric)
    json.dumps(found.to_dict(), allow_nan=False)
    for table in found.tables:
        if table.number not in ("2, 5", "7", "9"):
            shown = [c.measured for row in table.rows for c in row.cells]
            assert all(0 <= one <= 100 for one in shown if one is not None)
    if hazard.startswith("all"):
        reasons = [c.verdict.reason for c in found.claims if c.table == "7"]
        assert all("too few to compare" in reason for reason in reasons)


@needs_kernels
def test_a_caller_may_cancel(rows) -> None:
    with pytest.raises(CancelledError):
        audit(rows, progress=lambda done, _: done < 3)


@needs_kernels
def test_progress_ends_with_all_that_was_announced(rows) -> None:
    told: list[tuple[int, int]] = []
    audit(rows, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (19, 19)


@needs_kernels
def test_times_are_ratios_and_judged_only_where_nobody_else_computes(
    rows, monkeypatch
) -> None:
    # By its name in the package it is the function.
    module = import_module("quiver.auditing.audit")
    monkeypatch.setattr(module, "busy_now", lambda: "the computer is busy")
    found = audit(rows, times=True)
    assert found.times is not None
    assert found.times.busy == "the computer is busy"
    assert {claim.verdict.word for claim in found.times.claims} == {"depends on"}
    assert [claim.table for claim in found.times.claims] == ["7", "8", "9", "5"]
    assert "the computer is busy" in found.to_html()
    assert found.to_dict()["times"]["busy"]
    monkeypatch.setattr(module, "busy_now", str)
    quiet = audit(rows, times=True)
    assert all(
        "lies" in c.verdict.reason or "edge" in c.verdict.reason
        for c in quiet.times.claims
    )
    assert quiet.to_dict()["claims"] == found.to_dict()["claims"]
