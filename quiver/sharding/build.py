"""Build: a source to a folder of shards, each its own job."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, Literal, cast, get_args

from quiver._typing import ColdDtype, Metric, Progress, Vectors
from quiver.arithmetic import in_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.backends.registry import get_backend
from quiver.build import Plan
from quiver.diagnosis.auto import chosen_for
from quiver.encoding import fit
from quiver.errors import InvalidArgumentError
from quiver.parallel.progress import ProgressMeter, tells_progress
from quiver.parallel.workers import map_chunks, resolve_threads
from quiver.params import BuildParams, Encoding, as_encoding, as_params
from quiver.reference.transform import searched_metric
from quiver.sharding.crews import Hands, build_with, hands_for
from quiver.sharding.folder import (
    NAME,
    as_folder,
    claimed,
    file_name,
    remove_unnamed,
    write_manifest,
)
from quiver.sharding.jobs import Job
from quiver.sharding.joined import Joined
from quiver.sharding.manifest import MAX_SHARDS, Manifest, Scheme, fingerprint_of
from quiver.sharding.placing import placed_by
from quiver.sharding.sourcing import as_source
from quiver.sharding.spilling import Spilled, spill
from quiver.sharding.starting import EngineName
from quiver.storage.atomic import os_errors
from quiver.validation.checks import check_choice, check_int, check_metric


@in_standard_arithmetic
@tells_progress("building")
def build_shards(
    source: Any,
    out: str | os.PathLike[str],
    *,
    shards: int | None = None,
    shard_rows: int | None = None,
    by: Literal["rows", "hash"] | Any = "rows",
    ids: Any = None,
    key: str | None = None,
    id_key: str | None = None,
    metric: Metric = "cosine",
    params: BuildParams | None = None,
    encoding: Encoding | Literal["default", "paper", "auto"] | None = None,
    backend: str | Backend = "auto",
    engine: EngineName | None = None,
    workers: int | None = None,
    threads: int | None = None,
    cold_dtype: ColdDtype | None = None,
    progress: Progress | bool | None = None,
    **shape: Any,
) -> Manifest:
    """Build a folder of shards, which `ShardedIndex.open` searches as one index.

    Rows are read once, a chunk at a time, and kept in hidden files of the folder until
    their shards are built. A build that was stopped can be called again with the same
    arguments: shards that are finished are proven and kept.

    Parameters
    ----------
    source : array_like of shape (n, dim), path-like or list of path-like
        Vectors as `Index.build` takes them, or files, or folders of files, that
        ``quiver build`` reads; several count as one after the other. Or a Ray Dataset,
        whose rows are taken in its order.
    out : path-like
        The folder; made if need be. It must hold no shards yet.
    shards, shard_rows : int
        How many shards, or how many rows in each: one of the two.
    by : {'rows', 'hash'} or array_like of shape (n,), default 'rows'
        How rows are shared out: in their order; by a hash of their ids; or by integers,
        of which equal ones share a shard.
    ids : array_like of shape (n,), optional
        As for `Index.build`.
    key, id_key : str, optional
        Column or array of each file, or of a Ray Dataset, that has the vectors, and
        one that has their ids.
    metric, params, backend, shape
        As for `Index.build`.
    encoding : Encoding, 'default' or 'paper', optional
        As for `Index.build`; one for all shards. ``auto`` is refused.
    engine : {'local', 'processes', 'ray'}, optional
        Who builds shards: this process, by default; others of this machine, the default
        where there are several workers; or tasks of a Ray cluster, whose machines find
        ``out`` by the same path. The bytes do not depend on it.
    workers : int, optional
        Shards built at a time, each by a process of its own, which finds the backend by
        its name; default 1, and on Ray one for each free processor. Nor on that.
    threads : int, optional
        Of all workers together; default all this process may use, and on Ray all that
        are free. Nor on that.
    cold_dtype : optional
        As for `Index.save`.
    progress : callable or bool, optional
        As for `Index.build`; rows count once their shard is finished.

    Returns
    -------
    Manifest
        What was written.

    Raises
    ------
    ShardError
        If a shard cannot be built; the message names it and its rows.
    LockError
        If another build is writing to the folder.
    FileAccessError, FileFormatError
        If a file cannot be read or written, or breaks its format.
    InvalidArgumentError, InvalidTypeError
        If an argument breaks a rule.
    CancelledError
        If ``progress`` returned False; what is finished stays for the next call.
    """
    metric, chosen = check_metric(metric), _as_given(encoding)
    params = as_params(params, shape, signature(build_shards).parameters)
    if engine is not None:
        check_choice("engine", engine, get_args(EngineName))
    if workers is not None:
        workers = check_int("workers", workers, 1, MAX_SHARDS)
    plan = Plan(metric, chosen, params, get_backend(backend), resolve_threads(threads))
    plan.check()
    folder, rows = as_folder(out), as_source(source, key, ids, id_key)
    placed = placed_by(by, rows.ids, shards, shard_rows)
    hands = hands_for(engine, workers, threads)
    meter = ProgressMeter(progress, len(rows.ids))
    with _claimed(folder):
        parts = spill(
            *(rows, folder, placed.shard_of, len(placed.slots)), metric, meter
        )
        plan = _fitted(parts, plan, encoding)._replace(threads=hands.threads)
        jobs = _jobs(folder, parts, plan, placed.slots, cold_dtype)
        _build_all(jobs, hands, meter)
        return _published(folder, jobs, plan, placed.scheme)


def _as_given(encoding: Any) -> Encoding:
    if isinstance(encoding, str) and encoding == "auto":
        msg = (
            "encoding must not be 'auto' for shards, whose rows are not in memory; "
            "diagnose some rows, and give diagnosis.encoding"
        )
        raise InvalidArgumentError(msg)
    return as_encoding(encoding)


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Keep other builds away from a folder, and leave no rows in it."""
    with os_errors("write to", folder):
        folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder):
        if (folder / NAME).exists():
            msg = f"out must be a folder without shards, got {folder}, which has {NAME}"
            raise InvalidArgumentError(msg)
        try:
            yield
        finally:
            for path in folder.glob(".rows-*"):
                path.unlink()


def _fitted(parts: Sequence[Spilled], plan: Plan, encoding: object) -> Plan:
    """Return the plan with the encoding and the transform of all rows."""
    # Of these rows a fit reads no more than an array and this face have.
    vectors = cast("Vectors", Joined(parts))
    plan = chosen_for(vectors, plan, encoding)
    params = plan.params.settled(plan.encoding, plan.metric)
    in_chunks = partial(map_chunks, threads=plan.threads)
    how = searched_metric(plan.metric), plan.encoding, plan.params.seed
    return plan._replace(params=params, transform=fit(vectors, *how, in_chunks))


def _jobs(
    folder: Path,
    parts: Sequence[Spilled],
    plan: Plan,
    slots: Sequence[tuple[int, int]],
    cold_dtype: ColdDtype | None,
) -> list[Job]:
    return [
        Job(folder / file_name(number, 1), part, plan, cold_dtype, own)
        for number, (part, own) in enumerate(zip(parts, slots, strict=True))
    ]


def _build_all(jobs: Sequence[Job], hands: Hands, meter: ProgressMeter) -> None:
    """Build all shards that an earlier call did not."""
    left = []
    for job in jobs:
        if job.is_done():
            meter.advance(len(job.rows.ids))
        else:
            left.append(job)
    build_with(hands, left, meter)


def _published(
    folder: Path, jobs: Sequence[Job], plan: Plan, scheme: Scheme
) -> Manifest:
    """Write the manifest of shards that are all built, and forget how they were."""
    assert plan.transform is not None
    manifest = Manifest(
        metric=plan.metric,
        dim=jobs[0].rows.dim,
        encoding=plan.encoding,
        params=plan.params,
        transform=fingerprint_of(plan.transform),
        scheme=scheme,
        generation=1,
        shards=tuple(job.noted() for job in jobs),
    )
    write_manifest(folder, manifest)
    remove_unnamed(folder, manifest)
    return manifest
