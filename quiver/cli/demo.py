"""The command ``demo``: what quiver finds, how well, and what it costs.

The published parameters are those of QuIVer (arXiv 2605.02171), Table 5: m = 32, so a
degree of 64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

import quiver
from quiver._typing import AnyArray
from quiver.cli.console import (
    answers,
    format_bytes,
    format_count,
    load_backend,
    print_facts,
    print_note,
    progress_bar,
)
from quiver.cli.options import BackendOption, ThreadsOption
from quiver.datasets import DemoSet, load_demo
from quiver.evaluation.report import Point
from quiver.evaluation.timing import timed
from quiver.parallel.workers import resolve_threads

SHOWN_NEIGHBORS = 3
SHOWN_WIDTHS = (16, 24, 32, 48, 64, 96, 128)
# More would take the NumPy kernels minutes.
REFERENCE_ROWS = 1000
WARM_ROWS = 64

SIDES = {
    "default": (quiver.Encoding(), quiver.BuildParams()),
    "paper": (
        quiver.Encoding.paper(),
        quiver.BuildParams(max_degree=64, ef_construction=128, alpha=1.2),
    ),
}


@dataclass(frozen=True)
class Built:
    """One side's index and the seconds its build took."""

    name: str
    index: quiver.Index
    seconds: float


def demo(
    rows: Annotated[
        int | None, typer.Option(min=256, help="Index only the first sentences.")
    ] = None,
    show: Annotated[int, typer.Option(min=0, help="Queries to print.")] = 4,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Build an index over real sentences, ask it, and measure it."""
    sentences = load_demo()
    kernels = load_backend(backend)
    if rows is None and kernels.name == "reference":
        rows = REFERENCE_ROWS
        print_note(f"the reference is slow: only {rows} sentences (see --rows)")
    vectors = sentences.vectors[:rows]
    used = resolve_threads(threads)
    answers.print(
        f"{format_count(len(vectors))} sentences, {len(sentences.queries)} queries, "
        f"{vectors.shape[1]}-d; backend {kernels.name} ({kernels.target}), "
        f"threads: {used}\n",
        soft_wrap=True,
    )
    built = [build(name, vectors, kernels.name, used) for name in SIDES]
    _print_questions(built[0].index, sentences, show)
    _print_recall(built, sentences, used)
    _print_costs(built)


def build(name: str, vectors: AnyArray, backend: str, threads: int) -> Built:
    """Build one side after a tiny one, so that no first call is timed."""
    encoding, params = SIDES[name]
    build_index = partial(
        quiver.Index.build,
        params=params,
        encoding=encoding,
        backend=backend,
        threads=threads,
    )
    build_index(vectors[:WARM_ROWS]).search(vectors[:2], k=1)
    with progress_bar(f"building, {name} encoding") as progress:
        return Built(name, *timed(partial(build_index, vectors, progress=progress)))


def _print_questions(index: quiver.Index, sentences: DemoSet, show: int) -> None:
    for number, question in enumerate(sentences.query_texts[:show]):
        found = index.search(sentences.queries[number], k=SHOWN_NEIGHBORS)
        _print_one_line(Text(question, style="bold"))
        for row, distance in zip(found.ids, found.distances, strict=True):
            _print_one_line(Text(f"  {distance:.3f}  {sentences.texts[row]}"))
        answers.print()


def _print_one_line(line: Text) -> None:
    line.truncate(answers.width, overflow="ellipsis")
    answers.print(line)


def _print_recall(built: Sequence[Built], sentences: DemoSet, threads: int) -> None:
    sides = [measure(side, sentences, threads) for side in built]
    answers.print("Against exact search, the whole beam re-ranked", style="bold")
    table = Table("\nef", box=None)
    for side in built:
        for heading in (f"{side.name}\nrecall@10", "\nqueries/s", "\ndistances"):
            table.add_column(heading, justify="right")
    for points in zip(*sides, strict=True):
        cells = [cell for point in points for cell in _cells(point)]
        table.add_row(str(points[0].ef), *cells)
    answers.print(table)
    answers.print("  distances: between codes, per query\n", style="dim")


def measure(side: Built, sentences: DemoSet, threads: int) -> tuple[Point, ...]:
    """Measure recall and cost for every beam width shown."""
    with progress_bar(f"measuring, {side.name} encoding") as progress:
        evaluation = quiver.evaluate(
            side.index,
            sentences.queries,
            ef=SHOWN_WIDTHS,
            n_rerank=SHOWN_WIDTHS[-1],
            threads=threads,
            progress=progress,
        )
    return evaluation.points


def _cells(point: Point) -> tuple[str, str, str]:
    return (
        f"{point.recall.mean:.4f}",
        format_count(point.queries_per_second),
        format_count(point.distance_computations),
    )


def _print_costs(built: Sequence[Built]) -> None:
    facts = []
    for side in built:
        memory, params = side.index.memory_report(), side.index.params
        cost = f"{side.seconds:.1f} s to build, max_degree {params.max_degree}"
        ratio = memory.vectors / memory.hot
        hot = f"{memory.hot_per_vector:.0f} bytes/vector hot, {ratio:.1f}x less"
        facts.append((side.name, f"{format_bytes(memory.hot)}, {hot}; {cost}"))
    floats = f"{memory.cold_per_vector:.0f} bytes/vector: what search no longer holds"
    facts.append(("float32", f"{format_bytes(memory.vectors)}, {floats}"))
    print_facts("Memory and time", facts)
