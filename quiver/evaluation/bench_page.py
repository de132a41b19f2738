"""A bench as one page: the decision, the figures and their drawings."""

from __future__ import annotations

from quiver.evaluation.bench_report import BackendTimes, BenchReport, Latency
from quiver.evaluation.decision import decide
from quiver.memory import MemoryReport, format_bytes
from quiver.pages.page import bullets, code, heading, page, paragraph, table

_HEADINGS = (
    "backend",
    "recall",
    "batch, 1 thread",
    "batch, all threads",
    "single p50 µs",
    "p99 µs",
    "call p50 µs",
    "call p99 µs",
    "build s",
    "rows built",
    "start s",
)

_PARTS = ("codes", "graph", "ids", "hot in all", "vectors")


def render(report: BenchReport, source: str) -> str:
    """Return the page."""
    title, decision = f"quiver bench: {source}", decide(report)
    searched = (
        f"{report.n:,} vectors of {report.dim} dimensions, {report.metric}; "
        f"k={report.k}, ef={report.ef}; all threads: {report.threads}."
    )
    parts = (
        heading(title, 1),
        paragraph(searched),
        heading(f"Decision: {decision.backend}"),
        bullets(decision.reasons),
        code(decision.pins),
        heading("Queries per second, and seconds"),
        table(_HEADINGS, map(_row, report.backends)),
        report.to_svg(),
        heading("Memory"),
        table(
            ("codes", "graph", "ids", "hot in all", "vectors"), [_bytes(report.memory)]
        ),
    )
    return page(title, parts)


def _row(times: BackendTimes) -> tuple[object, ...]:
    start = times.start_seconds
    return (
        times.backend,
        f"{times.recall:.3f}" if times.same_answers else "other answers",
        f"{times.queries_per_second_one:,.0f}",
        f"{times.queries_per_second_all:,.0f}",
        *_percentiles(times.latency),
        *(("-", "-") if times.calls is None else _percentiles(times.calls)),
        f"{times.build_seconds:.2f}",
        f"{times.build_rows:,}",
        "-" if start is None else f"{start:.1f}",
    )


def _percentiles(latency: Latency) -> tuple[str, str]:
    return f"{1e6 * latency.p50:,.0f}", f"{1e6 * latency.p99:,.0f}"


def _bytes(memory: MemoryReport) -> tuple[str, ...]:
    parts = memory.codes, memory.graph, memory.ids, memory.hot, memory.vectors
    return tuple(map(format_bytes, parts))
