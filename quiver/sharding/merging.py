"""Merging: one answer out of those of the shards, by (distance, id).

Rows of different shards that are equally far are told apart by the caller's ids, which
no two of them share; row numbers would depend on how rows are shared out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, UserIds
from quiver.errors import ShardError
from quiver.reference.answer import Answers
from quiver.reference.keys import NO_RESULT
from quiver.results import RadiusResult, SearchResult, SearchStats
from quiver.sharding.engines import Policy, Told
from quiver.sharding.manifest import Manifest
from quiver.sharding.messages import Message

_COLUMN = (1 << 29) - 1


@dataclass(frozen=True, eq=False, repr=False)
class ShardedResult(SearchResult):
    """A `SearchResult` that says how much of the index it comes from.

    Attributes
    ----------
    coverage : float
        Share of the vectors whose shards answered; 1 unless ``policy="partial"``.
    missing : tuple of str
        Files of the shards that did not.
    """

    coverage: float = 1.0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class ShardedRadiusResult(RadiusResult):
    """A `RadiusResult` with ``coverage`` and ``missing``, as `ShardedResult` has."""

    coverage: float = 1.0
    missing: tuple[str, ...] = ()


class Gathered(NamedTuple):
    """What came back from the shards.

    Attributes
    ----------
    answers : list of Message
        Of the shards that answered, in their order.
    coverage : float
        Their share of the vectors.
    missing : tuple of str
        Files of the others.
    """

    answers: list[Message]
    coverage: float
    missing: tuple[str, ...]

    @property
    def version(self) -> int:
        """How many operations have changed the shards that answered."""
        return sum(one.options["version"] for one in self.answers)


def gathered(manifest: Manifest, told: Told, policy: Policy) -> Gathered:
    """Return the answers of shards, all of which were asked.

    Raises
    ------
    ShardError
        If one is missing, or under ``partial`` if all are.
    """
    lost = [one for one in told if isinstance(one, ShardError)]
    if lost and (policy == "strict" or len(lost) == len(told)):
        raise lost[0]
    each = list(zip(manifest.shards, told, strict=True))
    missing = [shard for shard, one in each if isinstance(one, ShardError)]
    kept = manifest.n - sum(shard.n for shard in missing)
    coverage = kept / manifest.n if manifest.n else 1.0
    answers = [one for one in told if isinstance(one, Message)]
    return Gathered(answers, coverage, tuple(shard.file for shard in missing))


def merged(told: Sequence[Message], n_queries: int, k: int) -> Answers:
    """Return the k nearest of all that shards found; counters are added up."""
    found, far = ([one.arrays[part] for one in told] for part in (0, 1))
    if (lacking := k - sum(ids.shape[1] for ids in found)) > 0:
        found.append(np.full((n_queries, lacking), NO_RESULT, dtype=np.int64))
        far.append(np.full((n_queries, lacking), np.inf, dtype=np.float32))
    ids, distances = np.concatenate(found, axis=1), np.concatenate(far, axis=1)
    places = _nearest(ids, distances, k)
    counters = np.add.reduce([one.arrays[2] for one in told])
    counters[0] = np.minimum(counters[0], k)
    return Answers(ids.take(places), distances.take(places), counters)


def _nearest(ids: UserIds, distances: Distances, k: int) -> NDArray[np.int64]:
    """Return the places of the k nearest of each row, by (distance, id), in all."""
    n, width = ids.shape
    first = np.arange(n)[:, None] * width
    if not np.isfinite(distances).all():
        return np.lexsort((ids, distances, ids == NO_RESULT))[:, :k] + first
    # A float32 leaves 29 bits of a float64 empty, which hold the column.
    keys = distances.astype(np.float64)
    bits = keys.view(np.int64)
    bits |= np.arange(width)
    keys.sort(axis=1)
    places = (bits[:, : k + 1] & _COLUMN) + first
    nearest = distances.take(places)
    # Of two that are equally far the column does not tell which id is less.
    tied = (nearest[:, 1:] == nearest[:, :-1]).any(axis=1)
    if tied.any():
        order = np.lexsort((ids[tied], distances[tied]))
        places[tied] = order[:, : k + 1] + first[tied]
    return places[:, :k]


def merged_within(
    told: Gathered, n_queries: int, max_results: int | None
) -> ShardedRadiusResult:
    """Return all that shards found within a radius, the nearest ``max_results``."""
    offsets, *found = zip(*(one.arrays for one in told.answers), strict=True)
    ids, distances = np.concatenate(found[0]), np.concatenate(found[1])
    each = np.arange(n_queries)
    queries = np.concatenate([np.repeat(each, np.diff(bounds)) for bounds in offsets])
    order = np.lexsort((ids, distances, queries))
    counts = np.bincount(queries, minlength=n_queries)
    complete = np.logical_and.reduce(found[2])
    if max_results is not None:
        complete &= counts <= max_results
        place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        order, counts = order[place < max_results], np.minimum(counts, max_results)
    return ShardedRadiusResult(
        offsets=np.cumsum([0, *counts], dtype=np.int64),
        ids=ids[order],
        distances=distances[order],
        complete=complete,
        stats=SearchStats(*np.add.reduce(found[3])),
        version=told.version,
        coverage=told.coverage,
        missing=told.missing,
    )
