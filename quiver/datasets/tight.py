"""Five kinds of rows whose neighbours are far closer than the spread of all.

A float graph finds them easily; two bits a coordinate cannot tell them apart, because
the error of an estimated distance goes with the spread. None has a row in the paper's
tables. What each stands for:

- Near copies: chunks of few documents, frames of few videos. Gaussian documents around
  ten topics, and rows 0.3 away from them in every coordinate.
- A ramp column: a time, a price, an id beside 63 uniform columns, 30 times as wide.
  A widely read tutorial of nearest-neighbour search draws its data like this.
- Image patches: 8 x 8 pixels of three channels out of a picture a little smoother than
  natural ones, as integers 0 … 255. A few directions carry nearly all variance.
- Windows of a random walk: prices, sensors; 64 steps, each window one step after
  another.
- Few dimensions: twenty Gaussian blobs in four dimensions. Two bits of each would make
  256 codes; spread over whole cache lines they are as good as any.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Vectors
from quiver.datasets.draw import Draw, normal

PICTURE = 512
"""Pixels of a side."""


def near_copies(draw: Draw) -> Vectors:
    """Return rows near 20 documents, of 128 columns."""
    topics = normal(draw.shared, 10, 128)
    documents = np.repeat(topics, 2, axis=0) + 0.5 * normal(draw.shared, 20, 128)
    rows = documents[draw.rows.integers(0, 20, draw.size)] + 0.3 * draw.normal(128)
    return rows.astype(np.float32)


def ramp_column(draw: Draw) -> Vectors:
    """Return uniform rows of 64 columns, the first of which goes on to 30."""
    rows = draw.rows.random((draw.size, 64), dtype=np.float32)
    rows[:, 0] += np.float32(30) * draw.rows.random(draw.size, dtype=np.float32)
    return rows


def image_patches(draw: Draw) -> Vectors:
    """Return patches of a picture, of 192 columns."""
    light = _smooth(draw.shared)
    channels = [light + 0.3 * _smooth(draw.shared) for _ in range(3)]
    picture = np.clip(np.rint(128 + 48 * np.stack(channels, axis=2)), 0, 255)
    rows, columns = draw.rows.integers(0, PICTURE - 8, (2, draw.size))
    windows = np.lib.stride_tricks.sliding_window_view(picture, (8, 8), axis=(0, 1))
    return windows[rows, columns].reshape(-1, 192).astype(np.float32)


def walk_windows(draw: Draw) -> Vectors:
    """Return windows of one random walk in any order, of 64 columns."""
    walk = np.cumsum(draw.shared.standard_normal(draw.total + 63))
    windows = np.lib.stride_tricks.sliding_window_view(walk, 64)
    order = draw.shared.permutation(draw.total)
    return windows[order[draw.start :][: draw.size]].astype(np.float32)


def few_dimensions(draw: Draw) -> Vectors:
    """Return rows of twenty blobs, of 4 columns."""
    centers = 10 * normal(draw.shared, 20, 4)
    return centers[draw.rows.integers(0, 20, draw.size)] + draw.normal(4)


def _smooth(generator: np.random.Generator) -> Vectors:
    """Return a square of mean 0 and variance 1 with amplitudes that fall as f**-1.5."""
    frequencies = np.fft.fftfreq(PICTURE)
    radius = np.hypot(frequencies[:, None], frequencies)
    radius[0, 0] = np.inf
    noise = np.fft.fft2(generator.standard_normal((PICTURE, PICTURE)))
    square = np.fft.ifft2(noise / radius**1.5).real
    return (square / square.std()).astype(np.float32)
