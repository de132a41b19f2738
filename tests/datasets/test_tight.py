"""The five tight kinds: neighbours far closer than the spread, as their module says."""

from __future__ import annotations

import numpy as np
import pytest

import quiver
from quiver.datasets.generators import find_regime, generate


@pytest.mark.parametrize(
    ("name", "share"),
    [
        # Of text-384 it is 1.2, of sift-like 0.8.
        *[("near-copies", 0.15), ("ramp-column", 0.15), ("image-patches", 0.1)],
        *[("walk-windows", 0.01), ("few-dimensions", 0.01)],
    ],
)
def test_neighbors_of_the_tight_kinds_are_far_closer_than_the_spread(
    name: str, share: float
) -> None:
    vectors, queries = generate(find_regime(name), 5000, 100)
    _, distances = quiver.exact_knn(vectors, queries, 10, metric="euclidean")
    spread = vectors.var(axis=0, dtype=np.float64).sum()
    assert np.median(distances[:, -1].astype(np.float64) ** 2) < share * spread


def test_image_patches_are_8_bit_pixels_and_walks_are_windows_of_one_walk() -> None:
    patches, _ = generate(find_regime("image-patches"), 500, 5)
    assert np.array_equal(patches, np.rint(patches))
    assert patches.min() >= 0
    assert patches.max() <= 255
    windows, rest = generate(find_regime("walk-windows"), 195, 5)
    rows = np.concatenate([windows, rest])
    # Every window but the last begins one step before another.
    starts = {row[:-1].tobytes() for row in rows}
    assert sum(row[1:].tobytes() in starts for row in rows) == 199
