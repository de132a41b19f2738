"""Runbooks for any vectors, by the schemes of the harness's own generators.

Where a scheme follows clusters, the base is put in the order of `by_cell` first, so
that a cluster is a range of numbers. Everything drawn comes from one seed.

Source: ``final_runbook_gen.py``, ``generate_msturing10m_runbooks.py``,
``gen_expiration_time_runbook.py`` and ``gen_replace_runbooks.py`` in
``neurips23/runbooks`` of the harness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from big_ann.runbook import (
    Delete,
    Insert,
    Replace,
    Runbook,
    Search,
    Step,
    assembled,
)
from quiver._typing import Vectors

ROUNDS = (100, 15, 10, 5, 3)
"""How much of a cluster the rounds insert, in some order: a Dirichlet's parameters."""
WINDOW_STEPS, LIFE_STEPS = 200, 100
LIVES = (LIFE_STEPS, LIFE_STEPS // 2, LIFE_STEPS // 5)
LIFE_SHARES = (1 / 19, 3 / 19, 15 / 19)
SAMPLE, TURNS, BLOCK = 20_000, 10, 4096

Rng = np.random.Generator
Offsets = NDArray[np.int64]


def by_cell(
    vectors: Vectors, n_cells: int, seed: int = 0
) -> tuple[NDArray[np.int64], Offsets]:
    """Return an order of rows that keeps clusters together, and where each begins.

    Clusters are those of k-means, ten turns on a sample. Shapes (n,) and
    (n_cells + 1,).
    """
    rng = np.random.default_rng(seed)
    sample = vectors[rng.permutation(len(vectors))[:SAMPLE]]
    centers = sample[:n_cells].copy()
    for _ in range(TURNS):
        owners = _nearest(sample, centers)
        for cell in np.unique(owners):
            centers[cell] = sample[owners == cell].mean(axis=0)
    owners = _nearest(vectors, centers)
    offsets = np.zeros(n_cells + 1, dtype=np.int64)
    np.cumsum(np.bincount(owners, minlength=n_cells), out=offsets[1:])
    return np.argsort(owners, kind="stable"), offsets


def clustered(offsets: Offsets, seed: int = 0) -> Runbook:
    """Return five rounds: every cluster grows by a share, then loses most it has.

    That of the final of the NeurIPS'23 track: a search follows each step.
    """
    return assembled(_clustered(offsets.tolist(), np.random.default_rng(seed)))


def sliding_window(offsets: Offsets, _seed: int = 0) -> Runbook:
    """Return insertions of half the rows, then as many out as in, oldest first."""
    return assembled(_sliding_window(int(offsets[-1])))


def expiring(offsets: Offsets, seed: int = 0) -> Runbook:
    """Return insertions of which most go after 20 steps, some after 50, few never."""
    return assembled(_expiring(int(offsets[-1]), np.random.default_rng(seed), (1, 1)))


def expiring_replaced(offsets: Offsets, seed: int = 0) -> Runbook:
    """Return `expiring`, where a part of the tags changes vectors half way."""
    rng = np.random.default_rng(seed)
    return assembled(_expiring(int(offsets[-1]), rng, (0.5, 0.9)))


def replaced_alike(offsets: Offsets, seed: int = 0) -> Runbook:
    """Return clusters inserted in part; then tags get vectors of their own cluster."""
    cells = np.arange(len(offsets) - 1)
    return assembled(_replaced(offsets.tolist(), cells, np.random.default_rng(seed)))


def replaced_anyhow(offsets: Offsets, seed: int = 0) -> Runbook:
    """Return clusters inserted in part; then tags get vectors of another cluster."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(len(offsets) - 1)
    return assembled(_replaced(offsets.tolist(), cells, rng))


KINDS: dict[str, Callable[[Offsets, int], Runbook]] = {
    "clustered": clustered,
    "sliding-window": sliding_window,
    "expiration": expiring,
    "expiration-replace": expiring_replaced,
    "clustered-replace": replaced_alike,
    "random-replace": replaced_anyhow,
}


def _clustered(offsets: list[int], rng: Rng) -> Iterator[Step]:
    n_cells = len(offsets) - 1
    shares = rng.permuted(rng.dirichlet(ROUNDS, n_cells), axis=1)
    alive, new = offsets[:-1], offsets[:-1]
    for share in shares.T:
        for cell, (start, end) in enumerate(pairwise(offsets)):
            first = new[cell]
            new[cell] += int((end - start) * share[cell])
            yield from _searched(Insert(first, new[cell]))
        for cell in range(n_cells):
            first = alive[cell]
            alive[cell] += int((new[cell] - first) * rng.uniform(0.5, 0.9))
            yield from _searched(Delete(first, alive[cell]))


def _sliding_window(n: int) -> Iterator[Step]:
    size, half = n // WINDOW_STEPS, WINDOW_STEPS // 2
    for step in range(WINDOW_STEPS):
        if step >= half:
            yield Search()
            yield Delete((step - half) * size, (step - half + 1) * size)
        yield Insert(step * size, (step + 1) * size)
    yield Search()


def _expiring(n: int, rng: Rng, fractions: tuple[float, float]) -> Iterator[Step]:
    size = n // LIFE_STEPS
    due: dict[int, list[Step]] = {}
    for step in range(LIFE_STEPS):
        start, end = step * size, (step + 1) * size
        middle = start + int(size * rng.uniform(*fractions))
        yield Insert(start, middle)
        life = int(rng.choice(LIVES, p=LIFE_SHARES))
        due.setdefault(step + life, []).append(Delete(start, middle))
        count = min(end - middle, middle - start)
        change = Replace(start, start + count, middle, middle + count)
        due.setdefault(step + life // 2, []).append(change)
        yield from due.pop(step, [])
        yield Search()


def _replaced(offsets: list[int], cells: NDArray[np.int64], rng: Rng) -> Iterator[Step]:
    spans = [*pairwise(offsets)]
    middles = [
        start + int((end - start) * rng.uniform(0.5, 0.9)) for start, end in spans
    ]
    for (start, _), middle in zip(spans, middles, strict=True):
        yield from _searched(Insert(start, middle))
    for cell, source in enumerate(cells.tolist()):
        start, middle = spans[cell][0], middles[cell]
        first, end = middles[source], spans[source][1]
        count = min(middle - start, int((end - first) * rng.uniform()))
        yield from _searched(Replace(start, start + count, first, first + count))


def _searched(step: Step) -> Iterator[Step]:
    yield step
    yield Search()


def _nearest(vectors: Vectors, centers: Vectors) -> NDArray[np.int64]:
    halves = np.square(centers).sum(axis=1) / 2
    blocks = [vectors[i : i + BLOCK] for i in range(0, len(vectors), BLOCK)]
    return np.concatenate([(halves - block @ centers.T).argmin(1) for block in blocks])
