"""Joined: the rows of all shards to be built, behind the face of one array."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from quiver._typing import Vectors
from quiver.sharding.spilling import Spilled
from quiver.storage.cold import with_face


class Joined:
    """The rows of all shards behind an array's face, one shard after the other.

    Parameters
    ----------
    parts : sequence of Spilled
        Of the shards.

    Attributes
    ----------
    shape : tuple of int
        (n, dim).
    """

    def __init__(self, parts: Sequence[Spilled]) -> None:
        self._parts = [with_face(part.mapped()) for part in parts if len(part.ids)]
        self._bounds = np.cumsum([0, *map(len, self._parts)]).tolist()
        self.shape = (self._bounds[-1], parts[0].dim)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, key: Any) -> Vectors:
        """Return rows as float32: of a slice without a step, or by their numbers."""
        if isinstance(key, slice):
            key = range(*key.indices(len(self)))
        if isinstance(key, range):
            return self._between(key.start, max(key.start, key.stop))
        rows = [self._between(row, row + 1) for row in np.asarray(key).tolist()]
        return np.concatenate([np.empty((0, self.shape[1]), np.float32), *rows])

    def _between(self, start: int, stop: int) -> Vectors:
        found = []
        place = bisect_right(self._bounds, start) - 1
        while start < stop:
            part, first = self._parts[place], self._bounds[place]
            found.append(part[start - first : stop - first])
            start += len(found[-1])
            place += 1
        return np.concatenate([np.empty((0, self.shape[1]), np.float32), *found])
