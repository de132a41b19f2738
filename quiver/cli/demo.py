"""The command ``demo``: what quiver finds, how well, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
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
    notes,
    print_facts,
    print_note,
    progress_bar,
)
from quiver.cli.options import BackendOption, ThreadsOption
from quiver.datasets import DemoSet, load_demo
from quiver.evaluation.demo import (
    CONTENDERS,
    Built,
    Contender,
    Point,
    build_contender,
    measure,
)
from quiver.parallel.workers import resolve_threads

TRUE_NEIGHBOURS = 10
SHOWN_NEIGHBOURS = 3
# More would take the NumPy kernels minutes.
REFERENCE_ROWS = 1000


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
    built = [_build(side, vectors, kernels.name, used) for side in CONTENDERS]
    _print_questions(built[0].index, sentences, show)
    _print_recall(built, sentences, used)
    _print_costs(built)


def _build(
    contender: Contender, vectors: AnyArray, backend: str, threads: int
) -> Built:
    with progress_bar(f"building, {contender.name} encoding") as progress:
        return build_contender(
            contender, vectors, backend=backend, threads=threads, progress=progress
        )


def _print_questions(index: quiver.Index, sentences: DemoSet, show: int) -> None:
    for number, question in enumerate(sentences.query_texts[:show]):
        found = index.search(sentences.queries[number], k=SHOWN_NEIGHBOURS)
        _print_one_line(Text(question, style="bold"))
        for row, distance in zip(found.ids, found.distances, strict=True):
            _print_one_line(Text(f"  {distance:.3f}  {sentences.texts[row]}"))
        answers.print()


def _print_one_line(line: Text) -> None:
    line.truncate(answers.width, overflow="ellipsis")
    answers.print(line)


def _print_recall(built: Sequence[Built], sentences: DemoSet, threads: int) -> None:
    index = built[0].index
    with notes.status("measuring against exact search"):
        _, true = quiver.exact_knn(
            index.vectors, sentences.queries, TRUE_NEIGHBOURS, metric=index.metric
        )
        sides = [
            list(measure(side.index, sentences.queries, true, threads=threads))
            for side in built
        ]
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


def _cells(point: Point) -> tuple[str, str, str]:
    return (
        f"{point.recall:.4f}",
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
