"""Seventeen regimes: seeded vectors with the statistics of known kinds of data.

Twelve stand in for the data sets of QuIVer's cross-dataset table (arXiv 2605.02171,
Table 11) where those cannot be had, and they are written from what is known of the
kind, never tuned to an index. What is matched, and to what:

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

Five are of `quiver.datasets.tight`: what two bits a coordinate cannot tell apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from quiver._typing import Ids, Metric, Vectors
from quiver.datasets import tight
from quiver.errors import InvalidArgumentError
from quiver.validation.checks import MAX_ROWS, check_int

Make: TypeAlias = Callable[[np.random.Generator, int], Vectors]


class Regime(NamedTuple):
    """One kind of data.

    Attributes
    ----------
    name : str
        For the command line and the table.
    dim : int
        Dimensions.
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the task.
    published : str
        The row of the paper's Table 11 that it stands in for.
    published_recall : float
        Recall@10 at ef=64 printed there, for a million rows and a degree of 64.
    make : callable
        ``make(generator, n)`` returns n rows.
    """

    name: str
    dim: int
    metric: Metric
    published: str
    published_recall: float
    make: Make


def generate(
    regime: Regime, n: int, n_queries: int, seed: int = 0
) -> tuple[Vectors, Vectors]:
    """Return base and queries of a regime, drawn from one distribution.

    Parameters
    ----------
    regime : Regime
        One of ``REGIMES``.
    n, n_queries : int
        Rows of each, >= 1.
    seed : int, default 0
        The same seed gives the same rows with the same NumPy.

    Returns
    -------
    vectors : ndarray of shape (n, dim), float32
    queries : ndarray of shape (n_queries, dim), float32

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If a number is out of range.

    Examples
    --------
    >>> vectors, queries = generate(find_regime("sift-like"), 1000, 10)
    >>> vectors.shape, queries.shape, float(vectors.min())
    ((1000, 128), (10, 128), 0.0)
    """
    n = check_int("n", n, 1, MAX_ROWS)
    n_queries = check_int("n_queries", n_queries, 1, MAX_ROWS)
    seed = check_int("seed", seed, 0, 2**63 - 1)
    rows = regime.make(np.random.default_rng(seed), n + n_queries)
    return rows[:n], rows[n:]


def find_regime(name: str) -> Regime:
    """Return the regime of that name.

    Raises
    ------
    InvalidArgumentError
        If there is none; the message lists them.
    """
    for regime in REGIMES:
        if regime.name == name:
            return regime
    known = ", ".join(regime.name for regime in REGIMES)
    msg = f"name must be one of {known}, got {name!r}"
    raise InvalidArgumentError(msg)


def _embeddings(
    generator: np.random.Generator,
    n: int,
    *,
    dim: int,
    mean_norm: float,
    rank: int,
    decay: float = 0.5,
    attributes: int = 8,
    residual: float = 0.4,
) -> Vectors:
    """Return unit vectors of an embedding model."""
    latent = _compose(generator, n, rank, decay, attributes, residual)
    rows = latent @ _normal(generator, rank, dim)
    rows *= 1 / np.sqrt((rows * rows).sum(axis=1).mean())
    # What no attribute explains: 1 % of the variance, in every direction.
    rows += np.float32(0.1 / np.sqrt(dim)) * _normal(generator, n, dim)
    rows -= rows.mean(axis=0)
    # Means of trained models are carried by a few outsize coordinates.
    mean = generator.standard_t(2, size=dim)
    spread = np.sqrt((rows * rows).sum(axis=1).mean())
    length = spread * mean_norm / np.sqrt(1 - mean_norm**2)
    rows += (mean * (length / np.linalg.norm(mean))).astype(np.float32)
    return _unit(rows)


def _sift_like(generator: np.random.Generator, n: int) -> Vectors:
    energy = _positive(generator, n, dim=128, rank=32, sharpness=1.1)
    energy = np.maximum(energy - np.quantile(energy[:1000], 1 / 6), 0)
    # The descriptor's own recipe: unit norm, clip at 0.2, unit norm, 8 bits.
    clipped = _unit(np.minimum(_unit(energy), 0.2))
    return np.minimum(np.rint(512 * clipped), 255).astype(np.float32)


def _gist_like(generator: np.random.Generator, n: int) -> Vectors:
    return np.float32(0.06) * _positive(generator, n, dim=960, rank=64, sharpness=0.6)


def _positive(
    generator: np.random.Generator, n: int, *, dim: int, rank: int, sharpness: float
) -> Vectors:
    """Return lognormal energies of correlated filters."""
    latent = _compose(generator, n, rank, 0.7, 4, 0.6)
    scale = np.float32(np.sqrt(rank) / np.sqrt((latent * latent).sum(axis=1).mean()))
    filters = _normal(generator, rank, dim) / np.float32(np.sqrt(rank))
    return np.exp(np.float32(sharpness) * scale * (latent @ filters))


def _zipf_clusters(generator: np.random.Generator, n: int) -> Vectors:
    centers = _normal(generator, 1000, 64)
    clusters = _zipf(generator, n, 1000)
    latent = centers[clusters] + np.float32(0.5) * _normal(generator, n, 64)
    rows = latent @ _normal(generator, 64, 768)
    rows += np.float32(0.5) * _normal(generator, n, 768)
    return _unit(rows)


def _gaussian(generator: np.random.Generator, n: int) -> Vectors:
    return _normal(generator, n, 768)


def _sphere(generator: np.random.Generator, n: int) -> Vectors:
    return _unit(_normal(generator, n, 768))


def _compose(
    generator: np.random.Generator,
    n: int,
    rank: int,
    decay: float,
    attributes: int,
    residual: float,
) -> Vectors:
    """Return sums of attribute vectors and a residual, with a power-law spectrum."""
    spectrum = np.arange(1, rank + 1) ** (-decay / 2)
    spectrum = (spectrum / np.linalg.norm(spectrum)).astype(np.float32)
    weights = np.arange(1, attributes + 1) ** -0.5
    rows = np.zeros((n, rank), dtype=np.float32)
    for weight in weights / np.linalg.norm(weights):
        values = np.float32(weight) * _normal(generator, 300, rank) * spectrum
        rows += values[_zipf(generator, n, 300)]
    sizes = residual * np.exp(0.3 * generator.standard_normal((n, 1)))
    rows += sizes.astype(np.float32) * _normal(generator, n, rank) * spectrum
    return rows


def _zipf(generator: np.random.Generator, n: int, size: int) -> Ids:
    shares = 1 / np.arange(1, size + 1)
    drawn = generator.choice(size, n, p=shares / shares.sum())
    return drawn.astype(np.uint32)


def _normal(generator: np.random.Generator, rows: int, columns: int) -> Vectors:
    return generator.standard_normal((rows, columns), dtype=np.float32)


def _unit(rows: Vectors) -> Vectors:
    return rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))


def _text(dim: int, mean_norm: float, rank: int) -> Make:
    return partial(_embeddings, dim=dim, mean_norm=mean_norm, rank=rank)


_NONE = "none", float("nan")
_CLIP = partial(_embeddings, dim=512, mean_norm=0.7, rank=256, decay=1.0, residual=0.6)
_WORDS = partial(_embeddings, dim=100, mean_norm=0.3, rank=100, decay=0.3, residual=1.5)

REGIMES = (
    Regime("text-384", 384, "cosine", "MiniLM-1M", 0.8809, _text(384, 0.32, 200)),
    Regime("text-768", 768, "cosine", "Cohere-1M", 0.9513, _text(768, 0.83, 250)),
    Regime("text-1024", 1024, "cosine", "BGE-M3-1M", 0.9381, _text(1024, 0.6, 300)),
    Regime("text-1536", 1536, "cosine", "DBpedia-1M", 0.9534, _text(1536, 0.84, 300)),
    Regime("text-3072", 3072, "cosine", "DBpedia-3072", 0.9565, _text(3072, 0.45, 400)),
    Regime("clip-like", 512, "cosine", "Wolt-CLIP", 0.7068, _CLIP),
    Regime("words-like", 100, "cosine", "GloVe-100", 0.3208, _WORDS),
    Regime("sift-like", 128, "euclidean", "SIFT-128", 0.1485, _sift_like),
    Regime("gist-like", 960, "euclidean", "GIST-960", 0.0201, _gist_like),
    Regime("zipf-clusters", 768, "cosine", "Synthetic-LR", 0.4176, _zipf_clusters),
    Regime("gaussian", 768, "euclidean", *_NONE, _gaussian),
    Regime("sphere", 768, "cosine", "Random-Sphere", 0.0040, _sphere),
    Regime("near-copies", 128, "euclidean", *_NONE, tight.near_copies),
    Regime("ramp-column", 64, "euclidean", *_NONE, tight.ramp_column),
    Regime("image-patches", 192, "euclidean", *_NONE, tight.image_patches),
    Regime("walk-windows", 64, "euclidean", *_NONE, tight.walk_windows),
    Regime("few-dimensions", 4, "euclidean", *_NONE, tight.few_dimensions),
)
"""The regimes, in the order of the table."""
