"""Commands about one index: ``build``, ``info`` and ``check``."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Literal, NoReturn

import typer

import quiver
from quiver.build import Plan
from quiver.build import build as build_state
from quiver.cli.console import (
    answers,
    format_count,
    load_backend,
    print_json,
    print_note,
    progress_bar,
    warnings_as_notes,
)
from quiver.cli.files import check_outputs, read_own_ids, read_rows
from quiver.cli.options import (
    AlphaOption,
    BackendOption,
    BitsOption,
    ColdDtypeOption,
    EfConstructionOption,
    EncodingName,
    EncodingOption,
    FullOption,
    IdColumnOption,
    IdsOption,
    IndexArgument,
    JsonOption,
    KeyOption,
    LinesOption,
    MaxDegreeOption,
    MaxRowsOption,
    MetricOption,
    OutOption,
    RecallOption,
    SeedOption,
    ThreadsOption,
    VectorsArgument,
    given,
)
from quiver.cli.summary import describe, graph_facts, print_summary
from quiver.diagnosis.auto import ready_to_build
from quiver.errors import InvalidArgumentError
from quiver.parallel.workers import resolve_threads
from quiver.params import as_encoding, as_params
from quiver.validation.checks import check_metric
from quiver.validation.kept import kept_dtype

_ENCODINGS: dict[EncodingName, quiver.Encoding | Literal["auto"]] = {
    EncodingName.DEFAULT: quiver.Encoding(),
    EncodingName.PAPER: quiver.Encoding.paper(),
    EncodingName.AUTO: "auto",
}


def build(
    file: VectorsArgument,
    out: OutOption,
    ids: IdsOption = None,
    id_column: IdColumnOption = None,
    metric: MetricOption = "cosine",
    encoding: EncodingOption = None,
    bits: BitsOption = None,
    lines: LinesOption = None,
    recall: RecallOption = None,
    max_degree: MaxDegreeOption = None,
    ef_construction: EfConstructionOption = None,
    alpha: AlphaOption = None,
    seed: SeedOption = 0,
    cold_dtype: ColdDtypeOption = None,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build an index over the vectors of a file and save it."""
    check_outputs(out=out)
    metric = check_metric(metric)
    shape = given(
        max_degree=max_degree, ef_construction=ef_construction, alpha=alpha, seed=seed
    )
    params = as_params(None, shape, (), recall)
    coding = encoding_of(encoding, bits, lines)
    vectors = read_rows(file, key, max_rows)
    own_ids = read_own_ids(file, id_column, ids, max_rows)
    # Compiling is no part of the build's time.
    kernels = load_backend(backend)
    n, dim = vectors.shape
    start, n_threads = time.perf_counter(), resolve_threads(threads)
    plan = Plan(metric, as_encoding(coding), params, kernels, n_threads)
    with warnings_as_notes():
        # As `Index.build` begins, so that the rows are looked at once.
        ready = ready_to_build(vectors, own_ids, plan, coding)
    plan, kept = ready.plan, kept_dtype(vectors.dtype)
    memory = quiver.predict_memory(n, dim, params, plan.encoding, cold_dtype=kept)
    print_note(f"{file}: {format_count(n)} x {dim}, will need {memory}")
    with progress_bar("building") as progress:
        plan = plan._replace(progress=progress)
        state = build_state(ready.vectors, ready.ids, plan)
    index = quiver.Index(state, kernels)
    seconds = time.perf_counter() - start
    index.save(out, cold_dtype=cold_dtype.value if cold_dtype else None)
    summary = {
        "path": str(out),
        # What the file holds, which may be rounded.
        **describe(quiver.open(out, cold="mmap", backend=kernels.name)),
        "seconds": seconds,
        "backend": kernels.name,
        "target": kernels.target,
        "threads": n_threads,
    }
    print_summary(summary, as_json=as_json)


def encoding_of(
    name: EncodingName | None, bits: int | None, lines: int | None
) -> quiver.Encoding | Literal["auto"] | None:
    """Return the named encoding with the bits and lines that were asked for.

    None, which lets the data choose, where nothing was.
    """
    asked = given(bits=bits, lines=lines)
    if name is None and not asked:
        return None
    encoding = _ENCODINGS[name or EncodingName.DEFAULT]
    if not asked:
        return encoding
    if encoding == "auto":
        msg = f"encoding must not be 'auto', which chooses for itself, got {asked}"
        raise InvalidArgumentError(msg)
    return replace(encoding, **asked)


def info(
    index: IndexArgument,
    as_json: JsonOption = False,
) -> None:
    """Show what an index file holds."""
    # Nothing is searched, so nothing needs compiled kernels.
    opened = quiver.open(index, cold="mmap", backend="reference")
    summary = {"path": str(index), **describe(opened), **graph_facts(opened)}
    print_summary(summary, as_json=as_json)


def check(
    index: IndexArgument,
    full: FullOption = False,
    backend: BackendOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Certify that an index file is sound.

    The exit code is 0 if it is and 1 if it is not.
    """
    kernels = load_backend(backend)
    opened = quiver.open(
        index,
        cold="mmap",
        verify="full" if full else "fast",
        backend=kernels.name,
    )
    print_check(opened.check(full=full), as_json=as_json)


def print_check(report: quiver.CheckReport, *, as_json: bool) -> NoReturn:
    """Print a report and end with the exit code of its verdict."""
    if as_json:
        print_json({"ok": report.ok, **asdict(report)})
    else:
        answers.print(str(report), markup=False, soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)
