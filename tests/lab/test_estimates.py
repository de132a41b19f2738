"""Estimates: every row is counted once, and what is told of errors is so."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from rows import normal_rows

import quiver
from quiver._typing import Metric
from quiver.backends.registry import get_backend
from quiver.lab.estimates import estimates
from quiver.search import scan

REFERENCE = get_backend("reference")
QUICK = {"max_degree": 8, "ef_construction": 12}
QUERY = normal_rows(1, 16, seed=8)


def told_of(rows, near=(), **how):
    index = quiver.Index.build(rows, backend="reference", **QUICK, **how)
    near = np.array(near, dtype=np.uint32)
    return index, estimates(index.state, REFERENCE, QUERY, near)


@pytest.mark.parametrize("metric", get_args(Metric))
@pytest.mark.parametrize("encoding", ["default", "paper"])
def test_squares_count_every_row_and_rings_are_the_near_ones(metric, encoding):
    rows = normal_rows(120, 16, seed=7)
    index, told = told_of(rows, [5, 2], metric=metric, encoding=encoding)
    assert sum(count for _, _, count in told["cells"]) == told["rows"] == 120
    code = scan(index.state, REFERENCE, QUERY)[0].astype(float)
    _, exact = quiver.exact_knn(rows, QUERY, 120, metric=metric)
    scale = exact[0].astype(float)
    scale = scale * scale if metric == "euclidean" else 2 * scale
    assert told["true"] == (scale[0], scale[-1])
    assert told["code"] == (code.min(), code.max())
    assert [pair[1] for pair in told["near"]] == [code[2], code[5]]
    assert 0.5 < told["correlation"] <= 1
    is_told = encoding == "default" and metric != "inner_product"
    assert (told["error"] is not None) == is_told


def test_wide_codes_are_hardly_off():
    rows = normal_rows(120, 16, seed=7)
    mean, deviation = told_of(rows, encoding=quiver.Encoding(bits=8))[1]["error"]
    assert abs(mean) < 0.01
    assert deviation < 0.01


def test_rows_without_a_code_and_values_that_do_not_vary_are_told():
    rows = np.repeat(normal_rows(1, 16, seed=7), 40, axis=0)
    rows[3:6] = 0
    _, told = told_of(rows, [0, 3, 7])
    assert told["rows"] == 1
    assert len(told["near"]) == 1
    assert told["correlation"] is None
    assert told["true"][0] < told["true"][1]
