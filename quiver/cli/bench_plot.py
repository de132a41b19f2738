"""The picture of ``quiver bench --plot``; needs the extra ``plot`` (matplotlib)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from quiver.errors import InvalidArgumentError
from quiver.evaluation.bench_report import BenchReport


def check_drawable(path: Path) -> None:
    """Raise unless matplotlib is there and writes the format of the path's suffix."""
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError as error:
        msg = "plot needs matplotlib: pip install 'quiver-ann[plot]'"
        raise InvalidArgumentError(msg) from error
    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix.removeprefix(".") not in known:
        msg = f"plot must end in one of .{' .'.join(known)}, got {str(path)!r}"
        raise InvalidArgumentError(msg)


def draw(report: BenchReport, path: Path) -> None:
    """Draw speed and latency of every backend, in the format of the path's suffix."""
    # Imported here: the command works without the extra.
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(10, 1.5 + 0.5 * len(report.backends)), layout="constrained"
    )
    speed, latency = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(report.backends))
    one = [times.queries_per_second_one for times in report.backends]
    every = [times.queries_per_second_all for times in report.backends]
    speed.barh(places - 0.2, one, 0.38, label="1 thread")
    speed.barh(places + 0.2, every, 0.38, label=f"{report.threads} threads")
    speed.set_yticks(places, [times.backend for times in report.backends])
    speed.set_xlabel("queries per second")
    for name, marker in (("p50", "o"), ("p95", "s"), ("p99", "d")):
        seconds = [getattr(times.latency, name) for times in report.backends]
        latency.plot([1e6 * s for s in seconds], places, marker, label=name)
    latency.set_xlabel("latency of a single query, µs")
    latency.invert_yaxis()
    for axes in (speed, latency):
        # The reference is slower by orders of magnitude.
        axes.set_xscale("log")
        axes.legend(frameon=False, fontsize=8)
        axes.grid(axis="x", which="both", linewidth=0.3, alpha=0.6)
    title = f"{report.n} x {report.dim}, {report.metric}, ef={report.ef}"
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=150)
