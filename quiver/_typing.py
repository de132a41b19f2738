"""Array aliases: shape and dtype stated once each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""(n, dim) float32, C-contiguous, finite."""

Neighbors: TypeAlias = NDArray[np.uint32]
"""(n, max_degree) uint32 out-edges; a row ends at its first ``NO_ID``."""

Keys: TypeAlias = NDArray[np.uint64]
"""uint64 of any shape: distance in the high half, id in the low half."""

Ids: TypeAlias = NDArray[np.uint32]
"""uint32 node numbers of any shape; ``NO_ID`` marks an unused place."""

Distances: TypeAlias = NDArray[np.float32]
"""float32 of any shape."""

Counts: TypeAlias = NDArray[np.int64]
"""(n,) int64."""

Lanes: TypeAlias = NDArray[np.float64]
"""float64 terms or results of a lane sum."""

AnyArray: TypeAlias = NDArray[Any]
Metric: TypeAlias = Literal["cosine", "euclidean", "inner_product"]
PruneRule: TypeAlias = Literal["vamana", "published"]
Progress: TypeAlias = Callable[[int, int], "bool | None"]
