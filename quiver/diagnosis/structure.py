"""Structure: whether there is a neighbourhood to find, for any index.

Where all exact distances are nearly the same, the true neighbours are near by accident:
no graph leads to them, whatever it compares. The local intrinsic dimension tells how
fast rivals multiply with distance; in it, real embeddings are small.

Source: the maximum-likelihood estimate of Levina and Bickel (NIPS 2004), averaged as
MacKay and Ghahramani propose; relative contrast after He, Kumar and Chang (ICML 2012).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances
from quiver.diagnosis.sample import Sample, squared_distances
from quiver.recall.marks import Truth

LOCAL_RANK = 100
"""Neighbours that define the neighbourhood of a query."""

NEAR = 1.1
"""A rival is a row at most this many times as far as the 10th neighbour."""

N_BINS = 40

_HISTOGRAM_QUERIES = 100
_CHANCE_QUERIES = 20


class Structure(NamedTuple):
    """What exact distances show.

    Attributes
    ----------
    local_dimension : float
        Local intrinsic dimension; infinite where distances do not grow at all.
    contrast : float
        Mean distance over the distance of the 10th neighbour.
    rivals : float
        Share of the sample no more than ``NEAR`` times as far as the 10th neighbour.
    ties : float
        Share of queries whose 10th neighbour ties with the 11th: any of them is right.
    chance : float
        Share of the sample no farther than the 10th neighbour, which is what an answer
        of random rows would be credited with.
    edges, all_distances, near_distances : tuple of float
        Histogram of distances to all rows and to the 10 nearest, as densities.
    """

    local_dimension: float
    contrast: float
    rivals: float
    ties: float
    chance: float
    edges: tuple[float, ...]
    all_distances: tuple[float, ...]
    near_distances: tuple[float, ...]


def measure_structure(sample: Sample, k: int) -> Structure:
    """Measure exact distances of a Euclidean sample."""
    base, queries = sample.vectors, sample.queries
    rank = min(LOCAL_RANK, len(base) // 2)
    exact = sample.neighbors(max(rank, k + 1))[1]
    near = exact.astype(np.float64)
    some = np.sqrt(squared_distances(queries[:_HISTOGRAM_QUERIES], base))
    kth = near[: len(some), k - 1 : k]
    edges, (all_density, near_density) = _histograms(some, near[: len(some), :k])
    with np.errstate(divide="ignore", invalid="ignore"):
        contrast = float(np.nan_to_num(np.mean(some.mean(axis=1) / kth[:, 0]), nan=1.0))
    return Structure(
        local_dimension=_local_dimension(near[:, :rank]),
        contrast=min(contrast, 1e9),
        rivals=float((some <= NEAR * kth).mean()),
        ties=float((exact[:, k - 1] == exact[:, k]).mean()),
        chance=_chance(sample, exact[:, k - 1]),
        edges=edges,
        all_distances=all_density,
        near_distances=near_density,
    )


def _local_dimension(near: NDArray[np.float64]) -> float:
    """Return the inverse mean logarithm of how far the last neighbour outdoes each."""
    last = near[:, -1:]
    usable = (near[:, :-1] > 0) & (last > 0)
    ratios = np.divide(last, near[:, :-1], out=np.ones_like(near[:, :-1]), where=usable)
    if not usable.any():
        return float("inf")
    growth = float(np.log(ratios[usable]).mean())
    return 1 / growth if growth > 0 else float("inf")


def _chance(sample: Sample, kth: Distances) -> float:
    """Return the share of exact distances, of a few queries, within the k-th."""
    few = kth[:_CHANCE_QUERIES]
    rows = np.arange(len(sample.vectors), dtype=np.uint32)
    every_row = np.broadcast_to(rows, (len(few), len(rows))).copy()
    return float(sample.marks(every_row, Truth(few)).mean())


def _histograms(
    *groups: NDArray[np.float64],
) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    low, high = (
        float(min(group.min() for group in groups)),
        float(max(group.max() for group in groups)),
    )
    if high <= low:
        high = low + 1.0
    edges = np.linspace(low, high, N_BINS + 1)
    densities = [
        np.histogram(group, edges, density=True)[0].tolist() for group in groups
    ]
    return tuple(edges.tolist()), [tuple(density) for density in densities]
