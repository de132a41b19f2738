"""Twelve kinds of vectors, written from what is known of each, never tuned to an index.

What is matched, and to what:

- Sentence embeddings: a few attributes with Zipf-distributed values add up, plus a
  residual of lognormal size, all in a subspace with a power-law spectrum, plus a mean
  with a few outsize coordinates. The 384-d one has the mean norm (0.32) and about the
  local dimension (25 at 10 000 rows) of all-MiniLM-L6-v2; the others have the mean
  norms their models show or are near (768-d: 0.83; 1 536-d: cosines around 0.7).
- CLIP-like: the same with the narrow cone of such models, cosines around 0.5.
- Word vectors: hardly any shared attributes, full rank, hence a high local dimension.
- Histograms of gradients (SIFT-like, GIST-like): non-negative, skewed, correlated;
  SIFT's 0 … 255 integers with a sixth of zeros, clipped at 0.2 of the norm.
- Low rank with Zipf clusters: hard Gaussian clusters whose sizes follow Zipf's law.
- Isotropic Gaussian and random sphere: nothing to find, by construction.

Means, scales and quantiles are those of the rows drawn together.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from quiver._typing import Vectors
from quiver.datasets.draw import Draw, normal, unit


def embeddings(
    draw: Draw,
    *,
    dim: int,
    mean_norm: float,
    rank: int,
    decay: float = 0.5,
    attributes: int = 8,
    residual: float = 0.4,
) -> Vectors:
    """Return unit vectors of an embedding model."""
    latent = _compose(draw, rank, decay, attributes, residual)
    rows = latent @ normal(draw.shared, rank, dim)
    rows *= 1 / np.sqrt((rows * rows).sum(axis=1).mean())
    # What no attribute explains: 1 % of the variance, in every direction.
    rows += np.float32(0.1 / np.sqrt(dim)) * draw.normal(dim)
    rows -= rows.mean(axis=0)
    # Means of trained models are carried by a few outsize coordinates.
    mean = draw.shared.standard_t(2, size=dim)
    spread = np.sqrt((rows * rows).sum(axis=1).mean())
    length = spread * mean_norm / np.sqrt(1 - mean_norm**2)
    rows += (mean * (length / np.linalg.norm(mean))).astype(np.float32)
    return unit(rows)


clip_like = partial(
    embeddings, dim=512, mean_norm=0.7, rank=256, decay=1.0, residual=0.6
)
words_like = partial(
    embeddings, dim=100, mean_norm=0.3, rank=100, decay=0.3, residual=1.5
)


def sift_like(draw: Draw) -> Vectors:
    """Return histograms of 128 gradients in 8 bits."""
    energy = _positive(draw, dim=128, rank=32, sharpness=1.1)
    energy = np.maximum(energy - np.quantile(energy[:1000], 1 / 6), 0)
    # The descriptor's own recipe: unit norm, clip at 0.2, unit norm, 8 bits.
    clipped = unit(np.minimum(unit(energy), 0.2))
    return np.minimum(np.rint(512 * clipped), 255).astype(np.float32)


def gist_like(draw: Draw) -> Vectors:
    """Return energies of 960 filters."""
    return np.float32(0.06) * _positive(draw, dim=960, rank=64, sharpness=0.6)


def _positive(draw: Draw, *, dim: int, rank: int, sharpness: float) -> Vectors:
    """Return lognormal energies of correlated filters."""
    latent = _compose(draw, rank, 0.7, 4, 0.6)
    scale = np.float32(np.sqrt(rank) / np.sqrt((latent * latent).sum(axis=1).mean()))
    filters = normal(draw.shared, rank, dim) / np.float32(np.sqrt(rank))
    return np.exp(np.float32(sharpness) * scale * (latent @ filters))


def zipf_clusters(draw: Draw) -> Vectors:
    """Return 1 000 clusters in 64 dimensions, seen in 768."""
    centers = normal(draw.shared, 1000, 64)
    clusters = draw.zipf(1000)
    latent = centers[clusters] + np.float32(0.5) * draw.normal(64)
    rows = latent @ normal(draw.shared, 64, 768)
    rows += np.float32(0.5) * draw.normal(768)
    return unit(rows)


def gaussian(draw: Draw) -> Vectors:
    """Return an isotropic Gaussian."""
    return draw.normal(768)


def sphere(draw: Draw) -> Vectors:
    """Return the directions of one."""
    return unit(draw.normal(768))


def _compose(
    draw: Draw, rank: int, decay: float, attributes: int, residual: float
) -> Vectors:
    """Return sums of attribute vectors and a residual, with a power-law spectrum."""
    spectrum = np.arange(1, rank + 1) ** (-decay / 2)
    spectrum = (spectrum / np.linalg.norm(spectrum)).astype(np.float32)
    weights = np.arange(1, attributes + 1) ** -0.5
    rows = np.zeros((draw.size, rank), dtype=np.float32)
    for weight in weights / np.linalg.norm(weights):
        values = np.float32(weight) * normal(draw.shared, 300, rank) * spectrum
        rows += values[draw.zipf(300)]
    sizes = residual * np.exp(0.3 * draw.rows.standard_normal((draw.size, 1)))
    rows += sizes.astype(np.float32) * draw.normal(rank) * spectrum
    return rows
