"""Questions scattered over workers and gathered, with stragglers and lost workers.

Time is simulated, and all that is drawn is drawn from a seed: the same call gives the
same numbers. What a shard takes comes from measured seconds.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence

import numpy as np

from sharded.clock import Clock, Cores, Event, Process
from sharded.cluster import Cluster, Outage, Outcome, Seconds

MOST_TRIES = 2
"""Times that a part is asked of if workers end; as of the engine of processes."""


def simulate(cluster: Cluster, arrivals: Sequence[float], seed: int = 0) -> Outcome:
    """Ask one question at each of some times, in order, and return what happens."""
    run = _Run(cluster, len(arrivals), seed)
    for number, when in enumerate(arrivals):
        run.clock.after(when, lambda n=number: run.arrive(n))  # type: ignore[misc]
    run.clock.run()
    return Outcome(run.seconds, run.coverage, run.n_asked)


def one_after_another(cluster: Cluster, n_questions: int, seed: int = 0) -> Outcome:
    """Ask questions, each as soon as the one before is answered."""
    run = _Run(cluster, n_questions, seed)
    run.follow = lambda n: run.arrive(n + 1) if n + 1 < n_questions else None
    run.arrive(0)
    run.clock.run()
    return Outcome(run.seconds, run.coverage, run.n_asked)


class _Question:
    """What has come of one question."""

    def __init__(self, number: int, start: float, work: Seconds) -> None:
        self.number, self.start, self.work = number, start, work
        self.pending = set(range(len(work)))
        self.n_answered = 0
        self.deadline: Event | None = None
        # Workers that each part was asked of, and how many have not ended since.
        self.asked: dict[int, list[Process]] = {part: [] for part in self.pending}
        self.n_open = Counter[int]()


class _Run:
    """One simulation."""

    def __init__(self, cluster: Cluster, n_questions: int, seed: int) -> None:
        self.cluster, self.clock = cluster, Clock()
        self.seconds, self.coverage = np.zeros((2, n_questions))
        self.n_asked = 0
        self.follow: Callable[[int], None] = lambda _: None
        self._rng = np.random.default_rng(seed)
        shared = None
        if cluster.cores is not None:
            shared = Cores(self.clock, cluster.cores, cluster.others)
        new = (Process(shared or Cores(self.clock)) for _ in itertools.count())
        self._broker = next(new)
        self._workers = [
            [next(new) for _ in range(cluster.parts)] for _ in range(cluster.replicas)
        ]
        self._waiting: deque[tuple[int, float]] = deque()
        self._is_busy = False
        for outage in cluster.outages:
            self._plan(outage)

    def _plan(self, outage: Outage) -> None:
        worker = self._workers[outage.replica][outage.part]
        self.clock.after(outage.start, worker.end)
        self.clock.after(outage.start + outage.seconds, worker.begin_anew)

    def arrive(self, number: int) -> None:
        """Begin a question, or let it wait."""
        self._waiting.append((number, self.clock.now))
        if not (self.cluster.one_at_a_time and self._is_busy):
            self._begin_next()

    def _begin_next(self) -> None:
        number, start = self._waiting.popleft()
        self._is_busy = True
        question = _Question(number, start, self._drawn())
        if self.cluster.deadline < math.inf:
            question.deadline = self.clock.after(
                self.cluster.deadline, lambda: self._give_up(question)
            )
        self._broker.do(self.cluster.prepare, lambda: self._scatter(question))

    def _drawn(self) -> Seconds:
        """Return the seconds that each part takes."""
        service, parts = self.cluster.service, self.cluster.parts
        if service.ndim == 1:
            return self._rng.choice(service, parts)
        row = service[self._rng.integers(len(service))]
        return np.array([row[part::parts].sum() for part in range(parts)])

    def _scatter(self, question: _Question) -> None:
        for part in range(self.cluster.parts):
            replica = question.number % self.cluster.replicas
            self._ask(question, part, replica, n_tries=1)
            if self.cluster.hedge_after < math.inf and self.cluster.replicas > 1:
                self.clock.after(
                    self.cluster.hedge_after,
                    lambda p=part, r=replica: self._hedge(question, p, r),  # type: ignore[misc]
                )

    def _ask(self, question: _Question, part: int, replica: int, n_tries: int) -> None:
        """Send a question to a worker; if that is lost, to another, or again."""
        worker = self._workers[replica][part]
        question.asked[part].append(worker)
        question.n_open[part] += 1
        self.n_asked += 1

        def lose() -> None:
            question.n_open[part] -= 1
            if part in question.pending and n_tries < MOST_TRIES:
                self._ask(question, part, self._other(part, replica), n_tries + 1)
            elif not question.n_open[part]:
                self._settle(question, part, is_answered=False)

        def arrived() -> None:
            if not worker.is_up and n_tries < MOST_TRIES:
                lose()
                return
            worker.do(
                self.cluster.beside + self._straggling(question.work[part]),
                lambda: self.clock.after(self._delay(), answer),
                lose,
            )

        def answer() -> None:
            self._broker.do(self.cluster.receive, lambda: self._settle(question, part))

        self._broker.do(
            self.cluster.send, lambda: self.clock.after(self._delay(), arrived)
        )

    def _delay(self) -> float:
        delay = self.cluster.delay
        return self._rng.choice(delay) if isinstance(delay, np.ndarray) else delay

    def _straggling(self, seconds: float) -> float:
        if self._rng.random() < self.cluster.straggle_share:
            return seconds * self.cluster.straggle_factor
        return seconds

    def _other(self, part: int, replica: int) -> int:
        """Return the next replica of which a part is there; if none is, the same."""
        n = self.cluster.replicas
        others = [(replica + step) % n for step in range(1, n)]
        up = (other for other in others if self._workers[other][part].is_up)
        return next(up, replica)

    def _hedge(self, question: _Question, part: int, replica: int) -> None:
        other = self._other(part, replica)
        if part in question.pending and other != replica:
            self._ask(question, part, other, MOST_TRIES)

    def _settle(
        self, question: _Question, part: int, *, is_answered: bool = True
    ) -> None:
        """Have the answer of a part, or none."""
        if part in question.pending:
            question.pending.discard(part)
            question.n_answered += is_answered
            if not question.pending:
                self._gather(question)

    def _give_up(self, question: _Question) -> None:
        """End the workers that have not answered, which are then back."""
        late, question.pending = question.pending, set()
        for part in late:
            for worker in question.asked[part]:
                was_up = worker.is_up
                worker.end()
                if was_up:
                    self.clock.after(self.cluster.restart, worker.begin_anew)
        if late:
            self._gather(question)

    def _gather(self, question: _Question) -> None:
        if question.deadline is not None:
            question.deadline.act = None

        def finish() -> None:
            number = question.number
            self.seconds[number] = self.clock.now - question.start
            self.coverage[number] = question.n_answered / self.cluster.parts
            self._is_busy = False
            if self.cluster.one_at_a_time and self._waiting:
                self._begin_next()
            self.follow(number)

        self._broker.do(self.cluster.merge, finish)
