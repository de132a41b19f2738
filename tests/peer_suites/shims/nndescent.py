"""A plugin of pytest: quiver's index in place of pynndescent's `NNDescent`.

The rest of pynndescent stays, since its tests import much of it. A test that asks for
what quiver does not have is skipped and says for what.
"""

from __future__ import annotations

import numpy as np
import pynndescent
import pytest
from scipy.sparse import issparse

import quiver

METRICS = ("euclidean", "cosine")
REFUSED = ("parallel_batch_queries", "quantization", "search_tree_leaf_budget")
"""Parameters that change what a search does; the others are of trees, rounds and
memory."""

INSIDE = {
    "test_output_when_verbose_is_true": "what is printed of trees and rounds",
    "test_transformer_output_when_verbose_is_true": "what is printed of both",
    "test_n_search_trees_is_deprecated": "a warning of trees",
    "test_tree_numbers_after_multiple_updates": "numbers of trees",
    "test_init_forest_respects_n_jobs_and_is_used_by_update": "trees",
    "test_dense_query_workspace_reuses_buffers_without_mutating_results": "buffers",
    "test_sparse_search_tree_hyperplanes_are_ragged": "trees",
    "test_padded_sparse_search_tree_from_older_pickles": "trees",
    "test_cosine_uses_normalized_dot_product": "the name of a kernel",
    "test_cached_search_matches_closure": "compiled closures",
    "test_prepare_compile_search_option": "compiled closures",
}
"""Tests of how pynndescent works, which say nothing of neighbors."""

built = []


class NNDescent:
    def __init__(
        self,
        data,
        metric="euclidean",
        metric_kwds=None,  # noqa: ARG002
        n_neighbors=30,
        **others,
    ):
        if metric not in METRICS:
            pytest.skip(f"metric {metric}")
        for name, value in others.items():
            if name in REFUSED and value:
                pytest.skip(f"{name}={value!r}")
        self.n_neighbors = n_neighbors
        self.index = quiver.Index.build(dense(data), metric=metric)
        built.append(metric)

    def prepare(self):
        self.index.consolidate()

    def compress_index(self):
        pass

    @property
    def neighbor_graph(self):
        rows = self.index.get(np.arange(len(self.index)))
        return tuple(self.index.search(rows, min(self.n_neighbors, len(rows))))

    def query(self, query_data, k=10, **_):
        if np.ndim(query_data) != 2:
            msg = "query_data must be a matrix"
            raise ValueError(msg)
        return tuple(self.index.search(dense(query_data), k))

    def update(self, xs_fresh=None, xs_updated=None, updated_indices=None):
        if updated_indices is not None:
            self.index.update(updated_indices, xs_updated)
        if xs_fresh is not None:
            self.index.add(xs_fresh)


def dense(data):
    return data.toarray() if issparse(data) else data


pynndescent.NNDescent = pynndescent.pynndescent_.NNDescent = NNDescent


def pytest_collection_modifyitems(items):
    for item in items:
        if reason := INSIDE.get(item.originalname):
            item.add_marker(pytest.mark.skip(reason=f"tests {reason}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Count no test as passed in which no index of quiver was made."""
    n_built = len(built)
    yield
    if len(built) == n_built:
        pytest.skip("makes no index")
