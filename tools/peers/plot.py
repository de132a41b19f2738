"""The Pareto plot: recall against queries per second, a row of panels a data set."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from peers.pareto import front
from peers.schedule import ALL, ONE, SINGLE

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
    threads, k = document["plan"]["threads"], document["plan"]["k"]
    modes = [(ONE, "a batch, one thread"), (SINGLE, "one query a call, one thread")]
    if threads > 1:
        modes.append((ALL, f"a batch, {threads} threads"))
    sets = document["sets"]
    figure = Figure(
        figsize=(1.5 + 4.5 * len(modes), 0.5 + 4.5 * len(sets)), layout="constrained"
    )
    panels = figure.subplots(len(sets), len(modes), sharey="row", squeeze=False)
    for one, row in zip(sets, panels, strict=True):
        about = f"{one['data']}, {one['n']} x {one['dim']}, {one['metric']}"
        row[0].set_ylabel(f"{about}\nqueries per second")
        for axes, (mode, title) in zip(row, modes, strict=True):
            _draw_panel(axes, one["peers"], mode)
            axes.set_xlabel(f"recall@{k}")
            axes.set_title(title, fontsize=10)
    # A peer may be missing in one set; none is named twice.
    handles = {line.get_label(): line for axes in panels[:, 0] for line in axes.lines}
    figure.legend(
        handles=list(handles.values()),
        loc="outside right upper",
        fontsize=8,
        frameon=False,
    )
    # Fixed ids and no date: the same figures make the same file.
    with mpl.rc_context({"svg.hashsalt": "peers"}):
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else None
            figure.savefig(path, dpi=150, metadata=metadata)


def _draw_panel(axes: Axes, peers: dict[str, Any], mode: str) -> None:
    ours, others = itertools.count(), itertools.count()
    for name, peer in peers.items():
        is_ours = name.startswith("quiver-")
        # Counted even where it failed, so that a peer looks alike in every panel.
        style = _our_style(next(ours)) if is_ours else _other_style(next(others))
        if peer["error"]:
            continue
        line = [p for p in front(peer["points"], mode) if p.recall >= LOWEST_RECALL]
        recalls, speeds = [p.recall for p in line], [p.qps for p in line]
        axes.plot(recalls, speeds, label=name, **style)
    axes.set_yscale("log")
    axes.set_xlim(LOWEST_RECALL, 1.0)
    axes.set_xticks([0.8, 0.85, 0.9, 0.95, 1.0])
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
