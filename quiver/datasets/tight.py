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

PICTURE = 512
"""Pixels of a side."""


def near_copies(generator: np.random.Generator, n: int) -> Vectors:
    """Return rows near 20 documents, of shape (n, 128)."""
    topics = _normal(generator, 10, 128)
    documents = np.repeat(topics, 2, axis=0) + 0.5 * _normal(generator, 20, 128)
    rows = documents[generator.integers(0, 20, n)] + 0.3 * _normal(generator, n, 128)
    return rows.astype(np.float32)


def ramp_column(generator: np.random.Generator, n: int) -> Vectors:
    """Return uniform rows of shape (n, 64), whose first column goes on to 30."""
    rows = generator.random((n, 64), dtype=np.float32)
    rows[:, 0] += np.float32(30) * generator.random(n, dtype=np.float32)
    return rows


def image_patches(generator: np.random.Generator, n: int) -> Vectors:
    """Return patches of a picture, of shape (n, 192)."""
    light = _smooth(generator)
    channels = [light + 0.3 * _smooth(generator) for _ in range(3)]
    picture = np.clip(np.rint(128 + 48 * np.stack(channels, axis=2)), 0, 255)
    rows, columns = generator.integers(0, PICTURE - 8, (2, n))
    windows = np.lib.stride_tricks.sliding_window_view(picture, (8, 8), axis=(0, 1))
    return windows[rows, columns].reshape(n, 192).astype(np.float32)


def walk_windows(generator: np.random.Generator, n: int) -> Vectors:
    """Return windows of a random walk in any order, of shape (n, 64)."""
    walk = np.cumsum(generator.standard_normal(n + 63))
    windows = np.lib.stride_tricks.sliding_window_view(walk, 64)
    return windows[generator.permutation(n)].astype(np.float32)


def few_dimensions(generator: np.random.Generator, n: int) -> Vectors:
    """Return rows of twenty blobs, of shape (n, 4)."""
    centers = 10 * _normal(generator, 20, 4)
    return centers[generator.integers(0, 20, n)] + _normal(generator, n, 4)


def _smooth(generator: np.random.Generator) -> Vectors:
    """Return a square of mean 0 and variance 1 with amplitudes that fall as f**-1.5."""
    frequencies = np.fft.fftfreq(PICTURE)
    radius = np.hypot(frequencies[:, None], frequencies)
    radius[0, 0] = np.inf
    noise = np.fft.fft2(generator.standard_normal((PICTURE, PICTURE)))
    square = np.fft.ifft2(noise / radius**1.5).real
    return (square / square.std()).astype(np.float32)


def _normal(generator: np.random.Generator, rows: int, columns: int) -> Vectors:
    return generator.standard_normal((rows, columns), dtype=np.float32)
