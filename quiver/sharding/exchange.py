"""Exchange: one question to workers and what they answer, by a deadline.

All are asked before any answer is read. One that is lost is started anew and asked
again, once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from multiprocessing.connection import wait
from time import monotonic

from quiver.errors import QuiverError, ShardError
from quiver.parallel.watchdog import after
from quiver.sharding.board import Posted
from quiver.sharding.messages import Message
from quiver.sharding.worker import Worker


class Exchange:
    """One question to workers, which nobody else may ask meanwhile.

    Parameters
    ----------
    workers : sequence of Worker
        All of them.
    asked : sequence of sequence of Message or None
        What each is asked.
    posted : Posted or None
        Where on the board of the workers the arrays are.
    deadline : float or None
        Seconds it may take.

    Attributes
    ----------
    answers : dict
        By the number of the worker.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        asked: Sequence[Sequence[Message | None]],
        posted: Posted | None,
        deadline: float | None,
    ) -> None:
        self._workers, self._asked, self._posted = workers, asked, posted
        self._deadline, self._gave_up = deadline, False
        self._end = monotonic() + (math.inf if deadline is None else deadline)
        self._current: Worker | None = None
        self.answers: dict[int, list[Message | None]] = {}

    def run(self, numbers: Collection[int]) -> dict[int, str]:
        """Ask some workers by their numbers; return which are lost, and why.

        Raises
        ------
        QuiverError
            If one refuses what it was asked.
        """
        with after(self._deadline, self._give_up):
            lost = self._ask(numbers)
            if lost and not self._is_late():
                lost = self._ask(lost)
        if self._is_late():
            return dict.fromkeys(lost, f"no answer within {self._deadline} s")
        return lost

    def _ask(self, numbers: Collection[int]) -> dict[int, str]:
        pending = {*numbers}
        try:
            lost = self._begin(pending)
            return lost | self._finish(pending)
        except BaseException:
            # Ctrl-C: what these still write would answer the next question.
            for number in pending:
                self._workers[number].kill()
                self._workers[number].end()
            raise
        finally:
            self._current = None

    def _begin(self, pending: set[int]) -> dict[int, str]:
        lost = {}
        for number in sorted(pending):
            self._current = self._workers[number]
            try:
                if self._is_late():
                    raise ShardError
                self._current.begin(self._asked[number], self._posted)
            except QuiverError as error:  # Too late, or started anew in vain.
                lost[number] = str(error)
                pending.discard(number)
        self._current = None
        return lost

    def _finish(self, pending: set[int]) -> dict[int, str]:
        lost, refused = {}, []
        while pending:
            for number in self._ready(pending):
                self._current = self._workers[number]
                try:
                    self.answers[number] = self._current.finish()
                except ShardError as error:
                    lost[number] = str(error)
                except QuiverError as error:
                    refused.append(error)
                pending.discard(number)
            self._current = None
        if refused:
            raise refused[0]
        return lost

    def _ready(self, pending: set[int]) -> list[int]:
        """Return who has answered, or, at the end of all time, is killed for it."""
        pipes = {number: self._workers[number].pipe for number in sorted(pending)}
        left = None if self._end == math.inf else max(0.0, self._end - monotonic())
        ready = wait([*pipes.values()], left)
        if not ready:
            for number in pending:
                self._workers[number].kill()
            return [*pipes]
        return [number for number, pipe in pipes.items() if pipe in ready]

    def _is_late(self) -> bool:
        # The watchdog has a clock of its own.
        return self._gave_up or monotonic() >= self._end

    def _give_up(self) -> None:
        """Kill the worker that is written to or read from; it has stopped doing so."""
        self._gave_up = True
        if (current := self._current) is not None:
            current.kill()
