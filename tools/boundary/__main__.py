"""Measure the boundary and write its page; ``make boundary`` runs this.

Writes ``boundary.json`` (all figures), ``boundary.md`` and ``boundary.svg`` to
``--out``. Without further options it fills the first table, at 20 000 rows. hnswlib,
where it is installed, gives the float32 graph beside ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import quiver
from boundary import dimensions, page, speed
from boundary.data import Sources, Task
from boundary.figures import Figures
from boundary.graph import beside
from boundary.measure import Record, about, built, recalls, verdict
from quiver.parallel.workers import resolve_threads

DOCS = Path(__file__).parents[2] / "docs"
ROWS = 20_000


def main() -> None:
    """Measure what is asked for and write the page of all that was measured."""
    options = _parser().parse_args()
    figures = Figures(options.out / "boundary.json")
    if not options.render:
        for section, name, record in _measured(options, figures):
            figures.put(section, name, record)
            print(section, name, record, flush=True)
    page.write(figures.sections, options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="boundary", description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=ROWS, help="of each generated kind, streamed")
    add("--bits", type=int, help="with --rows: in place of what the data ask for")
    add("--only", nargs="*", default=[], help="names of data sets")
    add("--data", nargs="*", default=[], help="folders with base.npy, queries.npy")
    add("--hdf5", nargs="*", default=[], help="ann-benchmarks files")
    add("--folder", type=Path, help="for the rows while they are searched")
    add("--threads", type=int, help="default all this process may use")
    add("--verdicts", action="store_true", help="diagnose anew, keep the recalls")
    add("--beta", type=_numbers, help="measure these instead, such as 0.5,0.7,0.85")
    add("--speed", action="store_true", help="measure speed beside hnswlib instead")
    add("--dimensions", action="store_true", help="measure few dimensions instead")
    add("--render", action="store_true", help="measure nothing")
    add("--out", type=Path, default=DOCS)
    return parser


def _numbers(words: str) -> list[float]:
    return [float(word) for word in words.split(",")]


def _measured(
    options: argparse.Namespace, figures: Figures
) -> Iterator[tuple[str, str, Record]]:
    threads = resolve_threads(options.threads)
    if options.dimensions:
        for name, record in dimensions.measured(threads):
            yield "dimensions", name, record
        return
    table = figures.sections["table"]
    names = "rows", "only", "data", "hdf5", "folder"
    for task in Sources(**{name: getattr(options, name) for name in names}).tasks():
        sized = f"{task.name}, {len(task.base)}"
        if options.beta:
            yield "beta", sized, _by_beta(task, threads, options.beta)
        elif options.speed:
            yield "speed", task.name, speed.compared(task)
        elif options.verdicts:
            old = table[task.name]
            yield "table", task.name, {**old, **verdict(task, threads, old)}
        elif options.rows == ROWS:
            yield "table", task.name, _row(task, threads)
        else:
            wanted = f", {options.bits} bits" if options.bits else ""
            yield "scale", sized + wanted, _at_scale(task, threads, options.bits)


def _row(task: Task, threads: int) -> Record:
    measured = {**about(task, threads), **recalls(task, threads)}
    measured["graph"] = beside(task, threads)
    return {**measured, **verdict(task, threads, measured)}


def _at_scale(task: Task, threads: int, bits: int | None) -> Record:
    encoding = quiver.Encoding(bits=bits) if bits else None
    build = built(task, threads, encoding=encoding)
    return {**about(task, threads), "build": build, "graph": beside(task, threads)}


def _by_beta(task: Task, threads: int, betas: list[float]) -> Record:
    by_beta = {
        str(beta): built(task, threads, params=quiver.BuildParams(beta=beta))
        for beta in betas
    }
    return {**about(task, threads), "by_beta": by_beta}


if __name__ == "__main__":
    main()
