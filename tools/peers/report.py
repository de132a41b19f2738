"""The report of a run: tables in Markdown, targets with their outcome, the plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peers.catalogue import FASTEST_PEER, YARDSTICK
from peers.load import warning
from peers.pareto import qps_at
from peers.plot import draw
from peers.schedule import ALL, ONE, SINGLE
from peers.tables import BUILD_CLOCKS, RECALLS, costs, down, speeds

METHOD = Path(__file__).with_name("method.md")


def write(document: dict[str, Any], folder: Path) -> None:
    """Write ``peers.md``, ``peers.png`` and ``peers.svg``."""
    (folder / "peers.md").write_text(markdown(document), encoding="utf-8")
    draw(document, [folder / "peers.png", folder / "peers.svg"])


def markdown(document: dict[str, Any]) -> str:
    """Return the whole report."""
    sections = [
        "# Quiver beside its peers",
        _circumstances(document),
        "![recall against queries per second](peers.png)",
    ]
    for one in document["sets"]:
        sections += _of_set(one, document["plan"]["threads"])
    sections.append(METHOD.read_text(encoding="utf-8"))
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _circumstances(document: dict[str, Any]) -> str:
    about, plan = document["about"], document["plan"]
    load = " / ".join(f"{load:.1f}" for load in about["before"]["load"])
    clock = "CPU time" if plan["clock"] == "cpu" else "wall clock"
    lines = [
        f"- Computer: {about['processor']}, {plan['threads']} threads, "
        f"Python {about['python']}.",
        f"- Date: {about['date']}. Load average over 1 / 5 / 15 minutes before the "
        f"run: {load}.",
        f"- One thread: {clock}.",
        f"- Command: `{about['command']}`",
    ]
    return "\n".join(lines) + f"\n\n{warning(about)}"


def _of_set(one: dict[str, Any], threads: int) -> list[str]:
    """Return the sections of one data set."""
    name, peers = one["data"], one["peers"]
    about = (
        f"{one['n']} x {one['dim']}, {one['metric']}; {one['n_queries']} queries; "
        f"interleaved repeats, of which the fastest counts: {one['repeats']}. "
        "Queries per second, then the build."
    )
    sections = [f"## {name}", about]
    modes = {ONE: "a batch on one thread", SINGLE: "one query a call, one thread"}
    if threads > 1:
        modes[ALL] = f"a batch on {threads} threads"
    for mode, words in modes.items():
        sections += [f"### {name}: {words}", speeds(peers, mode)]
    sections += [f"### {name}: build time and memory", costs(peers)]
    return [*sections, f"### {name}: targets", _targets(peers)]


def _targets(peers: dict[str, Any]) -> str:
    """Compare the fastest of quiver's peers with what it promised to reach."""
    lines = []
    for mode, words in ((ONE, "a batch on one thread"), (SINGLE, "one query a call")):
        for peer, factor in ((YARDSTICK, 7.0), (FASTEST_PEER, 1.5)):
            for recall in RECALLS[1:]:
                best = _best_of_ours(peers, mode, recall)
                other = _speed(peers, peer, mode, recall)
                aim = f"{factor:g} x {peer} at recall {recall:.2f}, {words}"
                lines.append(_verdict(aim, best, other, factor))
    for clock, words in BUILD_CLOCKS:
        # Rates rather than seconds, so that more is better as everywhere else.
        rates = [
            (1 / peer["build"][clock], name)
            for name, peer in peers.items()
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
    return f"- {aim}: {outcome}, {down(ratio)} x ({name})."


def _best_of_ours(
    peers: dict[str, Any], mode: str, recall: float
) -> tuple[float, str] | None:
    found = (
        (qps_at(peer["points"], mode, recall), name)
        for name, peer in peers.items()
        if _is_ours(name)
    )
    return max(((s, name) for s, name in found if s is not None), default=None)


def _is_ours(name: str) -> bool:
    return name.startswith("quiver-")


def _speed(peers: dict[str, Any], name: str, mode: str, recall: float) -> float | None:
    return qps_at(peers[name]["points"], mode, recall) if name in peers else None
