"""Array aliases: shape and dtype stated once each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""(n, dim) float32, C-contiguous, finite."""

KeptVectors: TypeAlias = "NDArray[np.float32] | NDArray[np.uint8] | NDArray[np.int8]"
"""(n, dim) C-contiguous, as an index keeps them: every value is a float32 exactly."""

Neighbors: TypeAlias = NDArray[np.uint32]
"""(n, max_degree) uint32 out-edges; a row ends at its first ``NO_ID``."""

Keys: TypeAlias = NDArray[np.uint64]
"""uint64 of any shape: distance in the high half, id in the low half."""

Ids: TypeAlias = NDArray[np.uint32]
"""uint32 node numbers of any shape; ``NO_ID`` marks an unused place."""

Unlinked: TypeAlias = NDArray[np.uint32]
"""(m, 2) uint32: the row that a row outside the graph is equal to, and that row."""

UserIds: TypeAlias = NDArray[np.int64]
"""int64 ids of the caller, of any shape; -1 marks an unused place."""

Mask: TypeAlias = NDArray[np.uint64]
"""(ceil(n / 64),) uint64, or a row of these per query: a bit for each of n rows."""

Distances: TypeAlias = NDArray[np.float32]
"""float32 of any shape."""

Counts: TypeAlias = NDArray[np.int64]
"""(n,) int64."""

Lanes: TypeAlias = NDArray[np.float64]
"""float64 terms or results of a lane sum."""

AnyArray: TypeAlias = NDArray[Any]
Metric: TypeAlias = Literal["cosine", "euclidean", "inner_product"]
Bits: TypeAlias = Literal[2, 4, 8]
ColdDtype: TypeAlias = Literal["float32", "float16", "uint8", "int8"]
Weights: TypeAlias = Literal["corrected", "published"]
PruneRule: TypeAlias = Literal["vamana", "strict_first", "published"]
Progress: TypeAlias = Callable[[int, int], "bool | None"]
InChunks: TypeAlias = Callable[..., list[Any]]
"""What calls a task for every chunk of rows: `quiver.reference.transform.in_turn` or,
over threads, `quiver.parallel.workers.Workers.map`."""


class StoredVectors(Protocol):
    """Vectors behind an array's face, read row by row and always as float32."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, dim)."""

    @property
    def nbytes(self) -> int:
        """Bytes as stored."""

    @property
    def needs_copy(self) -> bool:
        """Whether a re-rank must `gather` rows instead of reading them `in_place`."""

    @property
    def is_rounded(self) -> bool:
        """Whether rows may differ from those that were coded, as halves do."""

    def check_file(self) -> None:
        """Raise if the file they are mapped from, if any, was cut or written to."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def __getitem__(self, key: Any) -> Vectors:
        """Return what the same index of an array would, as float32."""

    def gather(self, rows: Ids) -> KeptVectors:
        """Return the rows of ascending row numbers, for a kernel."""

    def in_place(self) -> AbstractContextManager[KeptVectors]:
        """Lend all rows where they are."""


AnyVectors: TypeAlias = Vectors | StoredVectors
"""Stored vectors, in one array or behind an array's face."""
