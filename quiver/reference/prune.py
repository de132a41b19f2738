"""Prune: choose few, diverse out-edges from candidates sorted by (distance, id).

``vamana``: walk the candidates and keep c unless some kept s covers it:
``alpha · d(c, s) <= d(target, c)``. Distances are squared, so alpha is the square of
DiskANN's. ``published``: reject c when ``d(c, s) < alpha · d(target, c)``, then fill
with the nearest rejected.

Source: Vamana (DiskANN, NeurIPS 2019), RobustPrune; QuIVer (arXiv 2605.02171) for
the published rule. See docs/algorithm/prune.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Distances, Keys, Neighbors, PruneRule
from quiver.reference.codes import Codes
from quiver.reference.distance import distance_to_rows
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids


def prune(
    codes: Codes, candidates: Keys, max_degree: int, alpha: float, rule: PruneRule
) -> Neighbors:
    """Prune every row; see `quiver.backends.protocol.Backend.prune`."""
    neighbors = np.full((len(candidates), max_degree), NO_ID, dtype=np.uint32)
    for row, keys in zip(neighbors, candidates, strict=True):
        kept = prune_one(codes, keys[keys != NO_KEY], max_degree, alpha, rule)
        row[: len(kept)] = kept
    return neighbors


def prune_one(
    codes: Codes, keys: Keys, max_degree: int, alpha: float, rule: PruneRule
) -> list[int]:
    """Return the kept ids of one target, in the order they were kept.

    The distance to the target is read from the keys; only distances among the
    candidates are computed.
    """
    ids, to_target = key_ids(keys), key_distances(keys)
    kept: list[int] = []
    rejected: list[int] = []
    slack = np.float32(alpha)
    for candidate, reach in zip(ids, to_target, strict=True):
        if len(kept) == max_degree:
            break
        candidate_code = codes.take(candidate[None])
        to_kept = distance_to_rows(codes, candidate_code, np.array(kept, np.uint32))
        if _is_covered(to_kept, reach, slack, rule):
            rejected.append(int(candidate))
        else:
            kept.append(int(candidate))
    if rule == "published":
        kept += rejected[: max_degree - len(kept)]
    return kept


def _is_covered(
    to_kept: Distances, reach: np.float32, slack: np.float32, rule: PruneRule
) -> bool:
    if rule == "published":
        return bool(np.any(to_kept < slack * reach))
    return bool(np.any(slack * to_kept <= reach))
