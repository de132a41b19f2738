"""The regimes: reproducible, whole or a block at a time."""

from __future__ import annotations

import numpy as np
import pytest

import quiver
from quiver.datasets import generators
from quiver.datasets.generators import REGIMES, find_regime, generate, generate_blocks
from quiver.errors import InvalidArgumentError, InvalidTypeError

NAMES = [regime.name for regime in REGIMES]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(generators, "BLOCK_ROWS", 500)
    return 500


def test_there_are_seventeen_regimes_of_distinct_names() -> None:
    assert len(set(NAMES)) == 17


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_finite_rows(name: str) -> None:
    regime = find_regime(name)
    vectors, queries = generate(regime, 300, 20, seed=4)
    again, _ = generate(regime, 300, 20, seed=4)
    other, _ = generate(regime, 300, 20, seed=5)
    assert vectors.shape == (300, regime.dim)
    assert queries.shape == (20, regime.dim)
    assert vectors.dtype == queries.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.array_equal(vectors, again)
    assert not np.array_equal(vectors, other)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_of_a_seed_are_the_same_and_each_is_new(
    name: str, small_blocks: int
) -> None:
    regime = find_regime(name)
    blocks = list(generate_blocks(regime, 1200, seed=4))
    assert [block.shape for block in blocks] == [
        *((size, regime.dim) for size in (500, 500, 200)),
    ]
    assert all(block.dtype == np.float32 for block in blocks)
    again = generate_blocks(regime, 1200, seed=4)
    assert all(map(np.array_equal, blocks, again))
    assert not np.array_equal(blocks[0], blocks[1])
    other = next(generate_blocks(regime, 1200, seed=5))
    assert not np.array_equal(blocks[0], other)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "walk-windows"])
def test_more_rows_begin_with_the_same(name: str, small_blocks: int) -> None:
    few, many = (
        np.concatenate(list(generate_blocks(find_regime(name), n))) for n in (700, 1300)
    )
    assert np.array_equal(few, many[:700])


@pytest.mark.parametrize("name", NAMES)
def test_blocks_share_what_rows_have_in_common(name: str, small_blocks: int) -> None:
    regime = find_regime(name)
    rows = np.concatenate(list(generate_blocks(regime, 1500)))
    # Rows of the last block are as near to those of the first as its own are, so
    # centres and maps are the same.
    base, own, others = rows[:500], rows[400:500], rows[-100:]
    _, distances = quiver.exact_knn(base[:400], own, 1, metric=regime.metric)
    _, across = quiver.exact_knn(base[:400], others, 1, metric=regime.metric)
    assert np.mean(across) == pytest.approx(np.mean(distances), rel=0.2)


def test_walks_of_all_blocks_are_windows_of_one_walk(small_blocks: int) -> None:
    rows = np.concatenate(list(generate_blocks(find_regime("walk-windows"), 1200)))
    starts = {row[:-1].tobytes() for row in rows}
    assert len(starts) == 1200
    assert sum(row[1:].tobytes() in starts for row in rows) == 1199


def test_an_unknown_regime_is_named() -> None:
    with pytest.raises(InvalidArgumentError, match="text-384"):
        find_regime("text-385")


@pytest.mark.parametrize(
    ("numbers", "error"),
    [
        ((0, 1), InvalidArgumentError),
        ((1, 0), InvalidArgumentError),
        ((1.5, 1), InvalidTypeError),
    ],
)
def test_wrong_sizes_are_errors(numbers: tuple, error: type[Exception]) -> None:
    with pytest.raises(error):
        generate(REGIMES[0], *numbers)
    with pytest.raises(error):
        next(generate_blocks(REGIMES[0], numbers[0] * numbers[1]))
