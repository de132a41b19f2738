"""Time that events make, and processes that share processors in it.

A `Process` does one thing after another. Those that have something to do share the
`Cores` of their machine equally, none with more than one, as a fair scheduler has it.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable

Act = Callable[[], None]


class Event:
    """Something to be done at a time, unless it is called off before.

    Attributes
    ----------
    act : callable or None
        None once it was called off.
    """

    def __init__(self, act: Act) -> None:
        self.act: Act | None = act


class Clock:
    """Events in order of time; those of one time in the order they were planned in.

    Attributes
    ----------
    now : float
        Seconds since the start.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._planned: list[tuple[float, int, Event]] = []
        self._count = itertools.count()

    def after(self, seconds: float, act: Act) -> Event:
        """Plan something."""
        event = Event(act)
        when = self.now + seconds
        heapq.heappush(self._planned, (when, next(self._count), event))
        return event

    def run(self) -> None:
        """Let everything happen that is planned, and what follows from it."""
        while self._planned:
            when, _, event = heapq.heappop(self._planned)
            if event.act is not None:
                self.now = when
                event.act()


class Cores:
    """Processors that are shared equally by what runs on them.

    Parameters
    ----------
    clock : Clock
    count : float, default inf
        How many there are.
    others : float, default 0
        Programs beside the simulated ones that run all the time.
    """

    def __init__(
        self, clock: Clock, count: float = math.inf, others: float = 0.0
    ) -> None:
        self._clock, self._count, self._others = clock, count, others
        # All that run make the same progress, so each is done when this reaches a mark.
        self._progress, self._since = 0.0, 0.0
        self._marks: list[tuple[float, int, Event]] = []
        self._n_running = 0
        self._numbers = itertools.count()
        self._next: Event | None = None

    def start(self, seconds: float, done: Act) -> Event:
        """Run something that takes so many seconds of one core."""
        self._advance()
        event = Event(done)
        mark = self._progress + seconds
        heapq.heappush(self._marks, (mark, next(self._numbers), event))
        self._n_running += 1
        self._plan()
        return event

    def stop(self, event: Event) -> None:
        """Run something no more."""
        if event.act is not None:
            self._advance()
            event.act = None
            self._n_running -= 1
            self._plan()

    @property
    def _rate(self) -> float:
        return min(1.0, self._count / max(1, self._n_running + self._others))

    def _advance(self) -> None:
        self._progress += (self._clock.now - self._since) * self._rate
        self._since = self._clock.now

    def _plan(self) -> None:
        """Plan the end of what is done first."""
        if self._next is not None:
            self._next.act = None
        while self._marks and self._marks[0][2].act is None:
            heapq.heappop(self._marks)
        if self._marks:
            left = max(0.0, self._marks[0][0] - self._progress)
            self._next = self._clock.after(left / self._rate, self._finish)

    def _finish(self) -> None:
        self._advance()
        _, _, event = heapq.heappop(self._marks)
        done, event.act = event.act, None
        self._n_running -= 1
        self._plan()
        assert done is not None
        done()


class Process:
    """What does one thing after another, and may be ended and be back later.

    Parameters
    ----------
    cores : Cores
        Where it runs.

    Attributes
    ----------
    is_up : bool
        Whether it is there.
    """

    def __init__(self, cores: Cores) -> None:
        self._cores, self.is_up = cores, True
        self._waiting: deque[tuple[float, Act, Act]] = deque()
        self._running: Event | None = None
        self._lost: Act | None = None

    def do(self, seconds: float, done: Act, lost: Act = lambda: None) -> None:
        """Do something after all else; ``lost`` is called if the process ends before.

        While it is not there, things wait until it is.
        """
        self._waiting.append((seconds, done, lost))
        self._begin()

    def end(self) -> None:
        """End it, with all that it had to do."""
        self.is_up = False
        lost = [one for *_, one in self._waiting]
        if self._running is not None and self._lost is not None:
            self._cores.stop(self._running)
            lost.insert(0, self._lost)
        self._waiting.clear()
        self._running = self._lost = None
        for act in lost:
            act()

    def begin_anew(self) -> None:
        """Be back, and do what waits."""
        self.is_up = True
        self._begin()

    def _begin(self) -> None:
        if self.is_up and self._running is None and self._waiting:
            seconds, done, self._lost = self._waiting.popleft()

            def finish() -> None:
                self._running = self._lost = None
                self._begin()
                done()

            self._running = self._cores.start(seconds, finish)
