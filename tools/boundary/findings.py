"""Which of the figures to reach were reached, and on which data they were not."""

from __future__ import annotations

from collections.abc import Iterable

from boundary.measure import AT_64, Record
from boundary.tables import Records, percent
from boundary.verdicts import error_of, is_verdict_right

EASY = 0.95
FAR = 0.04
FASTER = 1.5


def of_table(records: Records) -> str:
    """Return the exceptions among all data sets."""
    easy = {name: r for name, r in records.items() if _is_easy(r["graph"])}
    behind = (name for name, record in records.items() if _is_behind_paper(record))
    wrong = (name for name, record in records.items() if not is_verdict_right(record))
    far = (name for name, record in records.items() if abs(error_of(record)) > FAR)
    return (
        f"- The float32 graph reaches {EASY} at ef=64 on {len(easy)} of "
        f"{len(records)}. Of these, the default stays below on: "
        f"{_names(_short(easy, 'default'))}.\n"
        f"- The default is behind the paper's code at some ef on: {_names(behind)}.\n"
        f"- Verdict wrong on: {_names(wrong)}.\n"
        f"- Expected recall more than 4 points from measured on: {_names(far)}."
    )


def of_scale(records: Records) -> str:
    """Return where a float32 graph would have found enough."""
    compared = {name: r for name, r in records.items() if r["graph"]}
    easy = {name: r for name, r in compared.items() if _is_easy(r["graph"])}
    return (
        f"- Of the {len(compared)} with a float32 graph beside them, it reaches {EASY} "
        f"at ef=64 on {len(easy)}, and quiver stays below there on: "
        f"{_names(_short(easy, 'build'))}."
    )


def of_speed(records: Records) -> str:
    """Return where quiver is faster than hnswlib by the factor wished for."""
    default, widest = (
        _names(name for name, r in records.items() if _is_faster(r["speeds"], key))
        for key in ("default", "widest")
    )
    return (
        f"- At least {FASTER} times as fast as hnswlib at both recalls: by default on "
        f"{default}; with 8 bits on {widest}."
    )


def of_dimensions(records: Records) -> str:
    """Return where the default finds less than enough."""
    short = []
    for name, record in records.items():
        (own,) = record["default"]["recall"]
        beside = "".join(f", float32 graph {percent(peer)}" for peer in record["graph"])
        if own < EASY:
            short.append(f"{name} ({percent(own)}{beside})")
    return f"- Below {EASY} by default: {_names(short)}."


def _is_easy(graph: list[float]) -> bool:
    return bool(graph) and graph[AT_64] >= EASY


def _short(records: Records, build: str) -> Iterable[str]:
    for name, record in records.items():
        own = record[build]["recall"][AT_64]
        if own < EASY:
            yield f"{name} ({percent(own)})"


def _is_behind_paper(record: Record) -> bool:
    pairs = zip(record["default"]["whole"], record["paper"]["whole"], strict=True)
    return any(own < published for own, published in pairs)


def _is_faster(speeds: dict[str, list[int | None]], key: str) -> bool:
    pairs = zip(speeds[key], speeds["hnswlib"], strict=True)
    return all(own and (not peer or own >= FASTER * peer) for own, peer in pairs)


def _names(chosen: Iterable[str]) -> str:
    return ", ".join(chosen) or "none"
