"""Workload: what a deployment asks of an index, by which a backend is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from quiver.validation.checks import MAX_ROWS, check_int, check_share

_MOST_BYTES = 1 << 62


@dataclass(frozen=True)
class Workload:
    """How an index will be asked, and what it may cost.

    Parameters
    ----------
    queries_per_call : int, optional
        Queries that come together. Default: all at hand in one batch.
    recall : float, optional
        recall@k that the queries at hand must prove, inside 0 … 1; ef is chosen by it.
    memory_limit : int, optional
        Bytes that the index may have in memory.
    n_vectors : int, optional
        Vectors that will be searched, where only a sample of them is at hand.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If one is out of range.
    """

    queries_per_call: int | None = None
    recall: float | None = None
    memory_limit: int | None = None
    n_vectors: int | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        if self.queries_per_call is not None:
            check_int("queries_per_call", self.queries_per_call, 1, MAX_ROWS)
        if self.recall is not None:
            check_share("recall", self.recall)
        if self.memory_limit is not None:
            check_int("memory_limit", self.memory_limit, 1, _MOST_BYTES)
        if self.n_vectors is not None:
            check_int("n_vectors", self.n_vectors, 1, MAX_ROWS)
