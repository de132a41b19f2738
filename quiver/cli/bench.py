"""The command ``bench``: which backend for this computer and this data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

import quiver
from quiver.cli.bench_sample import BenchData, read_data
from quiver.cli.console import (
    answers,
    format_bytes,
    format_count,
    load_backend,
    print_json,
    print_note,
    progress_bar,
)
from quiver.cli.files import check_outputs, write_page
from quiver.cli.options import JsonOption, KeyOption, MetricOption, ThreadsOption
from quiver.errors import InvalidArgumentError
from quiver.evaluation.bench import bench_backends
from quiver.evaluation.bench_report import BackendTimes, BenchReport
from quiver.validation.checks import check_metric

DEFAULT_ROWS = 20_000
# What the NumPy kernels can build in seconds, should nothing else be available.
REFERENCE_ROWS = 1000


def bench(
    file: Annotated[
        Path | None, typer.Argument(help="Vectors, as for `build`; else the demo set.")
    ] = None,
    other_file: Annotated[Path | None, typer.Argument(hidden=True)] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            help="Query vectors; else `test` of an HDF5 file, or rows of FILE."
        ),
    ] = None,
    metric: MetricOption = "cosine",
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
    plot: Annotated[
        Path | None, typer.Option(help="Draw the figures there, as SVG.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure which backend is the fastest here, with this data."""
    metric = check_metric(metric)
    file, json_file = _split_files(file, other_file, as_json=as_json)
    check_outputs(json=json_file, plot=plot)
    _check_drawable(plot)
    names = _runnable(backends)
    if set(names) == {"reference"} and rows > REFERENCE_ROWS:
        rows = REFERENCE_ROWS
        print_note(f"only the reference runs here, and it is slow: {rows} rows")
    data = read_data(file, queries, key, rows)
    with progress_bar("benchmarking") as progress:
        report = bench_backends(
            data.vectors,
            data.queries,
            metric=metric,
            k=k,
            ef=ef,
            backends=names,
            threads=threads,
            repeats=repeats,
            progress=progress,
        )
    if plot is not None:
        write_page(plot, report.to_svg())
    document = _document(report, data)
    if json_file is not None:
        write_page(json_file, json.dumps(document, indent=2, allow_nan=False) + "\n")
    elif as_json:
        print_json(document)
        return
    _print_report(report, data)


def _split_files(
    file: Path | None, other: Path | None, *, as_json: bool
) -> tuple[Path | None, Path | None]:
    """Return the vectors, and the file that `--json FILE` of version 0.1.0 names."""
    files = [path for path in (file, other) if path is not None]
    named = [path for path in files if path.suffix == ".json"]
    vectors = [path for path in files if path.suffix != ".json"]
    if len(vectors) > 1 or len(named) > 1 or (named and not as_json):
        msg = f"bench takes one file of vectors, got {' and '.join(map(str, files))}"
        raise InvalidArgumentError(msg)
    if not named:
        return file, None
    print_note(
        f"--json FILE will go: `--json` prints the document, `> {named[0]}` keeps it"
    )
    return (vectors[0] if vectors else None), named[0]


def _check_drawable(plot: Path | None) -> None:
    if plot is not None and plot.suffix.lower() != ".svg":
        msg = (
            f"plot must end in .svg, got {str(plot)!r}: any browser shows and prints "
            f"one, and `rsvg-convert` or Inkscape make another format of it"
        )
        raise InvalidArgumentError(msg)


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


def _print_report(report: BenchReport, data: BenchData) -> None:
    memory, first = report.memory, report.backends[0]
    answers.print(
        f"{data.source}: {format_count(report.n)} vectors, {report.dim}-d, "
        f"{report.metric}; {len(data.queries)} queries, k={report.k}, ef={report.ef}",
        soft_wrap=True,
    )
    answers.print(
        f"Built with {first.backend} in {report.build_seconds:.1f} s; "
        f"{format_bytes(memory.hot)} hot, {format_bytes(memory.vectors)} cold\n",
        soft_wrap=True,
    )
    answers.print(_table(report))
    for line in _remarks(report, len(data.queries)):
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


def _document(report: BenchReport, data: BenchData) -> dict[str, Any]:
    return {
        "source": data.source,
        "n_queries": len(data.queries),
        **asdict(report),
        "speed_against_reference": report.speed_against(),
        "recommended": report.recommended,
    }
