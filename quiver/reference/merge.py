"""Merge: reverse edges join the lists of their targets, in order.

Whoever chose an edge to a row becomes that row's neighbour in turn. A list with room
takes the new sources behind those it has; one that would overflow is pruned, with them,
to the degree bound. Only targets in a range of rows are served, so that several threads
share the edges without sharing a list.

Source: Vamana (DiskANN, NeurIPS 2019); ParlayANN (PPoPP 2024) for reverse edges grouped
by target. See docs/algorithm/build.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Ids, Mask, Neighbors, PruneRule
from quiver.reference.codes import Codes
from quiver.reference.distance import distance
from quiver.reference.keys import NO_ID, make_keys
from quiver.reference.masks import is_marked
from quiver.reference.prune import prune_one


def merge(
    codes: Codes,
    neighbors: Neighbors,
    sources: Ids,
    edges: Neighbors,
    start: int,
    stop: int,
    max_degree: int,
    alpha: float,
    beta: float,
    rule: PruneRule,
    *,
    allowed: Mask | None = None,
) -> tuple[Ids, Neighbors]:
    """Merge for every target; see `quiver.backends.protocol.Backend.merge`."""
    width = neighbors.shape[1]
    targets = np.unique(edges[(edges >= start) & (edges < stop)])
    lists = np.full((len(targets), width), NO_ID, dtype=np.uint32)
    for target, row in zip(targets, lists, strict=True):
        known = neighbors[target][neighbors[target] != NO_ID]
        chosen_by = sources[(edges == target).any(axis=1)]
        merged = np.append(known, chosen_by[~np.isin(chosen_by, known)])
        if len(merged) <= width:
            row[: len(merged)] = merged
            continue
        if allowed is not None:
            merged = merged[is_marked(allowed[0], merged)]
        own = codes.take(target[None])
        keys = np.sort(make_keys(distance(codes, own, merged[None])[0], merged))
        kept = prune_one(codes, keys, max_degree, alpha, beta, rule)
        row[: len(kept)] = kept
    return targets, lists
