"""Worker: one process at the other end of a pipe, started anew when it was lost.

Started afresh (``spawn``), so it inherits no thread, lock or file. It is a daemon of
this process, which ends it on exit, and ends by itself when the pipe does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from quiver.errors import QuiverError, ShardError
from quiver.sharding.board import Posted
from quiver.sharding.messages import Message, pack, unpack
from quiver.sharding.serving import raise_refusal

END_SECONDS = 5.0
"""Time a worker is given to end once it was told to, or was killed."""

_BROKEN = (EOFError, OSError)
"""What reading from or writing to a process that is gone raises."""


class Worker:
    """A process that answers questions.

    Parameters
    ----------
    serve : callable
        Runs in the process, with a pipe and the arguments; a function of a module.
    start_with, restart_with : tuple
        The arguments at first, and when the process is started again.
    """

    def __init__(
        self,
        serve: Callable[..., None],
        start_with: tuple[Any, ...],
        restart_with: tuple[Any, ...] | None = None,
    ) -> None:
        self._serve = serve
        self._args, self._restart_with = start_with, restart_with or start_with
        self._process: SpawnProcess | None = None
        self._process_id: int | None = None
        self._pipe: Connection | None = None
        self._owner = 0
        self._is_ready = False

    @property
    def process_id(self) -> int | None:
        """Number of the process, None while there is none."""
        return self._process_id

    @property
    def pipe(self) -> Connection:
        """The pipe to the process, once it was started."""
        assert self._pipe is not None
        return self._pipe

    def start(self) -> None:
        """Start the process unless it runs; `wait` says when it is ready.

        Raises
        ------
        ShardError
            If the system starts no more.
        """
        if self._owner != os.getpid():
            # After a fork both processes would read from one pipe.
            self._process = self._pipe = None
        if self._process is not None:
            return
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        args = (theirs, *self._args)
        process = context.Process(target=self._serve, args=args, daemon=True)
        with theirs:
            try:
                process.start()
            # The second: a daemon of `multiprocessing` may have no children.
            except (OSError, AssertionError) as error:
                msg = f"a worker process cannot be started: {error}"
                raise ShardError(msg) from error
        self._process, self._owner, self._is_ready = process, os.getpid(), False
        self._process_id = process.pid
        self._args = self._restart_with

    def wait(self) -> None:
        """Wait until the process can answer.

        Raises
        ------
        ShardError
            If it ended instead.
        QuiverError
            If it says why it cannot.
        """
        if self._is_ready:
            return
        try:
            self._received()
        except QuiverError:
            self.end()
            raise
        self._is_ready = True

    def begin(
        self, asked: Sequence[Message | None], posted: Posted | None = None
    ) -> None:
        """Ask, started if need be. What is broken shows in `finish`.

        Arrays may be on a board that ``serve`` was given.
        """
        self.start()
        self.wait()
        with suppress(*_BROKEN):
            self.pipe.send_bytes(pack(asked, posted))

    def finish(self) -> list[Message | None]:
        """Return the answers.

        Raises
        ------
        ShardError
            If the process ended meanwhile.
        QuiverError
            If it refuses what it was asked.
        """
        return self._received()

    def _received(self) -> list[Message | None]:
        try:
            told = unpack(self.pipe.recv_bytes())
        except _BROKEN as error:
            raise ShardError(self.end()) from error
        raise_refusal(told)
        return told

    def kill(self) -> None:
        """Kill the process; who waits for it is told that it ended."""
        process = self._process
        # Another thread may just have ended it.
        if process is not None and self._owner == os.getpid():
            with suppress(ValueError):
                process.kill()

    def end(self) -> str:
        """End the process and return how it ended."""
        process, pipe = self._process, self._pipe
        self._process = self._process_id = self._pipe = None
        if process is None or pipe is None or self._owner != os.getpid():
            return "it had ended"
        pipe.close()
        process.join(END_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join(END_SECONDS)
        code = process.exitcode
        process.close()
        return f"its process ended with exit code {code}"
