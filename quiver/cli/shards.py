"""Commands about an index in several files: ``quiver shards`` and what follows."""

from __future__ import annotations

import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import quiver
from quiver.cli.console import (
    format_bytes,
    format_count,
    load_backend,
    print_facts,
    print_json,
    progress_bar,
    warnings_as_notes,
)
from quiver.cli.files import check_outputs, read_filter, read_ids, read_queries
from quiver.cli.found import of_nearest, print_found, write_npz
from quiver.cli.indexes import encoding_of, print_check
from quiver.cli.options import (
    AlphaOption,
    BackendOption,
    BitsOption,
    ColdDtypeOption,
    EfConstructionOption,
    EfOption,
    EncodingOption,
    FilterOption,
    FullOption,
    HorizonOption,
    IdColumnOption,
    IdsOption,
    JsonOption,
    KeyOption,
    KOption,
    LinesOption,
    MaxDegreeOption,
    MaxRowsOption,
    MetricOption,
    NpzOption,
    QueriesArgument,
    RerankOption,
    SeedOption,
    ThreadsOption,
    VerifyName,
    VerifyOption,
)
from quiver.sharding.folder import as_folder, read_manifest
from quiver.sharding.manifest import Manifest
from quiver.validation.checks import check_metric

_DEFAULTS = quiver.BuildParams()


class EngineOfShards(StrEnum):
    """Where shards are opened or built."""

    LOCAL = "local"
    PROCESSES = "processes"
    RAY = "ray"


class SharedOutBy(StrEnum):
    """How rows are shared out."""

    ROWS = "rows"
    HASH = "hash"


FolderArgument = Annotated[Path, typer.Argument(help="A folder of shards.")]
SourcesArgument = Annotated[
    list[Path],
    typer.Argument(help="Files or folders of vectors, as `quiver build` reads them."),
]
OutFolderOption = Annotated[
    Path, typer.Option("--out", "-o", help="Folder; must hold no shards yet.")
]
WorkersOption = Annotated[int | None, typer.Option(help="Processes.")]

shards = typer.Typer(
    name="shards", help="An index in several files.", no_args_is_help=True
)


@shards.command()
def build(
    files: SourcesArgument,
    out: OutFolderOption,
    n_shards: Annotated[
        int | None, typer.Option("--shards", help="How many; or give --shard-rows.")
    ] = None,
    shard_rows: Annotated[int | None, typer.Option(help="Rows of each shard.")] = None,
    by: Annotated[
        SharedOutBy, typer.Option(help="Rows in their order, or by a hash of their id.")
    ] = SharedOutBy.ROWS,
    ids: IdsOption = None,
    id_column: IdColumnOption = None,
    metric: MetricOption = "cosine",
    encoding: EncodingOption = None,
    bits: BitsOption = None,
    lines: LinesOption = None,
    max_degree: MaxDegreeOption = _DEFAULTS.max_degree,
    ef_construction: EfConstructionOption = _DEFAULTS.ef_construction,
    alpha: AlphaOption = _DEFAULTS.alpha,
    seed: SeedOption = _DEFAULTS.seed,
    cold_dtype: ColdDtypeOption = None,
    backend: BackendOption = "auto",
    engine: Annotated[
        EngineOfShards | None,
        typer.Option(help="Here, in processes of their own, or by tasks of Ray."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Shards built at a time.")] = None,
    threads: ThreadsOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build a folder of shards; called again, go on where it was stopped."""
    kernels, start = load_backend(backend), time.perf_counter()
    own_ids = read_ids(ids, None)
    with warnings_as_notes(), progress_bar("building") as progress:
        manifest = quiver.build_shards(
            *(files, out),
            shards=n_shards,
            shard_rows=shard_rows,
            by=by.value,
            ids=own_ids,
            key=key,
            id_key=id_column,
            metric=check_metric(metric),
            encoding=encoding_of(encoding, bits, lines),
            backend=kernels.name,
            engine=engine.value if engine else None,
            workers=workers,
            threads=threads,
            cold_dtype=cold_dtype.value if cold_dtype else None,
            progress=progress,
            max_degree=max_degree,
            ef_construction=ef_construction,
            alpha=alpha,
            seed=seed,
        )
    _print_manifest(out, manifest, {"seconds": time.perf_counter() - start}, as_json)


@shards.command()
def info(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Show what a folder of shards holds, as its manifest says."""
    _print_manifest(folder, read_manifest(as_folder(folder)), {}, as_json)


@shards.command()
def search(
    folder: FolderArgument,
    queries: QueriesArgument,
    k: KOption = 10,
    ef: EfOption = None,
    n_rerank: RerankOption = None,
    horizon: HorizonOption = None,
    filter_ids: FilterOption = None,
    npz: NpzOption = None,
    engine: Annotated[
        EngineOfShards,
        typer.Option(help="Here, in processes of their own, or in actors of Ray."),
    ] = EngineOfShards.LOCAL,
    workers: WorkersOption = None,
    verify: VerifyOption = VerifyName.FAST,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the nearest vectors of every query in a file, of all shards."""
    check_outputs(npz=npz)
    vectors = read_queries(queries, key, max_rows)
    opened = quiver.ShardedIndex.open(
        *(folder, engine.value),
        hot="mmap",
        verify=verify.value,
        backend=load_backend(backend).name,
        workers=workers,
    )
    with opened:
        start = time.perf_counter()
        result = opened.search(
            *(vectors, k),
            ef=ef,
            n_rerank=n_rerank,
            horizon=horizon,
            filter=read_filter(filter_ids),
            threads=threads,
        )
        seconds = time.perf_counter() - start
    found = of_nearest(result)
    report = found.report(seconds)
    if npz is not None:
        write_npz(npz, found)
    if as_json:
        print_json({**report, "results": found.rows}, indent=None)
    else:
        print_found(found, report)


@shards.command()
def check(
    folder: FolderArgument,
    full: FullOption = False,
    backend: BackendOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Certify that a folder of shards is sound.

    The exit code is 0 if it is and 1 if it is not.
    """
    opened = quiver.ShardedIndex.open(
        folder,
        hot="mmap",
        verify="full" if full else "fast",
        backend=load_backend(backend).name,
    )
    print_check(opened.check(full=full), as_json=as_json)


def _print_manifest(
    folder: Path, manifest: Manifest, more: dict[str, Any], as_json: bool
) -> None:
    if as_json:
        print_json({"path": str(folder), "n": manifest.n, **asdict(manifest), **more})
        return
    facts = [
        ("vectors", f"{format_count(manifest.n)} x {manifest.dim}, {manifest.metric}"),
        ("shared out", f"by {manifest.scheme}, generation {manifest.generation}"),
    ]
    for shard in manifest.shards:
        size = format_bytes(shard.bytes)
        facts.append((shard.file, f"{format_count(shard.n)} vectors, {size}"))
    facts += [("built in", f"{seconds:.1f} s") for seconds in more.values()]
    print_facts(str(folder), facts)
