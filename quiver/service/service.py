"""Service: what is answered from an index, counted and told of its health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from http import HTTPStatus

from quiver._version import __version__
from quiver.errors import QuiverError
from quiver.service.asked import read_asked
from quiver.service.desk import Desk
from quiver.service.limits import Limits
from quiver.service.metrics import CONTENT_TYPE, Metrics
from quiver.service.refusals import Reply, reply_of
from quiver.service.watched import Searched, Watched
from quiver.sharding.engines import Policy


class Service(Desk):
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
        super().__init__(limits or Limits())
        self.policy, self._refresh_error = policy, ""
        self._watched, self._metrics = Watched(index), Metrics()

    async def search(self, body: AsyncIterator[bytes]) -> Reply:
        """Return the answer to a request, whatever its body is."""
        start = time.perf_counter()
        reply = await self.reply(body, self._answer)
        if reply.kind:
            self._metrics.count("errors", label=reply.kind)
        self._metrics.count("requests", label=str(reply.status))
        self._metrics.time(time.perf_counter() - start)
        return reply

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
