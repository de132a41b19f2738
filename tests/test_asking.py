"""Asking: its verbs are the index's own, and none of them changes it."""

from __future__ import annotations

import numpy as np
from rows import normal_rows

import quiver
from quiver.asking import Asking


def test_every_verb_is_one_of_the_index_and_leaves_it_alone() -> None:
    index = quiver.Index.build(normal_rows(60, 6))
    before = index.state
    query, few = normal_rows(1, 6, seed=1)[0], index.filter([1, 2, 3])
    assert isinstance(index, Asking)
    assert sorted(index.search_radius(query, 2.0, filter=few).ids) == [1, 2, 3]
    assert sorted(np.concatenate([i for i, _ in index.pages(query, filter=few)])) == [
        *(1, 2, 3)
    ]
    assert index.state is before
