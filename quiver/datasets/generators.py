"""Seventeen regimes: seeded vectors with the statistics of known kinds of data.

Twelve stand in for the data sets of QuIVer's cross-dataset table (arXiv 2605.02171,
Table 11) where those cannot be had: `quiver.datasets.kinds`. Five are what two bits a
coordinate cannot tell apart: `quiver.datasets.tight`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from quiver._typing import Metric, Vectors
from quiver.datasets import kinds, tight
from quiver.datasets.draw import Draw
from quiver.errors import InvalidArgumentError
from quiver.validation.checks import MAX_ROWS, check_int

Make: TypeAlias = Callable[[Draw], Vectors]

BLOCK_ROWS = 20_000
"""Rows drawn at once by `generate_blocks`: their means and scales, which some kinds set
to a value, are off by less than a hundredth of their spread."""

MAX_SEED = 2**63 - 1


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
        ``make(draw)`` returns ``draw.size`` rows.
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
    generator = np.random.default_rng(check_int("seed", seed, 0, MAX_SEED))
    total = n + n_queries
    rows = regime.make(Draw(generator, generator, 0, total, total))
    return rows[:n], rows[n:]


def generate_blocks(regime: Regime, n: int, seed: int = 0) -> Iterator[Vectors]:
    """Yield the rows of a regime a block at a time: any number in little memory.

    Parameters
    ----------
    regime : Regime
        One of ``REGIMES``.
    n : int
        Rows of all blocks together, >= 1.
    seed : int, default 0
        The same seed gives the same rows with the same NumPy, and others than
        `generate` draws. More rows begin with the same, but for ``walk-windows``.

    Yields
    ------
    ndarray of shape (<= BLOCK_ROWS, dim), float32

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If a number is out of range.

    Examples
    --------
    >>> blocks = generate_blocks(find_regime("few-dimensions"), 50_000)
    >>> [len(block) for block in blocks]
    [20000, 20000, 10000]
    """
    n = check_int("n", n, 1, MAX_ROWS)
    seed = check_int("seed", seed, 0, MAX_SEED)
    for number, start in enumerate(range(0, n, BLOCK_ROWS)):
        own = np.random.SeedSequence(seed, spawn_key=(number,))
        shared, rows = np.random.default_rng(seed), np.random.default_rng(own)
        # Drawn whole, the last block has the statistics of the others.
        block = regime.make(Draw(shared, rows, start, BLOCK_ROWS, n))
        yield block[: n - start]


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


def _text(dim: int, mean_norm: float, rank: int) -> Make:
    return partial(kinds.embeddings, dim=dim, mean_norm=mean_norm, rank=rank)


_NONE = "none", float("nan")

REGIMES = (
    Regime("text-384", 384, "cosine", "MiniLM-1M", 0.8809, _text(384, 0.32, 200)),
    Regime("text-768", 768, "cosine", "Cohere-1M", 0.9513, _text(768, 0.83, 250)),
    Regime("text-1024", 1024, "cosine", "BGE-M3-1M", 0.9381, _text(1024, 0.6, 300)),
    Regime("text-1536", 1536, "cosine", "DBpedia-1M", 0.9534, _text(1536, 0.84, 300)),
    Regime("text-3072", 3072, "cosine", "DBpedia-3072", 0.9565, _text(3072, 0.45, 400)),
    Regime("clip-like", 512, "cosine", "Wolt-CLIP", 0.7068, kinds.clip_like),
    Regime("words-like", 100, "cosine", "GloVe-100", 0.3208, kinds.words_like),
    Regime("sift-like", 128, "euclidean", "SIFT-128", 0.1485, kinds.sift_like),
    Regime("gist-like", 960, "euclidean", "GIST-960", 0.0201, kinds.gist_like),
    Regime("zipf-clusters", 768, "cosine", "Synthetic-LR", 0.4176, kinds.zipf_clusters),
    Regime("gaussian", 768, "euclidean", *_NONE, kinds.gaussian),
    Regime("sphere", 768, "cosine", "Random-Sphere", 0.0040, kinds.sphere),
    Regime("near-copies", 128, "euclidean", *_NONE, tight.near_copies),
    Regime("ramp-column", 64, "euclidean", *_NONE, tight.ramp_column),
    Regime("image-patches", 192, "euclidean", *_NONE, tight.image_patches),
    Regime("walk-windows", 64, "euclidean", *_NONE, tight.walk_windows),
    Regime("few-dimensions", 4, "euclidean", *_NONE, tight.few_dimensions),
)
"""The regimes, in the order of the table."""
