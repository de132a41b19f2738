"""What a search returns to its caller."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Counts, Distances, UserIds
from quiver.errors import InvalidArgumentError
from quiver.reference.answer import Answers
from quiver.reference.keys import NO_RESULT

SHOWN = 3
"""Answers that the text of a result shows."""


@dataclass(frozen=True)
class SearchStats:
    """Deterministic cost of each query.

    Attributes
    ----------
    hops : ndarray of shape (q,), int64
        Nodes expanded.
    distance_computations : ndarray of shape (q,), int64
        Code distances computed.
    reranked : ndarray of shape (q,), int64
        Exact float32 distances computed.
    lines_read : ndarray of shape (q,), int64
        Cache lines of 64 bytes that the code distances took; a row that is likely too
        far is dropped after its first ones.
    """

    hops: Counts
    distance_computations: Counts
    reranked: Counts
    lines_read: Counts


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult:
    """Nearest neighbours, best first; all arrays have one row per query.

    For a single query vector the leading axis is absent. A result unpacks into two:
    ``ids, distances = index.search(queries)``.

    Attributes
    ----------
    ids : ndarray of shape (q, k), int64
        The caller's ids; -1 where fewer than k were found. Ids given as uint64 are
        ``ids.view(np.uint64)``.
    distances : ndarray of shape (q, k), float32
        Ascending; +inf where fewer than k were found.
    counts : ndarray of shape (q,), int64
        How many were found.
    stats : SearchStats
        What the search cost.
    version : int
        Of the index that answered: how many operations had changed it.

    Examples
    --------
    >>> import numpy as np
    >>> import quiver
    >>> index = quiver.Index.build(np.eye(3), metric="euclidean", backend="reference")
    >>> result = index.search([1.0, 0.0, 0.0], k=2)
    >>> result
    SearchResult(shape=(2,), ids=[0, 1], distances=[0, 1.414])
    >>> ids, distances = result
    >>> result.take(["red", "green", "blue"])
    ['red', 'green']
    """

    _answers: Answers
    version: int = 0
    _is_single: bool = False

    # Told when asked: many a caller looks at the ids alone.

    @cached_property
    def ids(self) -> UserIds:
        """The caller's ids."""
        ids = self._answers.ids
        return ids[0] if self._is_single else ids

    @cached_property
    def distances(self) -> Distances:
        """The distances, ascending."""
        distances = self._answers.distances
        return distances[0] if self._is_single else distances

    @property
    def counts(self) -> Counts:
        """How many were found."""
        counts: Counts = self._counters[0]
        return counts

    @property
    def stats(self) -> SearchStats:
        """What the search cost."""
        return SearchStats(*self._counters[1:])

    @property
    def _counters(self) -> Counts:
        counters = self._answers.counters
        return counters[:, 0] if self._is_single else counters

    @classmethod
    def concatenate(cls, parts: Sequence[SearchResult]) -> SearchResult:
        """Return the result of a batch from those of its consecutive parts."""
        answers = Answers.concatenate([part._answers for part in parts])
        return cls(answers, parts[0].version)

    def first(self) -> SearchResult:
        """Return the result of the first query alone, without the leading axis."""
        return SearchResult(self._answers, self.version, _is_single=True)

    def __iter__(self) -> Iterator[AnyArray]:
        """Yield the ids, then the distances."""
        return iter((self.ids, self.distances))

    def __repr__(self) -> str:
        """Return the shape and the first answers."""
        ids = _glance(self.ids, "d")
        distances = _glance(self.distances, ".4g")
        return f"SearchResult(shape={self.ids.shape}, {ids=!s}, {distances=!s})"

    def to_dict(self) -> dict[str, Any]:
        """Return lists and numbers of Python's own, as ``json.dumps`` takes them.

        Returns
        -------
        dict
            ``ids``, ``distances`` and ``counts`` in the shape of the arrays, and
            ``stats`` by name. Where fewer than k were found the id is -1 and the
            distance None, since JSON has no infinity. JavaScript rounds integers
            from 2**53 on: send larger ids as text.
        """
        stats = {name: array.tolist() for name, array in asdict(self.stats).items()}
        return {
            "ids": self.ids.tolist(),
            "distances": _map(lambda d: None if d == math.inf else d, self.distances),
            "counts": self.counts.tolist(),
            "stats": stats,
        }

    def take(self, names: Any, missing: Any = None) -> list[Any]:
        """Return what belongs to each id: names, texts, rows of a table.

        Parameters
        ----------
        names : sequence or mapping
            In the order of the rows if the ids are row numbers, as they are by
            default; else a mapping with the ids as keys.
        missing : object, default None
            Stands where fewer than k were found.

        Returns
        -------
        list
            In the shape of ``ids``, so of lists for a batch.

        Raises
        ------
        InvalidArgumentError
            If an id has no name.
        """
        if not isinstance(names, (Mapping, list, tuple)):
            # A data frame's column would be asked by its labels, not by row number.
            names = np.asarray(names)

        def name_of(id_: int) -> Any:
            return missing if id_ == NO_RESULT else _name_of(id_, names)

        return _map(name_of, self.ids)


@dataclass(frozen=True, eq=False, repr=False)
class RadiusResult:
    """Every row within a radius; the answers of all queries one after the other.

    Iterating yields ids and distances for each query; ``result[i]`` is those of one.

    Attributes
    ----------
    offsets : ndarray of shape (q + 1,), int64
        Query i has the answers from ``offsets[i]`` up to ``offsets[i + 1]``.
    ids : ndarray of shape (offsets[-1],), int64
        The caller's ids.
    distances : ndarray of shape (offsets[-1],), float32
        Ascending for each query.
    complete : ndarray of shape (q,), bool
        False where ``max_results`` left farther answers out.
    stats : SearchStats
        What the search cost.
    version : int
        Of the index that answered, as of `SearchResult`.
    """

    offsets: Counts
    ids: NDArray[np.int64]
    distances: Distances
    complete: NDArray[np.bool_]
    stats: SearchStats
    version: int = 0

    @property
    def counts(self) -> Counts:
        """How many answers each query has, shape (q,), int64."""
        return np.diff(self.offsets)

    @classmethod
    def concatenate(cls, parts: Sequence[RadiusResult]) -> RadiusResult:
        """Return the result of a batch from those of its consecutive parts."""
        counts = np.concatenate([part.counts for part in parts])
        costs = [astuple(part.stats) for part in parts]
        return cls(
            offsets=np.cumsum([0, *counts], dtype=np.int64),
            ids=np.concatenate([part.ids for part in parts]),
            distances=np.concatenate([part.distances for part in parts]),
            complete=np.concatenate([part.complete for part in parts]),
            stats=SearchStats(*map(np.concatenate, zip(*costs, strict=True))),
            version=parts[0].version,
        )

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.complete)

    def __getitem__(self, number: int) -> tuple[NDArray[np.int64], Distances]:
        """Return ids and distances of one query."""
        # A range knows negative numbers and refuses those beyond; so iterating ends.
        number = range(len(self))[number]
        part = slice(*self.offsets[number : number + 2])
        return self.ids[part], self.distances[part]

    def __repr__(self) -> str:
        """Return the numbers of queries and answers."""
        return f"RadiusResult({len(self)} queries, {len(self.ids)} answers)"


def _name_of(id_: int, names: Any) -> Any:
    """Return the name of one id or raise that there is none."""
    if isinstance(names, Mapping):
        # An id given as uint64 comes back as the int64 of the same bits.
        for key in (id_, id_ % 2**64):
            if key in names:
                return names[key]
    elif 0 <= id_ < len(names):
        return names[id_]
    held = "every id as a key" if isinstance(names, Mapping) else "one item a row"
    msg = f"names must hold {held}, got {len(names)} of them and none for id {id_}"
    raise InvalidArgumentError(msg)


def _map(function: Callable[[Any], Any], array: AnyArray) -> list[Any]:
    """Return the values of a row, or of the rows of a batch, as lists."""
    if array.ndim == 1:
        return [function(value) for value in array.tolist()]
    return [[function(value) for value in row] for row in array.tolist()]


def _glance(array: AnyArray, form: str) -> str:
    """Return the first numbers of the first row, with dots for all left out."""
    first = array[:1].ravel() if array.ndim == 2 else array
    shown = [format(value, form) for value in first[:SHOWN].tolist()]
    row = f"[{', '.join(shown + ['...'] * (len(first) > SHOWN))}]"
    if array.ndim == 1:
        return row
    return f"[{row}{', ...' * (len(array) > 1)}]" if len(array) else "[]"
