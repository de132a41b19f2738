"""Commands that change a file: ``add``, ``remove``, ``update`` and ``consolidate``."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import quiver
from quiver._typing import Progress
from quiver.cli.console import load_backend, progress_bar
from quiver.cli.files import check_outputs, read_ids, read_own_ids, read_rows
from quiver.cli.options import (
    BackendOption,
    IdColumnOption,
    IdsOption,
    IndexArgument,
    JsonOption,
    KeyOption,
    MaxRowsOption,
    ThreadsOption,
    VectorsArgument,
)
from quiver.cli.summary import describe, print_summary
from quiver.living.operations import Consolidate
from quiver.storage.journal import journal_path

OtherOutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Where to save; by default in place."),
]
ManualOption = Annotated[
    bool,
    typer.Option("--manual", help="Keep removed rows, however many there are."),
]
RefitOption = Annotated[
    bool, typer.Option("--refit", help="Also fit the codes to the vectors of today.")
]
UpdatedOption = Annotated[
    Path | None,
    typer.Option(
        "--ids", help="Whose vectors they are: .npy, .txt (one a line); or give --id."
    ),
]
RemovedArgument = Annotated[
    Path, typer.Argument(help="Ids to remove: .npy, .txt (one a line), .ivecs.")
]

Change = Callable[[quiver.Index, Progress], object]


def add(
    index: IndexArgument,
    file: VectorsArgument,
    ids: IdsOption = None,
    id_column: IdColumnOption = None,
    out: OtherOutOption = None,
    manual: ManualOption = False,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the vectors of a file to an index file."""
    vectors = read_rows(file, key, max_rows)
    own_ids = read_own_ids(file, id_column, ids, max_rows)
    _change(
        *(index, out, backend, "adding", as_json),
        lambda opened, progress: opened.add(
            *(vectors, own_ids),
            consolidate=_mode(manual),
            threads=threads,
            progress=progress,
        ),
    )


def remove(
    index: IndexArgument,
    ids: RemovedArgument,
    out: OtherOutOption = None,
    manual: ManualOption = False,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove vectors from an index file by their ids.

    Their rows stay in the file until it is consolidated, which follows by itself once
    they are more than a fifth.
    """
    gone = read_ids(ids, None)
    _change(
        *(index, out, backend, "removing", as_json),
        lambda opened, progress: opened.remove(
            gone, consolidate=_mode(manual), threads=threads, progress=progress
        ),
    )


def update(
    index: IndexArgument,
    file: VectorsArgument,
    ids: UpdatedOption = None,
    id_column: IdColumnOption = None,
    out: OtherOutOption = None,
    manual: ManualOption = False,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give ids of an index file other vectors, as one change."""
    if ids is None and id_column is None:
        msg = "ids must be given, by --ids FILE or --id NAME"
        raise typer.BadParameter(msg)
    vectors = read_rows(file, key, max_rows)
    own_ids = read_own_ids(file, id_column, ids, max_rows)
    _change(
        *(index, out, backend, "updating", as_json),
        lambda opened, progress: opened.update(
            *(own_ids, vectors),
            consolidate=_mode(manual),
            threads=threads,
            progress=progress,
        ),
    )


def consolidate(
    index: IndexArgument,
    out: OtherOutOption = None,
    refit: RefitOption = False,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let removed rows go for good, and tidy the graph."""
    _change(
        *(index, out, backend, "consolidating", as_json),
        lambda opened, progress: opened.consolidate(
            refit=refit, threads=threads, progress=progress
        ),
    )


def _mode(manual: bool) -> Consolidate:
    return "manual" if manual else "auto"


def _change(
    path: Path,
    out: Path | None,
    backend: str,
    label: str,
    as_json: bool,
    change: Change,
) -> None:
    """Open an index, change it, save it whole, and say what it is now."""
    target = out or path
    check_outputs(out=target)
    kernels = load_backend(backend)
    # What a journal holds is part of the index, and no other process may be at it.
    has_journal = journal_path(path).exists()
    opened = quiver.open(path, backend=kernels.name, journal=has_journal)
    if target != path:
        opened = opened.snapshot()
    start = time.perf_counter()
    with progress_bar(label) as progress:
        change(opened, progress)
    seconds = time.perf_counter() - start
    opened.save(target)
    summary = {"path": str(target), **describe(opened), "changed_in": seconds}
    print_summary(summary, as_json=as_json)
