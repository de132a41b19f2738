"""Service: who is let in, and which thread answers.

The event loop only moves bytes. Parsing, searching and writing the answer is for
threads, of which there are as many as processors.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from http import HTTPStatus

from quiver._version import __version__
from quiver.errors import DeadlineError, QuiverError, TooLargeError
from quiver.parallel.workers import resolve_threads
from quiver.service.asked import read_asked
from quiver.service.limits import Limits
from quiver.service.metrics import CONTENT_TYPE, Metrics
from quiver.service.refusals import Reply, refused, reply_of
from quiver.service.slots import Slots
from quiver.service.watched import Searched, Watched
from quiver.sharding.engines import Policy


class Service:
    """An index and those who ask it.

    Parameters
    ----------
    index : Index or ShardedIndex
        What is searched. One of shards is best opened with ``policy="partial"``: then
        every request chooses, and the shards that are missing are known.
    limits : Limits, optional
        What clients may ask for.
    policy : {'strict', 'partial'}, default 'strict'
        Of requests that name none.
    """

    def __init__(
        self, index: Searched, limits: Limits | None = None, policy: Policy = "strict"
    ) -> None:
        self.limits, self.policy = limits or Limits(), policy
        self._watched, self._metrics = Watched(index), Metrics()
        self._slots, self._refresh_error = Slots(self.limits.in_flight), ""
        n_threads = min(resolve_threads(None), self.limits.in_flight)
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="quiver-search")

    async def search(self, body: AsyncIterator[bytes]) -> Reply:
        """Return the answer to a request, whatever its body is."""
        start, seconds = time.perf_counter(), self.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                reply = await self._searched(body)
        except TimeoutError:
            msg = f"answer must take {seconds:g} s at most, got none by then"
            reply = refused(DeadlineError(msg))
        except Exception as error:
            reply = refused(error)
        if reply.kind:
            self._metrics.count("errors", label=reply.kind)
        self._metrics.count("requests", label=str(reply.status))
        self._metrics.time(time.perf_counter() - start)
        return reply

    async def _searched(self, body: AsyncIterator[bytes]) -> Reply:
        self._slots.take()
        try:
            raw = await _read(body, self.limits.body)
            answering = self._pool.submit(self._answer, raw)
        except BaseException:
            self._slots.give_back()
            raise
        # A thread cannot be stopped; its place is free once it has ended.
        answering.add_done_callback(lambda _: self._slots.give_back())
        return await asyncio.wrap_future(answering)

    def _answer(self, raw: bytes) -> Reply:
        found = self._watched.search(read_asked(raw, self.limits, self.policy))
        missing = [*getattr(found, "missing", ())]
        coverage = getattr(found, "coverage", 1.0)
        counted = found.stats.distance_computations
        self._metrics.count("queries", counted.size)
        self._metrics.count("distance_computations", int(counted.sum()))
        self._metrics.count("partial_answers", bool(missing))
        told = found.to_dict()
        del told["stats"]
        more = {"coverage": coverage, "missing": missing, "version": found.version}
        return reply_of(HTTPStatus.OK, told | more)

    def health(self) -> Reply:
        """Return whether requests are answered now, and what a client may ask for."""
        facts = self._watched.facts()
        n_up = facts["shards"] - len(facts["missing"])
        ready = n_up > 0 if self.policy == "partial" else not facts["missing"]
        document = {
            "ready": ready,
            "shards_up": n_up,
            **facts,
            "policy": self.policy,
            "limits": asdict(self.limits),
            "refresh_error": self._refresh_error or None,
            "quiver": __version__,
        }
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return reply_of(status, document)

    def metrics(self) -> Reply:
        """Return what was counted, for Prometheus."""
        facts = self._watched.facts()
        gauges = {
            "requests_in_flight": self._slots.in_use,
            **{name: facts[name] for name in ("generation", "vectors", "shards")},
            "shards_missing": len(facts["missing"]),
            "coverage": facts["coverage"],
        }
        text = self._metrics.text(gauges)
        return Reply(HTTPStatus.OK, text.encode(), {"content-type": CONTENT_TYPE})

    async def watch(self, seconds: float) -> None:
        """Look at the folder and its shards again and again, until cancelled."""
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(seconds)

    def _look(self) -> None:
        try:
            self._watched.look()
            self._refresh_error = ""
        # What is searched stays searched, until the folder is in order again.
        except (QuiverError, MemoryError) as error:
            self._refresh_error = str(error) or type(error).__name__
            self._metrics.count("refresh_failures")

    def close(self) -> None:
        """Take no more requests; those under way are answered."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def _read(body: AsyncIterator[bytes], most: int) -> bytes:
    """Return the whole of a body, of which no more than ``most`` bytes are kept."""
    parts, size = list[bytes](), 0
    async for part in body:
        size += len(part)
        if size > most:
            msg = f"body must have at most {most} bytes, got more"
            raise TooLargeError(msg)
        parts.append(part)
    return b"".join(parts)
