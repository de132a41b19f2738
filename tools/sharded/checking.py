"""The simulation checked: what it says of real workers, and what these do.

Seconds of a core that shards and the caller take, of one worker and of two, are what
it is told; how long a caller waits for two, four and eight it must say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Vectors
from quiver.parallel.processors import count_processors
from sharded.cluster import Cluster
from sharded.running import Timed, TimedIndex, in_turns
from sharded.simulation import one_after_another

WORKERS = (1, 2, 4, 8)
N_SIMULATED = 4000
QUANTILES = (0.5, 0.99)
HEADER = (
    "workers",
    *(
        f"p{100 * q:.0f}, {what}"
        for q in QUANTILES
        for what in ("ms", "simulated", "off")
    ),
)


def measured(
    folder: Path, batches: Sequence[Vectors], ef: int, rounds: int
) -> dict[int, list[Timed]]:
    """Ask workers of one folder in turns, by how many they are."""
    indexes = {n: TimedIndex(folder, n) for n in WORKERS}
    try:
        turn = {n: iter(range(rounds + 1)) for n in WORKERS}

        def ask(n: int) -> Timed:
            return indexes[n].search(batches[next(turn[n]) % len(batches)], ef)

        return in_turns({n: (lambda n=n: ask(n)) for n in WORKERS}, rounds)
    finally:
        for index in indexes.values():
            index.__exit__()


def told(runs: dict[int, list[Timed]]) -> Cluster:
    """Return the cluster that runs of one worker and of two describe."""
    one, two = runs[1], runs[2]
    caller = [float(np.median([run.cpu for run in each])) for each in (one, two)]
    beside = np.median([run.beside for run in one])
    each = max(0.0, caller[1] - caller[0])
    rest = max(0.0, caller[0] - each)
    # Two workers with a core each would work all the seconds that pass. One alone
    # cannot tell of others that leave it a core.
    share = sum(run.shards_cpu.sum() for run in two) / sum(r.shards.sum() for r in two)
    cores = count_processors()
    return Cluster(
        # With both cores at work each is slower.
        service=np.array([run.shards_cpu for run in two]),
        parts=1,
        cores=cores,
        others=max(0.0, cores / share - 2),
        one_at_a_time=True,
        prepare=rest / 2,
        send=each / 2,
        receive=each / 2,
        merge=rest / 2,
        beside=float(beside),
        delay=np.array([max(0.0, x) for run in one for x in run.delays]),
    )


def row(workers: int, real: NDArray[np.float64], simulated: NDArray[np.float64]) -> str:
    """Return what was waited for, and what the simulation says, as a row."""
    cells = [str(workers)]
    for quantile in QUANTILES:
        found, said = np.quantile(real, quantile), np.quantile(simulated, quantile)
        cells += [f"{1e3 * found:.1f}", f"{1e3 * said:.1f}", f"{said / found - 1:+.0%}"]
    return "| " + " | ".join(cells) + " |"


def print_check(folder: Path, batches: Sequence[Vectors], ef: int, rounds: int) -> None:
    """Print what was measured beside what is simulated."""
    runs = measured(folder, batches, ef, rounds)
    cluster = told(runs)
    print(f"{cluster.cores} cores, {cluster.others:.1f} other programs at work\n")
    print("| " + " | ".join(HEADER) + " |\n" + "|---:" * len(HEADER) + "|")
    for workers in WORKERS[1:]:
        outcome = one_after_another(replace(cluster, parts=workers), N_SIMULATED)
        real = np.array([run.seconds for run in runs[workers]])
        print(row(workers, real, outcome.seconds))
