"""Kinds of data that the constants of a forecast are fitted to, and awkward ones.

Generated regimes as they are, with norms that vary and under other metrics; clouds
without structure; copies, fill values, blobs and bytes far from the origin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from quiver._typing import Metric, Vectors
from quiver.datasets.generators import find_regime, generate

Make = Callable[[int], Vectors]


class Kind(NamedTuple):
    """One kind of data; those of a family are left out together."""

    name: str
    family: str
    metric: Metric
    make: Make


def kinds() -> Iterator[Kind]:
    """Yield every kind."""
    for name, family in REGIMES.items():
        yield Kind(name, family or name, find_regime(name).metric, regime(name))
    for name, sigma, metric in VARIED:
        rows = with_norms(regime(name), sigma)
        yield Kind(f"{name}, sigma={sigma:g}", REGIMES[name] or name, metric, rows)
    for family, named in AWKWARD.items():
        for name, metrics, make in named:
            for metric in metrics:
                yield Kind(name, family, metric, make)


def regime(name: str) -> Make:
    return lambda n: generate(find_regime(name), n, 1)[0]


def with_norms(make: Make, sigma: float) -> Make:
    """Return rows whose norms are multiplied by log-normal factors."""

    def varied(n: int) -> Vectors:
        factors = np.random.default_rng(5).lognormal(0, sigma, (n, 1))
        return make(n) * factors.astype(np.float32)

    return varied


def cloud(dim: int, mean: float = 0.0) -> Make:
    def normal(n: int) -> Vectors:
        rows = np.random.default_rng(1).normal(size=(n, dim)).astype(np.float32)
        return rows + np.float32(mean)

    return normal


def cube(n: int) -> Vectors:
    return np.random.default_rng(1).random((n, 32)).astype(np.float32)


def skewed(n: int) -> Vectors:
    """Return log-normal coordinates."""
    return np.random.default_rng(4).lognormal(0, 1, (n, 64)).astype(np.float32)


def with_copies(make: Make) -> Make:
    """Return rows, two in five replaced by one of the first tenth."""

    def copied(n: int) -> Vectors:
        generator = np.random.default_rng(2)
        is_copy = generator.random(n) < 0.4
        return make(n)[np.where(is_copy, generator.integers(0, n // 10, n), range(n))]

    return copied


def with_fill(make: Make) -> Make:
    """Return rows, one in twenty of them all -3."""

    def filled(n: int) -> Vectors:
        rows = make(n).copy()
        rows[np.random.default_rng(2).random(n) < 0.05] = -3
        return rows

    return filled


def blobs(count: int, dim: int, noise: float) -> Make:
    def drawn(n: int) -> Vectors:
        generator = np.random.default_rng(3)
        centers = generator.normal(size=(count, dim))
        rows = centers[generator.integers(count, size=n)]
        return (rows + noise * generator.normal(size=(n, dim))).astype(np.float32)

    return drawn


def byte_blobs(dim: int, spread: float, noise: float) -> Make:
    """Return 64 blobs of bytes around 128: far off center."""

    def drawn(n: int) -> Vectors:
        generator = np.random.default_rng(3)
        centers = 128 + spread * generator.normal(size=(64, dim))
        rows = centers[generator.integers(64, size=n)]
        rows = np.rint(rows + noise * generator.normal(size=(n, dim)))
        return np.clip(rows, 0, 255).astype(np.float32)

    return drawn


REGIMES = {
    **dict.fromkeys(("text-384", "text-768", "text-1536"), "text"),
    **dict.fromkeys(("clip-like", "words-like", "sift-like", "gist-like"), ""),
    "zipf-clusters": "",
    **dict.fromkeys(("gaussian", "sphere"), "cloud"),
    **dict.fromkeys(("near-copies", "ramp-column", "image-patches"), ""),
    **dict.fromkeys(("walk-windows", "few-dimensions"), ""),
}
"""Regimes and their families; those of none are their own."""

VARIED: tuple[tuple[str, float, Metric], ...] = (
    ("text-384", 0.5, "euclidean"),
    ("text-384", 0.5, "inner_product"),
    ("text-384", 1.0, "euclidean"),
    ("sift-like", 0.5, "euclidean"),
    ("sift-like", 0.5, "inner_product"),
    ("sift-like", 1.5, "euclidean"),
    ("words-like", 1.0, "inner_product"),
    ("clip-like", 0.25, "euclidean"),
)

_E, _I, _C = ("euclidean",), ("inner_product",), ("cosine",)
AWKWARD: dict[str, tuple[tuple[str, tuple[Metric, ...], Make], ...]] = {
    "few-dimensions": (("8-d cloud", _E, cloud(8)),),
    "cloud": (
        ("24-d cloud", _E, cloud(24)),
        ("64-d cloud", (*_E, *_I), cloud(64)),
        ("64-d cloud, sigma=0.5", _E, with_norms(cloud(64), 0.5)),
        ("64-d cloud, mean 0.4", _I, cloud(64, 0.4)),
        ("128-d cloud", _C, cloud(128)),
    ),
    "cube": (("32-d cube", (*_E, *_I), cube),),
    "skewed": (("log-normal", (*_E, *_I), skewed),),
    "text": (
        ("text-384 with copies", _C, with_copies(regime("text-384"))),
        ("text-384 with fill values", _E, with_fill(regime("text-384"))),
    ),
    "sift-like": (
        ("sift-like", _I, regime("sift-like")),
        ("sift-like with copies", _E, with_copies(regime("sift-like"))),
    ),
    "words-like": (("words-like", _E, regime("words-like")),),
    "clip-like": (("clip-like", _I, regime("clip-like")),),
    "blobs": (
        ("20 tight blobs", _E, blobs(20, 64, 0.05)),
        ("200 blobs", (*_C, *_I), blobs(200, 64, 0.5)),
    ),
    "bytes": (
        ("64 wide byte blobs", (*_E, *_I), byte_blobs(64, 30, 12)),
        ("64 byte blobs", _I, byte_blobs(128, 20, 6)),
    ),
}
