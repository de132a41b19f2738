"""Serving: what a worker process does, from its first breath to its last.

It reads a frame of questions and writes a frame of answers, until the pipe ends: by
itself, when the process at its other end is gone for whatever reason.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from quiver import errors
from quiver.errors import QuiverError
from quiver.index import Index
from quiver.sharding.board import Board
from quiver.sharding.engines import with_threads
from quiver.sharding.jobs import carry_out
from quiver.sharding.manifest import unpack_manifest
from quiver.sharding.messages import Message, pack, unpack
from quiver.sharding.shard import answer, open_shard
from quiver.storage import Verify

Answering = Callable[[Sequence[Message | None]], list[Message | None]]


def serve_shards(
    pipe: Connection,
    folder: str,
    manifest: bytes,
    numbers: Sequence[int],
    verify: Verify,
    backend: str,
    board: Board,
) -> None:
    """Open some shards of a folder, mapped, and answer for them until the pipe ends.

    Large arrays of questions are on the board.
    """
    kept = unpack_manifest(manifest)

    def opened(number: int) -> Index:
        where = Path(folder), kept, number
        return open_shard(*where, hot="mmap", verify=verify, backend=backend)

    def started() -> Answering:
        shards = [opened(number) for number in numbers]

        def answer_all(asked: Sequence[Message | None]) -> list[Message | None]:
            return [
                one and answer(shard, with_threads(one, one.options.get("threads", 1)))
                for shard, one in zip(shards, asked, strict=True)
            ]

        return answer_all

    _serve(pipe, started, board)


def serve_builds(pipe: Connection) -> None:
    """Build the shards that are asked for until the pipe ends."""
    _serve(pipe, lambda: carry_out_all)


def carry_out_all(asked: Sequence[Message | None]) -> list[Message | None]:
    """Build the shards of some jobs."""
    return [one and carry_out(one) for one in asked]


def _serve(
    pipe: Connection, start: Callable[[], Answering], board: Board | None = None
) -> None:
    # Ctrl-C is for the process that asks; it ends this one by the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        answering = start()
    except (QuiverError, MemoryError) as error:
        pipe.send_bytes(pack([refusal(error)]))
        return
    try:
        pipe.send_bytes(pack([Message("ready", {"process": os.getpid()})]))
        while True:
            asked = unpack(pipe.recv_bytes(), board)
            pipe.send_bytes(pack(answered(answering, asked)))
    except (EOFError, OSError):
        return


def answered(
    answering: Answering, asked: Sequence[Message | None]
) -> Sequence[Message | None]:
    """Return the answers to questions, or one message that says why there are none."""
    try:
        return answering(asked)
    except (QuiverError, MemoryError) as error:
        return [refusal(error)]


def refusal(error: Exception) -> Message:
    """Return an error as a message."""
    return Message("refused", {"kind": type(error).__name__, "text": str(error)})


def raise_refusal(told: Sequence[Message | None]) -> None:
    """Raise the error that a message holds, if it is one of ours."""
    for one in told:
        if one is not None and one.word == "refused":
            kind = getattr(errors, one.options["kind"], errors.ShardError)
            raise kind(one.options["text"])
