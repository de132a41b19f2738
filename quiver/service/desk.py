"""Desk: where requests are let in, and threads answer them.

The event loop only moves bytes. Parsing, searching and writing the answer is for
threads, of which there are as many as processors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from quiver.errors import DeadlineError, TooLargeError
from quiver.parallel.workers import resolve_threads
from quiver.service.limits import Limits
from quiver.service.refusals import REMEDIES, Reply, refused
from quiver.service.slots import Slots


class Desk:
    """Takes the bodies of requests and hands back replies, whatever they are.

    Parameters
    ----------
    limits : Limits
        What clients may ask for.
    remedies : mapping of HTTPStatus to str, optional
        What to do, where the message of a refusal does not say it.
    """

    def __init__(
        self, limits: Limits, remedies: Mapping[HTTPStatus, str] = REMEDIES
    ) -> None:
        self.limits, self._remedies = limits, remedies
        self._slots = Slots(limits.in_flight)
        n_threads = min(resolve_threads(None), limits.in_flight)
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="quiver-search")

    async def reply(
        self, body: AsyncIterator[bytes], answer: Callable[[bytes], Reply]
    ) -> Reply:
        """Return what a thread answers to a whole body, or why there is no answer."""
        seconds = self.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._in_turn(body, answer)
        except TimeoutError:
            msg = f"answer must take {seconds:g} s at most, got none by then"
            return refused(DeadlineError(msg), self._remedies)
        except Exception as error:
            return refused(error, self._remedies)

    async def _in_turn(
        self, body: AsyncIterator[bytes], answer: Callable[[bytes], Reply]
    ) -> Reply:
        self._slots.take()
        try:
            raw = await _read(body, self.limits.body)
            answering = self._pool.submit(answer, raw)
        except BaseException:
            self._slots.give_back()
            raise
        # A thread cannot be stopped; its place is free once it has ended.
        answering.add_done_callback(lambda _: self._slots.give_back())
        return await asyncio.wrap_future(answering)

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
