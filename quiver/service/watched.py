"""Watched: the index of a service, at its newest generation, and its lost shards."""

from __future__ import annotations

from reprlib import repr as brief
from typing import Any, TypeAlias

from quiver.errors import ShardError
from quiver.index import Index
from quiver.results import SearchResult
from quiver.service.asked import Asked
from quiver.sharding.merging import ShardedResult
from quiver.sharding.sharded import ShardedIndex

Searched: TypeAlias = Index | ShardedIndex


class Watched:
    """An index, and which of its shards gave no answer when they were last asked.

    Parameters
    ----------
    index : Index or ShardedIndex
        The former counts as one shard.

    Attributes
    ----------
    missing : tuple of str
        Files of these shards.
    """

    def __init__(self, index: Searched) -> None:
        self.index, self.missing = index, tuple[str, ...]()

    def look(self) -> None:
        """Take the newest generation, and ask every shard for a sign of life.

        A shard that was lost is started anew by being asked.
        """
        if isinstance(self.index, ShardedIndex):
            self.index.refresh()
            self.missing = self.index.missing()

    def search(self, asked: Asked) -> SearchResult:
        """Return the answer to a question.

        Raises
        ------
        ShardError
            If shards are missing and the policy is strict, or if all are.
        InvalidArgumentError, InvalidTypeError
            If the question breaks a rule.
        """
        found = self.index.search(
            *(asked.queries, asked.k),
            ef=asked.ef,
            n_rerank=asked.n_rerank,
            filter=asked.filter,
        )
        if isinstance(found, ShardedResult):
            self.missing = found.missing
            if found.missing and asked.policy == "strict":
                msg = f"shards must all answer, got nothing of {brief(found.missing)}"
                raise ShardError(msg)
        return found

    def facts(self) -> dict[str, Any]:
        """Return what is known of the index, as JSON takes it."""
        index, missing = self.index, self.missing
        facts = {"vectors": len(index), "dim": index.dim, "metric": index.metric}
        if isinstance(index, Index):
            own = {"generation": index.state.version, "shards": 1}
            return facts | own | {"missing": [], "coverage": 1.0}
        manifest = index.manifest
        lost = sum(shard.n for shard in manifest.shards if shard.file in missing)
        own = {"generation": manifest.generation, "shards": len(manifest.shards)}
        coverage = 1.0 - lost / max(1, manifest.n)
        return facts | own | {"missing": [*missing], "coverage": coverage}
