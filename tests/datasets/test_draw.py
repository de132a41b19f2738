"""Draw: what all rows share comes from one generator, the rows from another."""

from __future__ import annotations

import numpy as np

from quiver.datasets.draw import Draw, normal, unit


def draw_of(size: int) -> Draw:
    shared, rows = (np.random.default_rng(seed) for seed in (1, 2))
    return Draw(shared, rows, 0, size, size)


def test_rows_are_drawn_from_their_own_generator() -> None:
    draw = draw_of(5)
    before = draw.shared.bit_generator.state
    assert draw.normal(3).shape == (5, 3)
    assert draw.zipf(4).shape == (5,)
    assert draw.shared.bit_generator.state == before


def test_numbers_follow_the_law_of_zipf() -> None:
    counts = np.bincount(draw_of(60_000).zipf(3), minlength=3)
    assert np.allclose(counts / 60_000, np.array([6, 3, 2]) / 11, atol=0.01)


def test_units_have_unit_length() -> None:
    rows = unit(normal(np.random.default_rng(0), 4, 6))
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
