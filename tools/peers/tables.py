"""The tables of one data set, in Markdown."""

from __future__ import annotations

import math
from typing import Any

from peers.catalogue import YARDSTICK
from peers.pareto import cheapest_at, qps_at
from peers.schedule import ALL, ONE_WALL, SINGLE

RECALLS = (0.90, 0.95, 0.99)
BETWEEN = RECALLS[1]
"""Where peers are ranked, and latencies and scaling are told."""
BUILD_CLOCKS = (
    ("build_seconds", "time"),
    ("build_cpu_seconds", "CPU time, all threads together"),
)
_MIB = 1 << 20

Peers = dict[str, Any]


def speeds(peers: Peers, mode: str) -> str:
    """Return queries per second at each recall, and what a mode has besides."""
    found = {
        name: [qps_at(peer["points"], mode, recall) for recall in RECALLS]
        for name, peer in peers.items()
    }
    # By the middle recall; whoever does not reach it comes last.
    ranked = sorted(found, key=lambda name: -(found[name][1] or 0))
    yardstick = found.get(YARDSTICK, [None] * len(RECALLS))
    more_headings, more = _MORE.get(mode, ((), lambda _: []))
    rows = []
    for name in ranked:
        if any(found[name]):
            pairs = zip(found[name], yardstick, strict=True)
            cells = [_speed_cell(speed, unit) for speed, unit in pairs]
            about = peers[name]
            rows.append([name, about["stores"], *cells, *more(about["points"])])
    headings = [f"recall {recall:.2f}" for recall in RECALLS]
    lines = table(["peer", "stores", *headings, *more_headings], rows)
    if YARDSTICK not in found:
        return lines
    return f"{lines}\n\nIn brackets: the multiple of {YARDSTICK}, rounded down."


def costs(peers: Peers) -> str:
    """Return seconds and bytes of the builds, and why some are missing."""
    sizes = ("resident MiB", "hot MiB", "peak MiB")
    headings = ["peer", "version", "build s", "build CPU s", "threads", *sizes]
    rows = []
    for name, peer in peers.items():
        if peer["error"]:
            reason = f"skipped: {peer['error']}"
            rows.append([name, peer["version"], reason] + [""] * 6)
            continue
        build, most = peer["build"], max(p["recall"] for p in peer["points"])
        keys = ("resident_bytes", "hot_bytes", "peak_bytes")
        bytes_ = [
            "-" if build[k] is None else f"{math.ceil(build[k] / _MIB)}" for k in keys
        ]
        times = [f"{build[clock]:.1f}" for clock, _ in BUILD_CLOCKS]
        gained = _build_gain(peer["scaling"])
        rows.append([name, peer["version"], *times, gained, *bytes_, f"{most:.4f}"])
    return table([*headings, "highest recall"], rows)


def down(ratio: float) -> str:
    """Return a ratio cut, not rounded, to two decimals."""
    return f"{int(ratio * 100) / 100:.2f}"


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _speed_cell(speed: float | None, unit: float | None) -> str:
    if speed is None:
        return "not reached"
    return f"{int(speed)}" + (f" ({down(speed / unit)}x)" if unit else "")


def _latencies(points: list[dict[str, Any]]) -> list[str]:
    point = cheapest_at(points, SINGLE, BETWEEN)
    if point is None:
        return ["-", "-"]
    return [f"{1e6 * point['latency'][key]:.0f}" for key in ("p50", "p99")]


def _search_gain(points: list[dict[str, Any]]) -> list[str]:
    pair = [qps_at(points, mode, BETWEEN) for mode in (ALL, ONE_WALL)]
    return ["-"] if None in pair else [f"{down(pair[0] / pair[1])}x"]


def _build_gain(scaling: dict[str, Any]) -> str:
    return f"{down(scaling['one'] / scaling['all'])}x" if scaling else "-"


_MORE = {
    SINGLE: ((f"p50 µs at {BETWEEN:.2f}", "p99 µs"), _latencies),
    ALL: ((f"of one thread at {BETWEEN:.2f}",), _search_gain),
}
