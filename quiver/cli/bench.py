"""The command ``bench``: which backend for this computer, this data and this work."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

import quiver
from quiver.cli.bench_sample import BenchData, read_data
from quiver.cli.bench_shown import print_comparison, print_report
from quiver.cli.console import (
    load_backend,
    print_json,
    print_note,
    progress_bar,
)
from quiver.cli.files import check_outputs, write_page
from quiver.cli.options import JsonOption, KeyOption, MetricOption, ThreadsOption
from quiver.cli.quantities import parse_bytes
from quiver.doctor.computer import processor_name
from quiver.errors import InvalidArgumentError
from quiver.evaluation.bench import bench_backends
from quiver.evaluation.bench_page import render
from quiver.evaluation.bench_report import BenchReport
from quiver.evaluation.comparison import FORMAT, compare, read_bench
from quiver.evaluation.decision import decide
from quiver.evaluation.workload import Workload
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
    recall: Annotated[
        float | None, typer.Option(help="Recall to hold: ef is chosen by it.")
    ] = None,
    queries_per_call: Annotated[
        int | None,
        typer.Option(min=1, help="Queries that come together; default all."),
    ] = None,
    memory_limit: Annotated[
        str | None, typer.Option(help="What the index may take, such as 500MB, 2GiB.")
    ] = None,
    backends: Annotated[
        str | None, typer.Option(help="Comma-separated; all that run here.")
    ] = None,
    threads: ThreadsOption = None,
    repeats: Annotated[int, typer.Option(help="Turns of every backend.")] = 5,
    key: KeyOption = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the figures there, as SVG.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the decision and all figures there.")
    ] = None,
    compare_with: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="A.json B.json",
            help="Tell two earlier benches apart instead: computers, or releases.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure which backend is the fastest here, with this data."""
    if compare_with is not None:
        _compare(*compare_with, as_json=as_json)
        return
    metric = check_metric(metric)
    file, json_file = _split_files(file, other_file, as_json=as_json)
    check_outputs(json=json_file, plot=plot, html=html)
    _check_drawable(plot)
    limit = None if memory_limit is None else parse_bytes("memory_limit", memory_limit)
    # Checked before the work; the number of vectors is known when they are read.
    workload = Workload(queries_per_call, recall, limit)
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
            workload=replace(workload, n_vectors=data.n_vectors),
            progress=progress,
        )
    if plot is not None:
        write_page(plot, report.to_svg())
    if html is not None:
        write_page(html, render(report, data.source))
    document = _document(report, data)
    if json_file is not None:
        write_page(json_file, json.dumps(document, indent=2, allow_nan=False) + "\n")
    elif as_json:
        print_json(document)
        return
    print_report(report, data)


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


def _compare(first: Path, second: Path, *, as_json: bool) -> None:
    """Print what tells two documents apart."""
    found = compare(read_bench(first), read_bench(second))
    if as_json:
        # JSON has no infinity: an interval without an end has none there.
        ratios = [
            {
                **r._asdict(),
                "high": None if math.isinf(r.high) else r.high,
                "verdict": r.verdict,
            }
            for r in found.ratios
        ]
        print_json({**found._asdict(), "ratios": ratios})
        return
    print_comparison(found)


def _document(report: BenchReport, data: BenchData) -> dict[str, Any]:
    decision = decide(report)
    return {
        "format": FORMAT,
        "quiver": quiver.__version__,
        "processor": processor_name(),
        "source": data.source,
        "n_queries": len(data.queries),
        **asdict(report),
        "recall": report.recall._asdict(),
        "speed_against_reference": report.speed_against(),
        "recommended": report.recommended,
        "decision": decision._asdict(),
    }
