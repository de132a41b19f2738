"""The command ``diagnose``: what an index would find, before anything is built."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

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
from quiver.cli.files import check_outputs, read_queries, read_rows, write_page
from quiver.cli.options import (
    BackendOption,
    JsonOption,
    KeyOption,
    MaxDegreeOption,
    MaxRowsOption,
    MetricOption,
    ThreadsOption,
    VectorsArgument,
    given,
)
from quiver.diagnosis.fidelity import DEPTHS
from quiver.params import BuildParams
from quiver.validation.checks import check_metric

_COLORS = {
    "fits": "green",
    "fits with wider codes": "green",
    "use a larger ef": "yellow",
    "not with these codes": "red",
    "no structure": "red",
}


def diagnose(
    file: VectorsArgument,
    queries: Annotated[
        Path | None,
        typer.Option(help="Query vectors; else rows of FILE are held out."),
    ] = None,
    metric: MetricOption = "cosine",
    sample: Annotated[
        int | None, typer.Option(help="Rows to search; default 10 000.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the rows.")] = 0,
    max_degree: MaxDegreeOption = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with plots there.")
    ] = None,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what an index would find, and which rows are odd.

    The exit code is 0 whatever the verdict; scripts read it from --json.
    """
    check_outputs(html=html)
    metric = check_metric(metric)
    vectors = read_rows(file, key, max_rows)
    asked = None if queries is None else read_queries(queries, None)
    kernels = load_backend(backend)
    start = time.perf_counter()
    with progress_bar("diagnosing") as progress:
        diagnosis = quiver.diagnose(
            vectors,
            asked,
            metric=metric,
            sample=sample,
            seed=seed,
            params=BuildParams(**given(max_degree=max_degree)),
            backend=kernels.name,
            threads=threads,
            progress=progress,
        )
    print_note(f"diagnosed in {time.perf_counter() - start:.1f} s")
    if html is not None:
        write_page(html, diagnosis.to_html())
    if as_json:
        print_json(diagnosis.to_dict())
        return
    _print_verdict(diagnosis)
    _print_forecast(diagnosis)
    _print_fidelity(diagnosis)
    _print_facts(diagnosis)


def _print_verdict(diagnosis: quiver.Diagnosis) -> None:
    verdict = diagnosis.verdict
    answers.print(Text(verdict.word, style=f"bold {_COLORS[verdict.word]}"))
    for reason in verdict.reasons:
        answers.print(Text(f"  - {reason}"), soft_wrap=True)
    for finding in diagnosis.findings:
        answers.print(Text(f"  - {finding}"), soft_wrap=True)
    answers.print(Text(f"  build with {diagnosis.encoding}\n"), soft_wrap=True)


def _print_forecast(diagnosis: quiver.Diagnosis) -> None:
    n = format_count(diagnosis.n)
    answers.print(f"Recall@10 to expect of all {n} rows, in %", style="bold")
    table = Table("ef", "expected", "95 % interval", "codes alone", box=None)
    for found in diagnosis.forecasts:
        recall = found.recall
        table.add_row(
            str(found.ef),
            f"{100 * recall.mean:.1f}",
            f"{100 * recall.low:.1f} … {100 * recall.high:.1f}",
            f"{100 * found.ceiling.mean:.1f}",
        )
    answers.print(table)
    asked = "given queries" if diagnosis.queries_given else "rows held out as queries"
    rows = format_count(diagnosis.sample_rows)
    answers.print(
        f"  from {rows} rows and {diagnosis.n_queries} {asked}\n", style="dim"
    )


def _print_fidelity(diagnosis: quiver.Diagnosis) -> None:
    answers.print("True neighbours among the best by code, sample, in %", style="bold")
    headings = [f"best {depth}" for depth in DEPTHS]
    table = Table("vectors", "distance", "bits", *headings, box=None)
    for row in diagnosis.fidelity:
        cells = (f"{100 * share:.1f}" for share in row.shares)
        table.add_row(row.transform, row.distance, str(row.bits), *cells)
    answers.print(table)
    answers.print()


def _print_facts(diagnosis: quiver.Diagnosis) -> None:
    structure, moments, memory = (
        diagnosis.structure,
        diagnosis.moments,
        diagnosis.memory,
    )
    planes = [
        (f"signs, {name}", f"{p.sign_entropy:.2f} bits each")
        for name, p in diagnosis.planes.items()
    ]
    widths = [
        (f"{one.bits} bits", f"{100 * one.share:.1f} % of the true 10 in the best 64")
        for one in diagnosis.look.tried
    ]
    facts = [
        *widths,
        ("local dimension", f"{structure.local_dimension:.1f}"),
        (
            "effective dimension",
            f"{moments.effective_dimension:.1f} of {diagnosis.dim}",
        ),
        ("norm of the mean", f"{moments.mean_norm:.2f} of a typical norm"),
        ("contrast", f"{structure.contrast:.2f}, mean to 10th distance"),
        ("rivals", f"{100 * structure.rivals:.2f} % at most 10 % farther"),
        ("ties", f"{100 * structure.ties:.1f} % of 10th neighbours"),
        *planes,
        (
            "memory",
            f"{format_bytes(memory.hot)} hot, {format_bytes(memory.vectors)} cold",
        ),
    ]
    print_facts("Facts", facts)
