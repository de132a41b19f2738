"""What the command ``bench`` prints: figures, the decision, and a comparison."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

import quiver
from quiver.cli.bench_sample import BenchData
from quiver.cli.console import answers, format_bytes, format_count
from quiver.evaluation.bench_report import BackendTimes, BenchReport
from quiver.evaluation.comparison import Comparison
from quiver.evaluation.decision import decide


def print_report(report: BenchReport, data: BenchData) -> None:
    """Print what was measured, and what follows from it."""
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
    for line in warnings_about(report):
        answers.print(f"\n{line}", soft_wrap=True)
    answers.print(f"\n{decide(report)}", soft_wrap=True, markup=False, highlight=False)


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


def warnings_about(report: BenchReport) -> Iterator[str]:
    """Yield what a reader of the figures must know besides."""
    different = [times.backend for times in report.backends if not times.same_answers]
    if different:
        names, first = ", ".join(different), report.backends[0].backend
        yield f"{names}: answers not equal to {first}'s, see `quiver verify`."
    default = quiver.get_backend("auto").name
    if default not in (times.backend for times in report.backends):
        yield f"`auto` takes {default}, which was not measured."


def print_comparison(found: Comparison) -> None:
    """Print what tells two benches apart."""
    headings = ("backend", "queries per s", "first", "second", "times", "95 %", "")
    table = Table(*headings, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    words = {"one": "batch, 1 thread", "all": "batch, all", "single": "single query"}
    for ratio in found.ratios:
        table.add_row(
            *(ratio.backend, words[ratio.figure]),
            *(format_count(ratio.first), format_count(ratio.second)),
            *(f"{ratio.ratio:.2f}", f"{ratio.low:.2f} … {ratio.high:.2f}"),
            ratio.verdict,
        )
    answers.print(table)
    answers.print("recall {:.4f} and {:.4f}".format(*found.recalls))
    for note in found.notes:
        answers.print(note, soft_wrap=True)
