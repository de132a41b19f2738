"""Masks: a bit per row, and back."""

from __future__ import annotations

import numpy as np
import pytest

from quiver.reference.masks import make_mask, marked_rows, n_words


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
