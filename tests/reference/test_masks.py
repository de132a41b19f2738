"""Masks: a bit per row, and back."""

from __future__ import annotations

import numpy as np
import pytest

from quiver.reference.keys import NO_ID
from quiver.reference.masks import (
    count_marked,
    is_marked,
    make_mask,
    mark,
    marked_rows,
    n_words,
)


@pytest.mark.parametrize("n", [0, 1, 7, 8, 63, 64, 65, 200])
def test_every_row_has_its_bit_and_no_bit_is_past_the_last(n: int) -> None:
    is_allowed = np.random.default_rng(n).random(n) < 0.5
    mask = make_mask(is_allowed)
    assert mask.dtype == np.uint64
    assert mask.shape == (n_words(n),) == (-(-n // 64),)
    words = [int(word) for word in mask]
    bits = [words[row // 64] >> row % 64 & 1 for row in range(n)]
    assert bits == is_allowed.tolist()
    assert sum(word.bit_count() for word in words) == sum(bits)


@pytest.mark.parametrize("n", [0, 1, 64, 129])
def test_marks_come_back(n: int) -> None:
    is_allowed = np.random.default_rng(n).random(n) < 0.3
    back = marked_rows(make_mask(is_allowed), n)
    assert back.dtype == np.bool_
    np.testing.assert_array_equal(back, is_allowed)


@pytest.mark.parametrize("n", [1, 64, 129])
def test_marks_of_some_rows_are_read_set_and_taken_away(n: int) -> None:
    is_allowed = np.random.default_rng(n).random(n) < 0.3
    mask = make_mask(is_allowed)
    rows = np.random.default_rng(n + 1).integers(0, n, (7, 3)).astype(np.uint32)
    np.testing.assert_array_equal(is_marked(mask, rows), is_allowed[rows])
    assert count_marked(mask) == is_allowed.sum()
    mark(mask, rows.ravel())
    is_allowed[rows] = True
    np.testing.assert_array_equal(marked_rows(mask, n), is_allowed)
    mark(mask, rows[0], marked=False)
    is_allowed[rows[0]] = False
    np.testing.assert_array_equal(marked_rows(mask, n), is_allowed)


@pytest.mark.parametrize("n", [0, 1, 64])
def test_a_place_without_a_row_has_no_mark(n: int) -> None:
    mask = make_mask(np.ones(n, dtype=bool))
    assert not is_marked(mask, np.array([NO_ID, NO_ID])).any()
