"""Commands about one index: ``build``, ``info`` and ``check``."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import quiver
from quiver.cli.console import (
    answers,
    format_bytes,
    format_count,
    load_backend,
    print_facts,
    print_json,
    print_note,
    progress_bar,
)
from quiver.cli.options import (
    BackendOption,
    EncodingName,
    IndexArgument,
    JsonOption,
    KeyOption,
    MaxRowsOption,
    MetricName,
    ThreadsOption,
)
from quiver.datasets import read_vectors
from quiver.errors import InvalidArgumentError
from quiver.keys import NO_ID
from quiver.parallel import resolve_threads

_DEFAULTS = quiver.BuildParams()
_SHOWN_PARAMS = ("max_degree", "ef_construction", "alpha", "seed")


def build(
    file: Annotated[
        Path,
        typer.Argument(
            help="Vectors: .npy .fvecs .bvecs .ivecs .fbin .u8bin .i8bin .hdf5"
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Index file, replaced if it exists.")
    ],
    metric: Annotated[MetricName, typer.Option()] = MetricName.COSINE,
    encoding: Annotated[
        EncodingName, typer.Option(help="`paper` audits the published system.")
    ] = EncodingName.DEFAULT,
    max_degree: Annotated[
        int, typer.Option(help="Out-degree bound.")
    ] = _DEFAULTS.max_degree,
    ef_construction: Annotated[
        int, typer.Option(help="Beam width while building.")
    ] = _DEFAULTS.ef_construction,
    alpha: Annotated[float, typer.Option(help="Pruning slack.")] = _DEFAULTS.alpha,
    seed: Annotated[
        int, typer.Option(help="Insertion order and rotation.")
    ] = _DEFAULTS.seed,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build an index over the vectors of a file and save it."""
    _check_writable(out)
    params = quiver.BuildParams(
        max_degree=max_degree, ef_construction=ef_construction, alpha=alpha, seed=seed
    )
    paper = encoding is EncodingName.PAPER
    vectors = read_vectors(file, key=key, max_rows=max_rows)
    n, dim = vectors.shape
    memory = quiver.predict_memory(n, dim, params, metric=metric.value)
    print_note(f"{file}: {format_count(n)} x {dim}, will need {memory}")
    kernels = load_backend(backend)
    start = time.perf_counter()
    with progress_bar("building") as progress:
        index = quiver.Index.build(
            vectors,
            metric=metric.value,
            params=params,
            encoding=quiver.Encoding.paper() if paper else quiver.Encoding(),
            backend=kernels.name,
            threads=threads,
            progress=progress,
        )
    seconds = time.perf_counter() - start
    index.save(out)
    summary = {
        "path": str(out),
        **describe(index),
        "seconds": seconds,
        "backend": kernels.name,
        "target": kernels.target,
        "threads": resolve_threads(threads),
    }
    if as_json:
        print_json(summary)
        return
    _print_summary(summary)


def info(
    index: IndexArgument,
    as_json: JsonOption = False,
) -> None:
    """Show what an index file holds."""
    # Nothing is searched, so nothing needs compiled kernels.
    opened = quiver.open(index, cold="mmap", backend="reference")
    summary = {"path": str(index), **describe(opened), **_graph_facts(opened)}
    if as_json:
        print_json(summary)
        return
    _print_summary(summary)


def check(
    index: IndexArgument,
    full: Annotated[
        bool, typer.Option("--full", help="Read every vector and code it again.")
    ] = False,
    backend: BackendOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Certify that an index file is sound; exit code 0 if it is."""
    kernels = load_backend(backend)
    opened = quiver.open(
        index,
        cold="mmap",
        verify="full" if full else "fast",
        backend=kernels.name,
    )
    report = opened.check(full=full)
    if as_json:
        print_json({"ok": report.ok, **asdict(report)})
    else:
        answers.print(str(report), markup=False, soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)


def describe(index: quiver.Index) -> dict[str, Any]:
    """Return what an index is, ready for JSON."""
    memory = index.memory_report()
    return {
        "n": index.n,
        "dim": index.dim,
        "metric": index.metric,
        "encoding": asdict(index.encoding),
        "params": asdict(index.params),
        "entry_point": int(index.entry_point),
        "bytes": {
            "codes": memory.codes,
            "graph": memory.graph,
            "ids": memory.ids,
            "vectors": memory.vectors,
            "hot_per_vector": memory.hot_per_vector,
            "cold_per_vector": memory.cold_per_vector,
        },
    }


def _graph_facts(index: quiver.Index) -> dict[str, Any]:
    degrees = np.count_nonzero(index.neighbors != NO_ID, axis=1)
    return {
        "degrees": {
            "min": int(degrees.min()),
            "mean": float(degrees.mean()),
            "max": int(degrees.max()),
        }
    }


def _print_summary(summary: dict[str, Any]) -> None:
    n_bytes, params = summary["bytes"], summary["params"]
    hot = n_bytes["codes"] + n_bytes["graph"] + n_bytes["ids"]
    n = format_count(summary["n"])
    facts = [
        ("vectors", f"{n} x {summary['dim']}, {summary['metric']}"),
        ("encoding", _encoding_in_words(summary["encoding"])),
        ("graph", ", ".join(f"{name} {params[name]}" for name in _SHOWN_PARAMS)),
        (
            "hot",
            f"{n_bytes['hot_per_vector']:.0f} bytes per vector, {format_bytes(hot)}: "
            "codes, graph, ids",
        ),
        (
            "cold",
            f"{n_bytes['cold_per_vector']:.0f} bytes per vector, "
            f"{format_bytes(n_bytes['vectors'])}: float32, for the re-rank",
        ),
    ]
    if "degrees" in summary:
        degrees = summary["degrees"]
        spread = f"{degrees['min']} … {degrees['max']}, mean {degrees['mean']:.1f}"
        facts.append(("degrees", f"{spread}; entry point {summary['entry_point']}"))
    if "seconds" in summary:
        rate = format_count(summary["n"] / summary["seconds"])
        facts.append(("built in", f"{summary['seconds']:.1f} s, {rate} vectors/s"))
        kernels = f"{summary['backend']} ({summary['target']})"
        facts.append(("backend", f"{kernels}, threads: {summary['threads']}"))
    print_facts(summary["path"], facts)


def _encoding_in_words(encoding: dict[str, Any]) -> str:
    if quiver.Encoding(**encoding) == quiver.Encoding.paper():
        return "paper: 2 bits as published"
    steps = [
        word
        for word, used in (
            ("centred", encoding["center"]),
            ("rotated", encoding["rotate"]),
        )
        if used
    ]
    return ", ".join(
        [
            "2 bits",
            *steps,
            f"{encoding['weights']} weights",
            f"{encoding['query']} queries",
        ]
    )


def _check_writable(out: Path) -> None:
    # Found now rather than after the build.
    if out.is_dir() or not out.parent.is_dir():
        msg = f"out must be a file in an existing folder, got {str(out)!r}"
        raise InvalidArgumentError(msg)
