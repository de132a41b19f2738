"""Rows for tests of anything but exact bits, which have the hazards of `strategies`."""

from __future__ import annotations

import numpy as np

from quiver._typing import Vectors
from quiver.conformance import hazards


def normal_rows(n: int, dim: int, seed: int = 0) -> Vectors:
    """Return rows without a hazard."""
    return hazards.make_vectors(np.random.default_rng(seed), n, dim, [])


def skewed_rows(n: int, dim: int, seed: int = 0) -> Vectors:
    """Return rows whose coordinates matter unequally, away from the origin.

    A stand-in for `quiver.datasets.generators` in few dimensions: easy to index.
    """
    spread = np.exp(-np.arange(dim) / 10)
    return (normal_rows(n, dim, seed) * spread + 0.7).astype(np.float32)
