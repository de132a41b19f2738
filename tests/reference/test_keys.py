"""Keys: their natural order is (distance, id), and nothing is lost in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quiver.reference.keys import (
    NO_ID,
    NO_KEY,
    NO_RESULT,
    key_distances,
    key_ids,
    make_keys,
    nearest_keys,
)

distances = st.floats(width=32, allow_nan=False)
ids = st.integers(0, 2**32 - 2)
entries = st.lists(st.tuples(distances, ids), min_size=1, max_size=20)


def keys_of(pairs: list[tuple[float, int]]) -> np.ndarray:
    values, identifiers = zip(*pairs, strict=True)
    return make_keys(np.array(values, np.float32), np.array(identifiers, np.uint32))


@given(pairs=entries)
def test_keys_sort_as_distance_then_id(pairs: list[tuple[float, int]]) -> None:
    by_key = np.argsort(keys_of(pairs), kind="stable")
    # Python compares -0.0 equal to 0.0, as the order requires.
    assert [pairs[i] for i in by_key] == sorted(pairs)


@given(pairs=entries)
def test_keys_give_back_distance_and_id(pairs: list[tuple[float, int]]) -> None:
    keys = keys_of(pairs)
    assert key_ids(keys).tolist() == [identifier for _, identifier in pairs]
    assert key_distances(keys).tolist() == [distance for distance, _ in pairs]


def test_negative_zero_becomes_zero() -> None:
    assert keys_of([(-0.0, 7)]) == keys_of([(0.0, 7)])
    assert not np.signbit(key_distances(keys_of([(-0.0, 7)])))[0]


def test_the_extremes_are_in_order() -> None:
    tiny = float(np.float32(1e-45))
    ascending = [-np.inf, -3.4e38, -1.0, -tiny, 0.0, tiny, 1.0, 3.4e38, np.inf]
    keys = keys_of([(distance, 5) for distance in ascending])
    assert (keys[1:] > keys[:-1]).all()


def test_no_key_sorts_after_every_real_key() -> None:
    assert keys_of([(np.inf, 2**32 - 2)])[0] < NO_KEY


def test_no_id_and_no_key_are_each_others_images() -> None:
    keys = make_keys(np.float32([-1.0, np.inf]), np.array([NO_ID, NO_ID]))
    assert (keys == NO_KEY).all()
    assert (key_ids(keys) == NO_ID).all()
    assert (key_distances(keys) == np.inf).all()


def test_a_worked_key() -> None:
    # 1.0 is 0x3F800000; the sign bit of a non-negative flips.
    assert keys_of([(1.0, 2)])[0] == 0xBF80_0000_0000_0002
    # -2.0 is 0xC0000000; all bits of a negative flip.
    assert keys_of([(-2.0, 3)])[0] == 0x3FFF_FFFF_0000_0003


@pytest.mark.parametrize("depth", [1, 2, 5, 9])
def test_the_nearest_keys_are_the_first_of_all_sorted_ones(depth: int) -> None:
    # Few distances for many columns: ties at every depth.
    distances = np.random.default_rng(depth).integers(-2, 2, (6, 9)).astype(np.float32)
    ids = np.broadcast_to(np.arange(9, dtype=np.uint32), distances.shape)
    expected = np.sort(make_keys(distances, ids), axis=1)[:, :depth]
    np.testing.assert_array_equal(nearest_keys(distances, depth), expected)


def test_the_place_left_empty_in_a_result_is_minus_one() -> None:
    assert NO_RESULT == -1
