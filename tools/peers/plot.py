"""The Pareto plot: recall against queries per second, one panel per thread count."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from peers.pareto import front
from peers.schedule import ALL, ONE

# Dark for quiver; Okabe and Ito's colours, safe for colour-blind readers, for others.
OUR_COLORS = ("#000000", "#555555", "#888888", "#bbbbbb")
OTHER_COLORS = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#D4B900",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
MARKERS = "svD^<>pP*Xhd"
LOWEST_RECALL = 0.8


def draw(document: dict[str, Any], paths: Sequence[Path]) -> None:
    """Write one figure to every path, in the format of its suffix."""
    threads = document["plan"]["threads"]
    modes = [(ONE, "one thread"), (ALL, f"{threads} threads")]
    modes = modes[: 1 if threads == 1 else 2]
    figure = Figure(figsize=(1.5 + 5 * len(modes), 5.5), layout="constrained")
    for axes, (mode, title) in zip(
        figure.subplots(1, len(modes), sharey=True, squeeze=False)[0],
        modes,
        strict=True,
    ):
        _draw_panel(axes, document, mode, title)
    handles = figure.axes[0].get_lines()
    figure.legend(handles=handles, loc="outside right upper", fontsize=8, frameon=False)
    about = document["about"]
    figure.suptitle(
        f"{about['data']}, {about['n']} x {about['dim']}, {about['metric']}",
        fontsize=10,
    )
    # Fixed ids and no date: the same figures make the same file.
    with mpl.rc_context({"svg.hashsalt": "peers"}):
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else None
            figure.savefig(path, dpi=150, metadata=metadata)


def _draw_panel(axes: Axes, document: dict[str, Any], mode: str, title: str) -> None:
    ours, others = itertools.count(), itertools.count()
    for name, peer in document["peers"].items():
        if peer["error"]:
            continue
        line = [p for p in front(peer["points"], mode) if p.recall >= LOWEST_RECALL]
        recalls, speeds = [p.recall for p in line], [p.qps for p in line]
        if name.startswith("quiver-"):
            style = _our_style(next(ours))
        else:
            style = _other_style(next(others))
        axes.plot(recalls, speeds, label=name, **style)
    axes.set_yscale("log")
    axes.set_xlim(LOWEST_RECALL, 1.0)
    axes.set_xlabel(f"recall@{document['plan']['k']}")
    axes.set_ylabel("queries per second")
    axes.set_title(title, fontsize=10)
    axes.grid(which="both", linewidth=0.3, alpha=0.6)


def _our_style(number: int) -> dict[str, Any]:
    """Solid for the first graph size, dashed for the second."""
    size, backend = divmod(number, len(OUR_COLORS))
    return {
        "color": OUR_COLORS[backend],
        "linestyle": ("-", "--")[size % 2],
        "marker": "o",
        "markersize": 3,
        "linewidth": 2,
        "zorder": 3,
    }


def _other_style(number: int) -> dict[str, Any]:
    return {
        "color": OTHER_COLORS[number % len(OTHER_COLORS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1,
    }
