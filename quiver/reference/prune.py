"""Prune: choose few, diverse out-edges from candidates sorted by (distance, id).

``vamana``: walk the candidates and keep c unless some kept s covers it:
``alpha · d(c, s) <= d(target, c)`` and ``bias_s >= beta · bias_c``. Distances are
squared, so alpha is the square of DiskANN's. The second condition is quiver's own: a
row near the centre is about as near to everything, but knows the way to nothing.
``strict_first``: the same with an alpha of 1; in what room is left, those struck are
walked once more, with alpha.
``published``: reject c when ``d(c, s) < alpha · d(target, c)``, then fill
with the nearest rejected.

Source: Vamana (DiskANN, NeurIPS 2019), RobustPrune, and its code for rounds of growing
slack; QuIVer (arXiv 2605.02171) for
the published rule. See docs/algorithm/prune.md.
"""

from __future__ import annotations

import numpy as np

from quiver._typing import Keys, Neighbors, PruneRule
from quiver.reference.codes import Codes
from quiver.reference.distance import distance_to_rows
from quiver.reference.keys import NO_ID, NO_KEY, key_distances, key_ids


def prune(
    codes: Codes,
    candidates: Keys,
    max_degree: int,
    alpha: float,
    beta: float,
    rule: PruneRule,
) -> Neighbors:
    """Prune every row; see `quiver.backends.protocol.Backend.prune`."""
    neighbors = np.full((len(candidates), max_degree), NO_ID, dtype=np.uint32)
    for row, keys in zip(neighbors, candidates, strict=True):
        kept = prune_one(codes, keys[keys != NO_KEY], max_degree, alpha, beta, rule)
        row[: len(kept)] = kept
    return neighbors


def first_slack(alpha: float, rule: PruneRule) -> float:
    """Return the slack of a rule's first round."""
    return 1.0 if rule == "strict_first" else alpha


def prune_one(
    codes: Codes,
    keys: Keys,
    max_degree: int,
    alpha: float,
    beta: float,
    rule: PruneRule,
) -> list[int]:
    """Return the kept ids of one target, in the order they were kept.

    The distance to the target is read from the keys; only distances among the
    candidates are computed.
    """
    ids, to_targets = key_ids(keys), key_distances(keys)
    biases = codes.corrections[ids, 1]
    least_biases = np.float32(beta) * biases
    kept: list[int] = []
    struck: list[int] = []

    def is_covered(place: int, slack: float) -> bool:
        to_kept = distance_to_rows(codes, codes.take(ids[place, None]), ids[kept])
        if rule == "published":
            return bool((to_kept < np.float32(alpha) * to_targets[place]).any())
        covers = np.float32(slack) * to_kept <= to_targets[place]
        # A row near the centre is about as near to everything.
        covers &= biases[kept] >= least_biases[place]
        return bool(covers.any())

    for place in range(len(ids)):
        if len(kept) == max_degree:
            break
        (struck if is_covered(place, first_slack(alpha, rule)) else kept).append(place)
    for place in struck if rule != "vamana" else ():
        if len(kept) == max_degree:
            break
        if rule == "published" or not is_covered(place, alpha):
            kept.append(place)
    return ids[kept].tolist()
