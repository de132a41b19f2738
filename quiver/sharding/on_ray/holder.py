"""Holder: what an actor of Ray does, in whatever process it is started.

It is given where its shard lies and what proves it, never the shard, so an actor that
is started again is what it was, or says why it cannot be.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quiver.errors import QuiverError
from quiver.index import Index
from quiver.sharding.manifest import unpack_manifest
from quiver.sharding.messages import Message, pack, unpack
from quiver.sharding.serving import answered, refusal
from quiver.sharding.shard import answer, open_shard
from quiver.storage import Verify

UNOPENED = "unopened"
"""The word of a holder that has no shard; as a refusal it says why."""


class Holder:
    """One shard of a folder, mapped when it is first asked for.

    Parameters
    ----------
    folder, manifest, number : str, bytes, int
        Where it is, and which.
    verify : {'fast', 'full'}
        How it is proven, each time that it is opened.
    backend : str
        Name of the kernels.
    """

    def __init__(
        self, folder: str, manifest: bytes, number: int, verify: Verify, backend: str
    ) -> None:
        self._where = Path(folder), unpack_manifest(manifest), number
        self._verify, self._backend = verify, backend
        self._shard: Index | None = None

    def open(self) -> bytes:
        """Open the shard unless it is; return a refusal if it cannot be.

        That is no error of the actor, which Ray would not start again.
        """
        return pack(self._refused())

    def ask(self, frame: bytes, opened: bytes | None = None) -> bytes:
        """Return the answers to a frame of questions, or why there is no shard.

        ``opened`` is what `open` returns, so that Ray asks only once it has.
        """
        del opened
        if refused := self._refused():
            return pack([one._replace(word=UNOPENED) for one in refused])
        return pack(answered(self._answers, unpack(frame)))

    def _answers(self, asked: Sequence[Message | None]) -> list[Message | None]:
        assert self._shard is not None
        return [one and answer(self._shard, one) for one in asked]

    def _refused(self) -> list[Message]:
        try:
            if self._shard is None:
                self._shard = self._opened()
        except (QuiverError, MemoryError) as error:
            return [refusal(error)]
        return []

    def _opened(self) -> Index:
        proof, kernels = self._verify, self._backend
        return open_shard(*self._where, hot="mmap", verify=proof, backend=kernels)
