"""A state: frozen, and in a pickle nothing but its parts."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from small_index import small_index

from quiver.reference.error import error_scale


def test_a_lookup_that_was_used_weighs_no_more_in_a_pickle() -> None:
    index = small_index(seed=1)
    before = pickle.dumps(index)
    assert index.ids[0] in index
    assert pickle.dumps(index) == before


def test_a_state_comes_back_from_a_pickle_with_every_part() -> None:
    state = small_index().state
    found = pickle.loads(pickle.dumps(state))
    for field in fields(state):
        part, twin = getattr(state, field.name), getattr(found, field.name)
        if isinstance(part, np.ndarray):
            np.testing.assert_array_equal(twin, part)
        elif field.name not in ("codes", "transform"):
            assert twin == part, field.name
    assert (found.n, found.dim) == (state.n, state.dim)
    assert found.rows_by_id.rows(state.ids).tolist() == list(range(state.n))


def test_no_part_of_a_state_can_be_set() -> None:
    state = small_index().state
    for field in fields(state):
        with pytest.raises(FrozenInstanceError):
            setattr(state, field.name, None)


def test_the_scale_of_errors_needs_no_list_of_all_rows() -> None:
    state = small_index(n=1500, dim=8, metric="euclidean").state
    every = np.arange(state.n, dtype=np.uint32)
    assert state.error_scale == error_scale(state.codes, every)
    assert "live_rows" not in vars(state)
