"""The command ``bench``: which backend for this computer and this data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.table import Table

import quiver
from quiver._typing import AnyArray
from quiver.bench import bench_backends
from quiver.bench_report import BackendTimes, BenchReport
from quiver.cli.bench_plot import check_drawable, draw
from quiver.cli.console import (
    answers,
    format_bytes,
    format_count,
    load_backend,
    print_note,
    progress_bar,
)
from quiver.cli.options import KeyOption, MetricName, ThreadsOption
from quiver.datasets import is_hdf5, load_demo, read_vectors
from quiver.errors import InvalidArgumentError

DEFAULT_ROWS = 20_000
# What the NumPy kernels can build in seconds, should nothing else be available.
REFERENCE_ROWS = 1000
# Enough for a recall of three digits, few enough for exact search in a moment.
HELD_OUT = 500


class Sample(NamedTuple):
    """What is searched, and where it came from."""

    source: str
    vectors: AnyArray
    queries: AnyArray


def bench(
    file: Annotated[
        Path | None, typer.Argument(help="Vectors, as for `build`; else the demo set.")
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            help="Query vectors; else `test` of an HDF5 file, or rows of FILE."
        ),
    ] = None,
    metric: Annotated[MetricName, typer.Option()] = MetricName.COSINE,
    rows: Annotated[
        int, typer.Option(min=20, help="Search a random sample of that many.")
    ] = DEFAULT_ROWS,
    k: Annotated[int, typer.Option("-k", help="Neighbours wanted.")] = 10,
    ef: Annotated[int | None, typer.Option(help="Beam width, at least k.")] = None,
    backends: Annotated[
        str | None, typer.Option(help="Comma-separated; all that run here.")
    ] = None,
    threads: ThreadsOption = None,
    repeats: Annotated[int, typer.Option(help="Turns of every backend.")] = 5,
    key: KeyOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures there.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw them there (.png, .svg, .pdf).")
    ] = None,
) -> None:
    """Measure which backend is the fastest on this computer with this data."""
    _check_outputs(json_file, plot)
    names = _runnable(backends)
    if set(names) == {"reference"} and rows > REFERENCE_ROWS:
        rows = REFERENCE_ROWS
        print_note(f"only the reference runs here, and it is slow: {rows} rows")
    sample = _read(file, queries, key, rows)
    with progress_bar("benchmarking") as progress:
        report = bench_backends(
            sample.vectors,
            sample.queries,
            metric=metric.value,
            k=k,
            ef=ef,
            backends=names,
            threads=threads,
            repeats=repeats,
            progress=progress,
        )
    _print_report(report, sample)
    if json_file is not None:
        document = _document(report, sample)
        json_file.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n")
    if plot is not None:
        draw(report, plot)


def _check_outputs(json_file: Path | None, plot: Path | None) -> None:
    # Found now rather than after the measurement.
    for path in (json_file, plot):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            msg = f"output must be a file in an existing folder, got {str(path)!r}"
            raise InvalidArgumentError(msg)
    if plot is not None:
        check_drawable(plot)


def _runnable(backends: str | None) -> list[str]:
    """Return the backends to measure, compiled where that is due."""
    if backends is not None:
        names = [name.strip() for name in backends.split(",")]
    else:
        infos = quiver.list_backends()
        names = [info.name for info in infos if info.available]
        for info in infos:
            if not info.available:
                print_note(f"left out: {info.reason}")
    # Compiled now: later the bar would stand still without a reason.
    for name in names:
        load_backend(name)
    return names


def _read(
    file: Path | None, queries: Path | None, key: str | None, rows: int
) -> Sample:
    """Read a sample of the vectors, and queries that are not among them."""
    everything, wanted = _all_vectors(file, key)
    source = "demo set" if file is None else str(file)
    if queries is not None:
        wanted = read_vectors(queries)
    n_held_out = min(HELD_OUT, len(everything) // 10) if wanted is None else 0
    if wanted is None and not n_held_out:
        msg = f"queries must be given for {source}: its {len(everything)} rows are few"
        raise InvalidArgumentError(msg)
    # A random sample: files are often sorted. Sorted again, it is read in one sweep.
    shuffled = np.random.default_rng(0).permutation(len(everything))
    held_out, kept = np.split(shuffled[: n_held_out + rows], [n_held_out])
    if wanted is None:
        wanted = everything[np.sort(held_out)]
    return Sample(source, everything[np.sort(kept)], wanted[:HELD_OUT])


def _all_vectors(
    file: Path | None, key: str | None
) -> tuple[AnyArray, AnyArray | None]:
    """Return the whole base, and the queries that come with it, if any."""
    if file is None:
        demo = load_demo()
        return demo.vectors, demo.queries
    own_queries = is_hdf5(file) and key is None
    return (
        read_vectors(file, key=key),
        read_vectors(file, key="test") if own_queries else None,
    )


def _print_report(report: BenchReport, sample: Sample) -> None:
    memory, first = report.memory, report.backends[0]
    answers.print(
        f"{sample.source}: {format_count(report.n)} vectors, {report.dim}-d, "
        f"{report.metric}; {len(sample.queries)} queries, k={report.k}, ef={report.ef}",
        soft_wrap=True,
    )
    answers.print(
        f"Built with {first.backend} in {report.build_seconds:.1f} s; "
        f"{format_bytes(memory.hot)} hot, {format_bytes(memory.vectors)} cold\n",
        soft_wrap=True,
    )
    answers.print(_table(report))
    for line in _remarks(report, len(sample.queries)):
        answers.print(line, style="dim", soft_wrap=True)
    answers.print(f"\n{_advice(report)}", soft_wrap=True)


def _table(report: BenchReport) -> Table:
    speeds = report.speed_against()
    # Ten columns in the 80 characters a pipe gets.
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("\n\nbackend")
    for heading in (
        f"\nrecall\n@{report.k}",
        "queries\nper s,\n1 thread",
        f"queries\nper s,\n{report.threads} threads",
        "single\nquery\np50 µs",
        "\n\np95 µs",
        "\n\np99 µs",
        "\n\nbuild s",
        "\nhot\nMiB",
        "\ntimes\nref.",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for times in report.backends:
        table.add_row(*_cells(times, report.memory.hot, speeds))
    return table


def _cells(times: BackendTimes, hot: int, speeds: dict[str, float]) -> list[str]:
    latency = times.latency
    return [
        times.backend,
        f"{times.recall:.3f}",
        format_count(times.queries_per_second_one),
        format_count(times.queries_per_second_all),
        *(format_count(1e6 * s) for s in (latency.p50, latency.p95, latency.p99)),
        f"{times.build_seconds:.2f}",
        f"{hot / (1 << 20):.1f}",
        f"{speeds[times.backend]:.1f}" if speeds else "-",
    ]


def _remarks(report: BenchReport, n_queries: int) -> list[str]:
    most = max(times.build_rows for times in report.backends)
    common = (
        f"build s: over {format_count(most)} rows, on all threads; single queries and "
        "times ref.: on one thread"
    )
    slow = [
        f"{times.backend} is slow: only the first {times.n_queries} queries, "
        f"{times.build_rows} rows for its build"
        for times in report.backends
        if times.n_queries < n_queries or times.build_rows < most
    ]
    return [common, *slow]


def _advice(report: BenchReport) -> str:
    different = [times.backend for times in report.backends if not times.same_answers]
    if different:
        names, first = ", ".join(different), report.backends[0].backend
        return f"{names}: answers not equal to {first}'s, see `quiver verify`."
    best, default = report.recommended, quiver.get_backend("auto").name
    same = "All answers are equal in every bit. Fastest of those measured: "
    if best == default:
        return f"{same}{best}, which `auto` takes."
    if default not in (times.backend for times in report.backends):
        return f"{same}{best}; `auto` takes {default}, which was not measured."
    return f"{same}{best}; `auto` takes {default}. Set QUIVER_BACKEND={best}."


def _document(report: BenchReport, sample: Sample) -> dict[str, Any]:
    return {
        "source": sample.source,
        "n_queries": len(sample.queries),
        **asdict(report),
        "speed_against_reference": report.speed_against(),
        "recommended": report.recommended,
    }
