"""Findings: what is unusual, by row number, and no advice without its figure."""

from __future__ import annotations

import numpy as np
import pytest
from diagnosed import needs_kernels
from rows import normal_rows, skewed_rows

import quiver
from quiver.conformance.hazards import METRICS
from quiver.diagnosis.census import take_census
from quiver.diagnosis.findings import Finding, row_findings
from quiver.errors import PrecisionWarning
from quiver.parallel.progress import ProgressMeter


def findings_of(rows: np.ndarray, metric: str) -> dict[str, Finding]:
    census = take_census(rows, metric, ProgressMeter(None, 1))
    return {one.name: one for one in row_findings(census, rows, metric)}


def test_a_finding_names_its_first_rows_and_what_becomes_of_them() -> None:
    rows = normal_rows(800, 16)
    rows[100:109] = 0
    found = findings_of(rows, "cosine")
    assert found.keys() == {"zero rows"}
    assert str(found["zero rows"]) == (
        "zero rows: 9 of 800 (1.1 %), rows 100, 101, 102, 103, 104, …; answered by "
        "definition, at distance 1, and kept outside the graph"
    )


def test_a_fill_value_is_told() -> None:
    rows = normal_rows(800, 16)
    rows[77] = -999
    found = findings_of(rows, "euclidean")
    assert found.keys() == {"rows of one value", "far from all others"}
    assert "row 77 holds -999" in found["far from all others"].then


@needs_kernels
@pytest.mark.parametrize("metric", METRICS)
def test_what_a_finding_says_of_an_index_is_so(metric: str) -> None:
    rows = skewed_rows(1200, 24)
    rows[[10, 20]] = 0
    rows[30] = rows[31]
    index = quiver.Index.build(rows, metric=metric)
    unlinked = set(index.state.unlinked[:, 1].tolist())
    for finding in quiver.diagnose(rows, metric=metric).findings:
        if "kept outside the graph" in finding.then:
            assert set(finding.rows) <= unlinked


@needs_kernels
@pytest.mark.parametrize(
    ("metric", "word"), [("euclidean", "the rows"), ("cosine", "unit rows")]
)
def test_a_tree_is_named_in_few_dimensions(metric: str, word: str) -> None:
    rows = np.random.default_rng(0).uniform(-1, 1, size=(1500, 3))
    found = quiver.diagnose(rows, metric=metric)
    (finding,) = found.findings
    assert f"cKDTree over {word} is exact" in str(finding)
    (at_default,) = (one for one in found.forecasts if one.ef == 64)
    assert f"expected to find {at_default.recall}, where" in str(finding)


@needs_kernels
def test_a_scan_is_named_where_a_walk_compares_most_rows() -> None:
    rows = skewed_rows(6000, 24)
    few = quiver.diagnose(rows[:300]).findings
    assert [one.name for one in few] == ["few rows"]
    assert "codes of 300 rows" in few[0].then
    assert not quiver.diagnose(rows, sample=2000).findings


@needs_kernels
def test_what_a_build_warns_of_is_a_finding() -> None:
    day = 1.7e12 + np.random.default_rng(0).uniform(0, 8.64e7, size=(1500, 8))
    with pytest.warns(PrecisionWarning, match="float32 blurs") as told:
        quiver.Index.build(day, metric="euclidean")
    found = quiver.diagnose(day, metric="euclidean", sample=500).findings
    (lost,) = [one for one in found if one.name == "lost precision"]
    assert lost.then == f"told from 1500 of 1500 rows: {told[0].message}"
    found = quiver.diagnose(day - 1.7e12, metric="euclidean", sample=500).findings
    assert "lost precision" not in {one.name for one in found}


@needs_kernels
def test_rows_far_off_center_widen_the_forecast_of_inner_products() -> None:
    rows = normal_rows(3000, 24)
    near, far = (
        quiver.diagnose(rows + np.float32(off), metric="inner_product", sample=800)
        for off in (0, 3)
    )
    assert "off center" not in {one.name for one in near.findings}
    (found,) = [one for one in far.findings if one.name == "off center"]
    assert "the mean of the rows is 3.0 times as long" in str(found)
    spread = [
        one.forecasts[1].recall.high - one.forecasts[1].recall.low
        for one in (near, far)
    ]
    assert spread[1] > 2 * spread[0]
    euclidean = quiver.diagnose(rows + np.float32(3), metric="euclidean", sample=800)
    assert "off center" not in {one.name for one in euclidean.findings}
