"""What an index is, as one document: printed as JSON, or in words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import quiver
from quiver.cli.console import format_bytes, format_count, print_facts, print_json
from quiver.graph.reachability import degrees

# `prune_rule` follows the encoding unless the API was asked otherwise.
_SHOWN_PARAMS = ("max_degree", "ef_construction", "alpha", "seed")
_TRANSFORM_WORDS = {"centred": "center", "rotated": "rotate"}


def describe(index: quiver.Index) -> dict[str, Any]:
    """Return what an index is, ready for JSON."""
    memory = index.memory_report()
    return {
        "n": index.n,
        "n_removed": index.state.n - index.n,
        "version": index.version,
        "dim": index.dim,
        "metric": index.metric,
        "encoding": asdict(index.encoding),
        "coded_dim": index.codes.dim,
        "lines": index.encoding.row_lines(index.dim),
        "params": asdict(index.params),
        "entry_point": index.entry_point if index.state.has_graph else None,
        "diagnosis": index.notes,
        "bytes": {
            "codes": memory.codes,
            "graph": memory.graph,
            "ids": memory.ids,
            "vectors": memory.vectors,
            "hot_per_vector": memory.hot_per_vector,
            "cold_per_vector": memory.cold_per_vector,
        },
    }


def graph_facts(index: quiver.Index) -> dict[str, Any]:
    """Return the degrees, which no size can tell."""
    if not index.state.has_graph:
        return {}
    found = degrees(index.neighbors)
    spread = {"min": int(found.min()), "max": int(found.max())}
    return {"degrees": {**spread, "mean": float(found.mean())}}


def print_summary(summary: dict[str, Any], *, as_json: bool) -> None:
    """Print what `describe` and the commands found, for a machine or a person."""
    if as_json:
        print_json(summary)
        return
    facts = _index_facts(summary)
    if "degrees" in summary:
        found = summary["degrees"]
        spread = f"{found['min']} … {found['max']}, mean {found['mean']:.1f}"
        facts.append(("degrees", f"{spread}; entry point {summary['entry_point']}"))
    if "changed_in" in summary:
        facts.append(("changed in", f"{summary['changed_in']:.1f} s"))
    if "seconds" in summary:
        rate = format_count(summary["n"] / summary["seconds"])
        facts.append(("built in", f"{summary['seconds']:.1f} s, {rate} vectors/s"))
        kernels = f"{summary['backend']} ({summary['target']})"
        facts.append(("backend", f"{kernels}, threads: {summary['threads']}"))
    notes = (summary["diagnosis"] or {}).items()
    facts += [(name.replace("_", " "), note) for name, note in notes]
    print_facts(summary["path"], facts)


def _index_facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    n_bytes, params = summary["bytes"], summary["params"]
    hot = n_bytes["codes"] + n_bytes["graph"] + n_bytes["ids"]
    hot_each = f"{n_bytes['hot_per_vector']:.0f} bytes per vector"
    cold_each = f"{n_bytes['cold_per_vector']:.0f} bytes per vector"
    shape = f"{format_count(summary['n'])} x {summary['dim']}, {summary['metric']}"
    if summary["version"]:
        removed = f"{format_count(summary['n_removed'])} removed rows"
        shape += f"; version {summary['version']}, {removed}"
    return [
        ("vectors", shape),
        ("encoding", _encoding_in_words(summary)),
        ("graph", ", ".join(f"{name} {params[name]}" for name in _SHOWN_PARAMS)),
        ("hot", f"{hot_each}, {format_bytes(hot)}: codes, graph, ids"),
        ("cold", f"{cold_each}, {format_bytes(n_bytes['vectors'])}: for the re-rank"),
    ]


def _encoding_in_words(summary: dict[str, Any]) -> str:
    encoding, n_lines = summary["encoding"], summary["lines"]
    if quiver.Encoding(**encoding) == quiver.Encoding.paper():
        return "paper: 2 bits as published"
    lines = "1 cache line" if n_lines == 1 else f"{n_lines} cache lines"
    words = [f"{encoding['bits']} bits x {summary['coded_dim']} in {lines}"]
    # The two switches of the transform are named only where they are on.
    words += [word for word, field in _TRANSFORM_WORDS.items() if encoding[field]]
    words += [f"{encoding['weights']} weights", f"{encoding['query']} queries"]
    return ", ".join(words)
