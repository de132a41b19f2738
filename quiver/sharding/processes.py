"""Processes: the engine whose shards are mapped by workers on this machine.

All workers map the same files, so the hot part is in memory once. Questions go to all
of them before any answer is read.
"""

from __future__ import annotations

import math
from multiprocessing.connection import wait
from pathlib import Path
from threading import RLock
from time import monotonic

from quiver.errors import QuiverError, ShardError
from quiver.parallel.watchdog import after
from quiver.parallel.workers import resolve_threads
from quiver.sharding.engines import Asked, Told, check_open, with_threads
from quiver.sharding.manifest import MAX_SHARDS, Manifest, pack_manifest
from quiver.sharding.serving import serve_shards
from quiver.sharding.worker import Worker
from quiver.validation.checks import check_int


class Processes:
    """Shards mapped by worker processes.

    Parameters
    ----------
    folder, manifest : Path, Manifest
        Where the shards are, and which; they have been proven already.
    backend : str
        Name of the kernels.
    workers : int, optional
        Processes; at most, and by default, one for each shard.
    deadline : float, optional
        Seconds that a question may take.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        backend: str,
        workers: int | None = None,
        deadline: float | None = None,
    ) -> None:
        n_shards = len(manifest.shards)
        most = MAX_SHARDS if workers is None else workers
        n_workers = min(check_int("workers", most, 1, MAX_SHARDS), n_shards)
        self._files = [shard.file for shard in manifest.shards]
        self._places = [range(first, n_shards, n_workers) for first in range(n_workers)]
        self._deadline, self._lock, self._is_closed = deadline, RLock(), False
        self._gave_up = False
        self._current: Worker | None = None
        place = str(folder.absolute()), pack_manifest(manifest)
        self.workers = [
            Worker(
                serve_shards,
                (*place, [*numbers], "none", backend),
                # It may be a damaged file that ended the first.
                (*place, [*numbers], "fast", backend),
            )
            for numbers in self._places
        ]
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        try:
            for worker in self.workers:
                worker.start()
            for worker in self.workers:
                worker.wait()
        except ShardError as error:
            msg = (
                f"workers must start, but of one {error}; a script that starts "
                'processes needs `if __name__ == "__main__":`'
            )
            raise ShardError(msg) from error

    def ask(self, asked: Asked, threads: int | None = None, work: float = 0.0) -> Told:
        """Return the answers of all shards; see `Engine.ask`."""
        del work
        own = max(1, resolve_threads(threads) // len(self.workers))
        sent = [one and with_threads(one, own) for one in asked]
        with self._lock:
            check_open(not self._is_closed)
            return self._ask(sent)

    def _ask(self, asked: Asked) -> Told:
        told: Told = [None] * len(asked)
        wanted = {
            number
            for number, places in enumerate(self._places)
            if any(asked[place] for place in places)
        }
        end = monotonic() + (math.inf if self._deadline is None else self._deadline)
        self._gave_up = False
        with after(self._deadline, self._give_up):
            lost = self._exchange(asked, told, wanted, end)
            if lost and not self._is_late(end):
                lost = self._exchange(asked, told, {*lost}, end)
        is_late = self._is_late(end)
        for number, ended in lost.items():
            reason = f"no answer within {self._deadline} s" if is_late else ended
            for place in self._places[number]:
                told[place] = ShardError(f"{self._files[place]}: shard: {reason}")
        return told

    def _exchange(
        self, asked: Asked, told: Told, wanted: set[int], end: float
    ) -> dict[int, str]:
        """Ask some workers; return which were lost, and how."""
        pending = {*wanted}
        try:
            lost = self._begin(asked, pending, end)
            return lost | self._finish(told, pending, end)
        except BaseException:
            # Ctrl-C: what these still write would answer the next question.
            for number in pending:
                self.workers[number].kill()
                self.workers[number].end()
            raise
        finally:
            self._current = None

    def _begin(self, asked: Asked, pending: set[int], end: float) -> dict[int, str]:
        lost = {}
        for number in sorted(pending):
            self._current = self.workers[number]
            try:
                if self._is_late(end):
                    raise ShardError
                self._current.begin([asked[place] for place in self._places[number]])
            except QuiverError as error:  # Too late, or started anew in vain.
                lost[number] = str(error)
                pending.discard(number)
        return lost

    def _finish(self, told: Told, pending: set[int], end: float) -> dict[int, str]:
        lost, refused = {}, []
        while pending:
            for number in self._ready(pending, end):
                self._current = self.workers[number]
                try:
                    answers = self._current.finish()
                except ShardError as error:
                    lost[number] = str(error)
                except QuiverError as error:
                    refused.append(error)
                else:
                    for place, one in zip(self._places[number], answers, strict=True):
                        told[place] = one
                pending.discard(number)
        if refused:
            raise refused[0]
        return lost

    def _ready(self, pending: set[int], end: float) -> list[int]:
        """Return who has answered, or, at the end of all time, is killed for it."""
        pipes = {number: self.workers[number].pipe for number in sorted(pending)}
        left = None if end == math.inf else max(0.0, end - monotonic())
        ready = wait([*pipes.values()], left)
        if not ready:
            for number in pending:
                self.workers[number].kill()
            return [*pipes]
        return [number for number, pipe in pipes.items() if pipe in ready]

    def _is_late(self, end: float) -> bool:
        # The watchdog has a clock of its own.
        return self._gave_up or monotonic() >= end

    def _give_up(self) -> None:
        """Kill the worker that is written to or read from; it has stopped doing so."""
        self._gave_up = True
        if (current := self._current) is not None:
            current.kill()

    def close(self) -> None:
        """End the workers."""
        with self._lock:
            self._is_closed = True
            for worker in self.workers:
                worker.kill()
            for worker in self.workers:
                worker.end()
