"""Recall with its ties."""

from __future__ import annotations

import numpy as np
import pytest

import quiver
from quiver.errors import InvalidArgumentError


def test_recall_counts_hits_among_the_first_k() -> None:
    true = np.float32([[1, 2, 3], [1, 2, 3]])
    found = np.float32([[1, 3, 4], [2, 3, np.inf]])
    assert quiver.recall_at_k(found, true) == 4 / 6
    assert quiver.recall_at_k(found, true, k=1) == 1 / 2
    assert quiver.recall_at_k(found, true, k=2) == 2 / 4


def test_recall_counts_ties_as_hits() -> None:
    # Four rows share the second place: any of them is as good as the one listed.
    true = np.float32([[1, 2]])
    assert quiver.recall_at_k(np.float32([[2, 2]]), true) == 1.0


def test_recall_counts_no_absent_answer() -> None:
    true = np.float32([[1, np.inf]])
    assert quiver.recall_at_k(np.float32([[1, np.inf]]), true) == 0.5


@pytest.mark.parametrize(
    ("found", "true"),
    [((2, 3), (1, 3)), ((3,), (3,)), ((0, 3), (0, 3)), ((2, 3), (2, 3, 1))],
)
def test_recall_refuses_shapes_that_do_not_match(
    found: tuple[int, ...], true: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidArgumentError, match="found and true must be"):
        quiver.recall_at_k(np.zeros(found, np.float32), np.zeros(true, np.float32))


def test_recall_refuses_fewer_answers_than_k() -> None:
    # Silently averaging over the columns there are would flatter the index.
    true = np.zeros((2, 3), np.float32)
    with pytest.raises(InvalidArgumentError, match="at least k columns"):
        quiver.recall_at_k(true[:, :2], true)
