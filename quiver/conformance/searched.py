"""Searched: what `answer` reads of an index, drawn with masks and unlinked rows."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from quiver._typing import Ids, KeptVectors, Metric, Neighbors, Unlinked
from quiver.conformance import hazards
from quiver.reference.answer import Searched
from quiver.reference.codes import Codes, Transform
from quiver.reference.keys import NO_ID


def make_searched(
    rng: Generator,
    vectors: KeptVectors,
    codes: Codes,
    transform: Transform,
    neighbors: Neighbors,
    entry_points: Ids,
    metric: Metric,
) -> Searched:
    """Return an index of at least one row over a graph, with what makes it hazardous.

    The codes need not be those of the vectors, nor the graph without unlinked rows:
    the answer must be the same even then.
    """
    n, is_masked = codes.n_rows, rng.random() < 0.3
    mean = rng.standard_normal(vectors.shape[1:])
    return Searched(
        codes=codes,
        neighbors=neighbors,
        entry_points=entry_points,
        vectors=vectors,
        transform=transform,
        metric=metric,
        mean=mean.astype(np.float32),
        ids=rng.integers(-(2**63), 2**63, (n,)),
        allowed=hazards.make_masks(rng, n, 1) if is_masked else None,
        beside=rng.permutation(n)[: rng.integers(0, 3)].astype(np.uint32),
        unlinked=make_unlinked(rng, n),
        screened=bool(rng.random() < 0.7),
    )


def make_unlinked(rng: Generator, n: int) -> Unlinked:
    """Return some rows after others that they count as equal to, or after NO_ID."""
    rows = rng.permutation(n).astype(np.uint32)
    copies, hosts = np.split(rows, [int(rng.integers(0, n))])
    equal_to = hosts[rng.integers(0, len(hosts), len(copies))]
    equal_to[rng.random(len(copies)) < 0.3] = NO_ID
    pairs = np.stack([equal_to, copies], axis=1)
    return pairs[np.lexsort((copies, equal_to))]
