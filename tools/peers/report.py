"""The report of a run: tables in Markdown, targets with their outcome, the plot."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from peers.catalogue import FASTEST_PEER, YARDSTICK
from peers.pareto import qps_at
from peers.plot import draw
from peers.schedule import ALL, ONE

RECALLS = (0.90, 0.95, 0.99)
BUILD_CLOCKS = (
    ("build_seconds", "time"),
    ("build_cpu_seconds", "CPU time, all threads together"),
)
METHOD = Path(__file__).with_name("method.md")
_MIB = 1 << 20


def write(document: dict[str, Any], folder: Path) -> None:
    """Write ``peers.md``, ``peers.png`` and ``peers.svg``."""
    (folder / "peers.md").write_text(markdown(document), encoding="utf-8")
    draw(document, [folder / "peers.png", folder / "peers.svg"])


def markdown(document: dict[str, Any]) -> str:
    """Return the whole report."""
    threads = document["plan"]["threads"]
    sections = [
        "# Quiver beside its peers",
        _circumstances(document),
        "![recall@10 against queries per second](peers.png)",
        "## Queries per second, one thread",
        _speed_table(document, ONE),
    ]
    if threads > 1:
        sections += [
            f"## Queries per second, {threads} threads",
            _speed_table(document, ALL),
        ]
    sections += ["## Build time and memory", _cost_table(document)]
    sections += ["## Targets", _targets(document), METHOD.read_text(encoding="utf-8")]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _circumstances(document: dict[str, Any]) -> str:
    about, plan = document["about"], document["plan"]
    before, after = (
        " / ".join(f"{load:.1f}" for load in about[key])
        for key in ("load_before", "load_after")
    )
    clock = "CPU time" if plan["clock"] == "cpu" else "wall clock"
    lines = [
        f"- Data: {about['data']}, {about['n']} x {about['dim']}, {about['metric']}; "
        f"{about['n_queries']} queries, recall@{plan['k']}.",
        f"- Computer: {about['processor']}, {plan['threads']} threads, "
        f"Python {about['python']}.",
        f"- Date: {about['date']}. Load average over 1 / 5 / 15 minutes: {before} "
        f"before the run, {after} after it.",
        f"- One thread: {clock}; {plan['repeats']} interleaved repeats, the fastest "
        "counts.",
        f"- Command: `{about['command']}`",
    ]
    return "\n".join(lines)


def _speed_table(document: dict[str, Any], mode: str) -> str:
    speeds = {
        name: [qps_at(peer["points"], mode, recall) for recall in RECALLS]
        for name, peer in document["peers"].items()
    }
    # By the middle recall; whoever does not reach it comes last.
    ranked = sorted(speeds, key=lambda name: -(speeds[name][1] or 0))
    yardstick = speeds.get(YARDSTICK, [None] * len(RECALLS))
    rows = []
    for name in ranked:
        if any(speeds[name]):
            pairs = zip(speeds[name], yardstick, strict=True)
            cells = [_speed_cell(speed, unit) for speed, unit in pairs]
            rows.append([name, document["peers"][name]["stores"], *cells])
    headings = [f"recall {recall:.2f}" for recall in RECALLS]
    table = _table(["peer", "stores", *headings], rows)
    if YARDSTICK not in speeds:
        return table
    return f"{table}\n\nIn brackets: the multiple of {YARDSTICK}, rounded down."


def _speed_cell(speed: float | None, unit: float | None) -> str:
    if speed is None:
        return "not reached"
    return f"{int(speed)}" + (f" ({_down(speed / unit)}x)" if unit else "")


def _cost_table(document: dict[str, Any]) -> str:
    rows = []
    for name, peer in document["peers"].items():
        if peer["error"]:
            rows.append([name, peer["version"], f"skipped: {peer['error']}"] + [""] * 5)
            continue
        build, most = peer["build"], max(p["recall"] for p in peer["points"])
        keys = ("resident_bytes", "hot_bytes", "peak_bytes")
        sizes = [
            "-" if build[k] is None else f"{math.ceil(build[k] / _MIB)}" for k in keys
        ]
        times = [f"{build[clock]:.1f}" for clock, _ in BUILD_CLOCKS]
        rows.append([name, peer["version"], *times, *sizes, f"{most:.4f}"])
    sizes = ("resident MiB", "hot MiB", "peak MiB")
    headings = ("version", "build s", "build CPU s", *sizes)
    return _table(["peer", *headings, "highest recall"], rows)


def _targets(document: dict[str, Any]) -> str:
    """Compare the fastest of quiver's peers with what it promised to reach."""
    lines = []
    for peer, factor in ((YARDSTICK, 7.0), (FASTEST_PEER, 1.5)):
        for recall in RECALLS[1:]:
            best = _best_of_ours(document, recall)
            other = _speed(document, peer, recall)
            aim = f"{factor:g} x {peer} at recall {recall:.2f}, one thread"
            lines.append(_verdict(aim, best, other, factor))
    for clock, words in BUILD_CLOCKS:
        # Rates rather than seconds, so that more is better as everywhere else.
        rates = [
            (1 / peer["build"][clock], name)
            for name, peer in document["peers"].items()
            if peer["build"]
        ]
        best = max((rate for rate in rates if _is_ours(rate[1])), default=None)
        other = next((rate for rate, name in rates if name == YARDSTICK), None)
        aim = f"built in a third of {YARDSTICK}'s {words}"
        lines.append(_verdict(aim, best, other, 3.0))
    return "\n".join(lines)


def _verdict(
    aim: str, best: tuple[float, str] | None, other: float | None, factor: float
) -> str:
    if best is None or other is None:
        return f"- {aim}: not measured."
    ratio, name = best[0] / other, best[1]
    outcome = "reached" if ratio >= factor else "**missed**"
    return f"- {aim}: {outcome}, {_down(ratio)} x ({name})."


def _best_of_ours(document: dict[str, Any], recall: float) -> tuple[float, str] | None:
    speeds = (
        (qps_at(peer["points"], ONE, recall), name)
        for name, peer in document["peers"].items()
        if _is_ours(name)
    )
    return max(((s, name) for s, name in speeds if s is not None), default=None)


def _is_ours(name: str) -> bool:
    return name.startswith("quiver-")


def _speed(document: dict[str, Any], name: str, recall: float) -> float | None:
    peer = document["peers"].get(name)
    return None if peer is None else qps_at(peer["points"], ONE, recall)


def _down(ratio: float) -> str:
    """Return a ratio cut, not rounded, to two decimals."""
    return f"{int(ratio * 100) / 100:.2f}"


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
