"""Rows, queries and an index as the tests that follow faiss's suite have them."""

from __future__ import annotations

from typing import Any

from agreement import odd_rows, uniform_rows
from small_index import bounded

import quiver
from quiver._typing import Metric, Vectors

DIM, N = 32, bounded(2000)
ROWS, QUERIES = odd_rows(N, DIM), uniform_rows(20, DIM, seed=1)


def build(
    vectors: Vectors, metric: Metric = "euclidean", ids: Any = None, **how: Any
) -> quiver.Index:
    return quiver.Index.build(vectors, metric=metric, ids=ids, **how)
