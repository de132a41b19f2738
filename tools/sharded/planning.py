"""Planning: what more vectors than fit here would take, from what was measured here.

Bytes come from the library, and seconds from `sharded.measured`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import numpy as np

from quiver.memory import format_bytes, predict_memory
from sharded.cluster import Cluster, Seconds
from sharded.measured import DIM, SHARD_ROWS, Shard, planned_shard
from sharded.simulation import simulate

K = 10
SIZES = (10**8, 10**9, 10**10)
SHARD = predict_memory(SHARD_ROWS, DIM)
HOT_SHARE = 0.8
"""Of memory, that the hot part may fill; the rest is for pages of vectors."""

N_QUESTIONS, LOAD, SEED = 1000, 0.5, 0
MESSAGE_BYTES = 300
"""Of a question or an answer beside its arrays: `quiver.sharding.messages`."""

COUNTER_BYTES = 4 * 8
SEND, RECEIVE = 50e-6, 100e-6
"""Seconds of the caller for one worker; a batch of 256 on a busy machine."""

DELAY = 100e-6
"""Seconds of a network, one way: assumed."""

STRAGGLERS = {"straggle_share": 0.01, "straggle_factor": 10.0}
"""Assumed: one answer in a hundred takes ten times as long."""


class Machine(NamedTuple):
    """A machine that can be rented.

    Attributes
    ----------
    name : str
        Of its class.
    threads : int
        Hardware threads, of which two share a core: half of them are counted.
    memory, disk : float
        GiB, and GB of local NVMe.
    reads : int
        Random reads a second of 4 KiB.
    network : float
        Gbit a second.
    """

    name: str
    threads: int
    memory: float
    disk: float
    reads: int
    network: float

    @property
    def cores(self) -> int:
        """Cores."""
        return self.threads // 2


MACHINES = (
    Machine("i4i.4xlarge", 16, 128, 3_750, 400_000, 10),
    Machine("i4i.8xlarge", 32, 256, 7_500, 800_000, 18.75),
    Machine("i4i.16xlarge", 64, 512, 15_000, 1_600_000, 37.5),
    Machine("i4i.32xlarge", 128, 1_024, 30_000, 3_200_000, 75),
)


class Plan(NamedTuple):
    """So many vectors on machines of one kind.

    Attributes
    ----------
    n : int
        Vectors.
    machine : Machine
        Of which kind.
    count : int
        How many hold them once.
    by : str
        What asks for so many: hot bytes or stored vectors.
    """

    n: int
    machine: Machine
    count: int
    by: str

    @property
    def shards(self) -> int:
        """Shards of each machine."""
        return -(-(self.n // SHARD_ROWS) // self.count)

    def rate(self, shard: Shard) -> tuple[float, str]:
        """Return queries a second that all of them answer, and what ends that."""
        limits = {
            "cores": self.machine.cores / (self.shards * shard.query),
            "reads": self.machine.reads / (self.shards * shard.reads),
            "network": self.machine.network * 1e9 / 8 / self.machine_bytes,
        }
        name = min(limits, key=lambda x: limits[x])
        return limits[name], name

    @property
    def machine_bytes(self) -> int:
        """Bytes of a query to a machine and back, one query a message."""
        answer = self.shards * (K * 12 + COUNTER_BYTES)
        return DIM * 4 + answer + 2 * MESSAGE_BYTES


def plans(n: int) -> Iterator[Plan]:
    """Yield what n vectors take of every machine."""
    shards = n // SHARD_ROWS
    for machine in MACHINES:
        hot = shards * SHARD.hot / (machine.memory * 2**30 * HOT_SHARE)
        cold = shards * SHARD.vectors / (machine.disk * 1e9)
        count = max(1, -(-max(hot, cold) // 1))
        yield Plan(n, machine, int(count), "memory" if hot >= cold else "disk")


def table(*rows: tuple[object, ...]) -> str:
    """Return a table in Markdown; the first row is its head."""
    head, *rest = (" | ".join(map(str, row)) for row in rows)
    lines = [head, "|".join(["---:"] * len(rows[0])), *rest]
    return "\n".join(f"| {line} |" for line in lines)


def amount(n: float) -> str:
    """Return a number of two digits that mean something, in groups of three."""
    digits = max(0, len(str(int(n))) - 2)
    return f"{round(n, -digits):,.0f}".replace(",", " ")


def memory_table() -> str:
    """Return the bytes of vectors."""
    full, half = SHARD, predict_memory(SHARD_ROWS, DIM, cold_dtype="float16")
    rows = []
    for n in SIZES:
        shards = n // SHARD_ROWS
        parts = full.hot, full.vectors, half.vectors
        cells = (format_bytes(part * shards) for part in parts)
        rows.append((amount(n), *cells, amount(shards)))
    head = "vectors", "hot", "vectors as float32", "as float16", "shards"
    return table(head, *rows)


def machine_table(shard: Shard) -> str:
    """Return how many machines vectors take, and what these give."""
    head = (
        *("vectors", "machine", "machines", "by", "shards on each", "build, hours"),
        *("queries a second", "ended by", "bytes a query"),
    )
    rows = []
    for plan in chain.from_iterable(map(plans, SIZES)):
        rate, ended_by = plan.rate(shard)
        hours = plan.shards * shard.build / plan.machine.cores / 3600
        rows.append(
            (
                *(amount(plan.n), plan.machine.name, plan.count, plan.by, plan.shards),
                *(f"{hours:.1f}", amount(rate), ended_by),
                amount(plan.count * plan.machine_bytes),
            )
        )
    return table(head, *rows)


def machine_seconds(plan: Plan, shard: Shard) -> Seconds:
    """Return seconds that a machine takes for a query, as many as are drawn from."""
    rng = np.random.default_rng(SEED)
    work = rng.choice(shard.spread, (N_QUESTIONS, plan.shards)) * shard.query
    return np.maximum(work.max(axis=1), work.sum(axis=1) / plan.machine.cores)


def tail_table(shard: Shard, machine: Machine) -> str:
    """Return how long queries wait for machines of one kind, half of them at work."""
    head = (
        *("vectors", "machines", "p50, ms", "p99", "p99 with stragglers"),
        *("hedged", "asked more often"),
    )
    rows = []
    for n in SIZES:
        plan = next(plan for plan in plans(n) if plan.machine == machine)
        service = machine_seconds(plan, shard)
        cluster = Cluster(service, plan.count, send=SEND, receive=RECEIVE, delay=DELAY)
        # Of the caller as well no more than half the time is taken.
        each = max(service.mean(), plan.count * (SEND + RECEIVE)) / LOAD
        waits = np.random.default_rng(SEED).exponential(each, N_QUESTIONS)
        arrivals = waits.cumsum()
        plain = simulate(cluster, arrivals)
        slow = simulate(replace(cluster, **STRAGGLERS), arrivals)
        wait = float(np.quantile(plain.seconds, 0.95))
        hedged = simulate(
            replace(cluster, **STRAGGLERS, replicas=2, hedge_after=wait), arrivals
        )
        more = hedged.n_asked / (N_QUESTIONS * plan.count) - 1
        ms = [np.quantile(plain.seconds, 0.5)]
        ms += [np.quantile(x.seconds, 0.99) for x in (plain, slow, hedged)]
        cells = (f"{1e3 * x:.1f}" for x in ms)
        rows.append((amount(n), plan.count, *cells, f"{more:.1%}"))
    return table(head, *rows)


def tables() -> dict[str, str]:
    """Return every table of docs/scaling.md."""
    shard = planned_shard()
    return {
        "memory": memory_table(),
        "machines": machine_table(shard),
        "tails": tail_table(shard, MACHINES[1]),
    }
