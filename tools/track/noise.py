"""How surely and how soon a slowdown is found, by the noise of the times.

``python -P -m track.noise docs/measured_tracking.md``: drawn series, so that the answer
is known. The noise is normal, and at every twentieth commit the computer has other
work: its times are up to a fifth longer.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from track.history import Entry
from track.steps import Step, steps

SLOWDOWN = 1.1
NOISES = (0.01, 0.02, 0.03, 0.05)
AFTER = (3, 4, 6, 10, 20)
N_BEFORE = 20
N_SERIES = 100
_BUSY_SHARE, _BUSY = 0.05, 0.2
_NEAR = 1
"""A step counts as found if the commit named is this far off at most."""


def drawn(noise: float, n_commits: int, seed: int) -> np.ndarray:
    """Return the times of commits of which none is slower than another."""
    rng = np.random.default_rng(seed)
    times = 1 + noise * rng.normal(size=n_commits)
    busy = rng.random(n_commits) < _BUSY_SHARE
    return times * (1 + busy * rng.uniform(0, _BUSY, n_commits))


def found(times: Sequence[float]) -> list[Step]:
    """Return the steps among the times of commits 0, 1, 2 and so on."""
    entries = [
        Entry(str(number), {"machine": "drawn"}, {}, {"any": {"batch": float(time)}})
        for number, time in enumerate(times)
    ]
    return steps(entries)


def shares(noise: float, after: int) -> tuple[float, float, float]:
    """Return false alarms, steps found, and found at the very commit, of all series."""
    alarms = hits = exact = 0
    for seed in range(N_SERIES):
        times = drawn(noise, N_BEFORE + after, seed)
        alarms += bool(found(times))
        times[N_BEFORE:] *= SLOWDOWN
        off = [abs(int(step.first.commit) - N_BEFORE) for step in found(times)]
        hits += min(off, default=N_BEFORE) <= _NEAR
        exact += 0 in off
    return alarms / N_SERIES, hits / N_SERIES, exact / N_SERIES


def table() -> str:
    """Return the shares as Markdown."""
    heads = [f"found after {count} commits" for count in AFTER]
    names = ["noise", "false alarms", *heads, f"at the very commit, after {AFTER[-1]}"]
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for noise in NOISES:
        by_after = [shares(noise, after) for after in AFTER]
        alarms = max(alarms for alarms, _, _ in by_after)
        exact = by_after[-1][-1]
        cells = [f"{noise:.0%}", f"{alarms:.0%}"]
        cells += [f"{hits:.0%}" for _, hits, _ in by_after]
        lines.append("| " + " | ".join([*cells, f"{exact:.0%}"]) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="track.noise", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.parse_args().out.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main()
