"""Processes: the engine whose shards are mapped by workers on this machine.

All workers map the same files, so the hot part is in memory once, and read a question
from one board, where it is written once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import RLock

from quiver.errors import ShardError
from quiver.parallel.workers import resolve_threads
from quiver.sharding.board import Board
from quiver.sharding.engines import Asked, Told, check_open, with_threads
from quiver.sharding.exchange import Exchange
from quiver.sharding.manifest import MAX_SHARDS, Manifest, Shard, pack_manifest
from quiver.sharding.messages import distinct
from quiver.sharding.serving import serve_shards
from quiver.sharding.worker import Worker
from quiver.storage import Verify
from quiver.validation.checks import check_int


class Processes:
    """Shards mapped by worker processes.

    Parameters
    ----------
    folder, manifest : Path, Manifest
        Where the shards are, and which.
    backend : str
        Name of the kernels.
    workers : int, optional
        Processes; at most, and by default, one for each shard.
    deadline : float, optional
        Seconds that a question may take.
    verify : {'none', 'fast', 'full'}, default 'none'
        How workers prove their shards as they start.
    before : Processes, optional
        The engine of the generation before. Workers all of whose shards are still there
        are asked by both.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        backend: str,
        workers: int | None = None,
        deadline: float | None = None,
        verify: Verify = "none",
        before: Processes | None = None,
    ) -> None:
        most = MAX_SHARDS if workers is None else workers
        n_workers = min(check_int("workers", most, 1, MAX_SHARDS), len(manifest.shards))
        self._shards, self._deadline, self._is_closed = manifest.shards, deadline, False
        # One lock and one board, for workers that two generations may ask.
        self._lock, self._board = RLock(), Board()
        known: dict[tuple[Shard, ...], Worker] = {}
        if before is not None:
            self._lock, self._board, known = before._lock, before._board, before.serving
        self._places = shared_out(manifest.shards, n_workers, [*known])
        self.workers = []
        place = str(folder.absolute()), pack_manifest(manifest)
        for numbers in self._places:
            worker = known.get(tuple(manifest.shards[number] for number in numbers))
            if worker is None:
                worker = Worker(
                    serve_shards,
                    (*place, numbers, verify, backend, self._board),
                    # It may be a damaged file that ended the first.
                    (*place, numbers, "fast", backend, self._board),
                )
            self.workers.append(worker)
        self._start({*known.values()})

    @property
    def serving(self) -> dict[tuple[Shard, ...], Worker]:
        """The workers by the shards of each, in its order."""
        return {
            tuple(self._shards[number] for number in numbers): worker
            for numbers, worker in zip(self._places, self.workers, strict=True)
        }

    def _start(self, known: set[Worker]) -> None:
        new = [worker for worker in self.workers if worker not in known]
        try:
            for worker in new:
                worker.start()
            for worker in new:
                worker.wait()
        except BaseException as error:
            for worker in new:
                worker.kill()
            for worker in new:
                worker.end()
            if not isinstance(error, ShardError):
                raise
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

    def _ask(self, sent: Asked) -> Told:
        of_worker = [[sent[place] for place in places] for places in self._places]
        posted = self._board.put(distinct(sent))
        exchange = Exchange(self.workers, of_worker, posted, self._deadline)
        lost = exchange.run([n for n, each in enumerate(of_worker) if any(each)])
        told: Told = [None] * len(sent)
        for number, answers in exchange.answers.items():
            for place, one in zip(self._places[number], answers, strict=True):
                told[place] = one
        for number, reason in lost.items():
            for place in self._places[number]:
                told[place] = ShardError(f"{self._shards[place].file}: shard: {reason}")
        return told

    def close(self) -> None:
        """End the workers."""
        with self._lock:
            self._is_closed = True
            for worker in self.workers:
                worker.kill()
            for worker in self.workers:
                worker.end()


def shared_out(
    shards: Sequence[Shard], n_workers: int, before: Sequence[Sequence[Shard]] = ()
) -> list[list[int]]:
    """Return the numbers of the shards of each worker, none with none.

    Parameters
    ----------
    shards : sequence of Shard
        At least as many as workers.
    n_workers : int
        Most of them.
    before : sequence of sequence of Shard
        What workers that run already have. Those stay as they are that have nothing
        but shards of now, as long as every other shard finds a worker.
    """
    number_of = {shard: number for number, shard in enumerate(shards)}
    kept = [
        [number_of[shard] for shard in own]
        for own in sorted(before, key=len, reverse=True)
        if all(shard in number_of for shard in own)
    ]
    taken = {number for own in kept for number in own}
    left = [number for number in range(len(shards)) if number not in taken]
    while left and len(kept) >= n_workers:
        # One of the fewest shards, which are soonest opened again.
        left = sorted(left + kept.pop())
    n_new = n_workers - len(kept)
    return kept + [left[first::n_new] for first in range(min(n_new, len(left)))]
