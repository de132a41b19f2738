"""Rows of which a few are so long that their codes cannot tell whom they answer."""

from __future__ import annotations

import numpy as np
from rows import normal_rows

from quiver._typing import Vectors


def long_rows(n: int, dim: int, n_long: int = 3) -> Vectors:
    """Return normal rows of which the last are 1000 times as long."""
    rows = normal_rows(n, dim, seed=7)
    rows[-n_long:] *= np.float32(1000)
    return rows
