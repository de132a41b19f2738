"""The command ``audit``: the paper's tables rebuilt with data at hand, and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

import quiver
from quiver.cli.console import (
    answers,
    load_backend,
    print_json,
    print_note,
    progress_bar,
)
from quiver.cli.files import check_outputs, read_queries, read_rows, write_page
from quiver.cli.options import (
    BackendOption,
    JsonOption,
    KeyOption,
    MaxRowsOption,
    MetricOption,
    ThreadsOption,
)
from quiver.validation.checks import check_metric

_COLORS = {"confirmed": "green", "not reproduced": "red", "depends on": "yellow"}


def audit(
    file: Annotated[
        Path | None, typer.Argument(help="Vectors, as for `build`; else the demo set.")
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="Query vectors; else rows of FILE are held out.")
    ] = None,
    metric: MetricOption = "cosine",
    sample: Annotated[
        int | None, typer.Option(help="Rows to search; default 20 000.")
    ] = None,
    kinds: Annotated[
        int | None,
        typer.Option(help="Rows of each kind of Table 11; default 4 000, 0 for none."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the rows.")] = 0,
    name: Annotated[
        str | None, typer.Option(help="What to call the data; default FILE's name.")
    ] = None,
    times: Annotated[
        bool, typer.Option("--times", help="Also measure ratios of seconds.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the page there.")
    ] = None,
    as_json: JsonOption = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables as Markdown.")
    ] = False,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
) -> None:
    """Rebuild the paper's tables and judge its claims.

    The exit code is 0 whatever the verdicts; scripts read them from --json.
    """
    check_outputs(out=out)
    vectors = None if file is None else read_rows(file, key, max_rows)
    asked = None if queries is None else read_queries(queries, None)
    kernels = load_backend(backend)
    if kernels.name == "reference" and sample is None:
        print_note("only the NumPy kernels: few rows, see --sample and --kinds")
    with progress_bar("auditing") as progress:
        found = quiver.audit(
            vectors,
            asked,
            metric=check_metric(metric),
            sample=sample,
            kinds=kinds,
            seed=seed,
            name=name or (None if file is None else file.name),
            times=times,
            backend=kernels.name,
            threads=threads,
            progress=progress,
        )
    if out is not None:
        write_page(out, found.to_html())
    if as_json:
        print_json(found.to_dict())
    elif markdown:
        print(found.to_markdown())
    else:
        _print_claims(found)


def _print_claims(found: quiver.Audit) -> None:
    answers.print(Text(f"{found.data}: not the data of the paper", style="bold"))
    table = Table("table", "claim", "verdict", box=None, padding=(0, 2, 0, 0))
    for claim in found.every_claim:
        word, reason = claim.verdict
        told = Text(f"{claim.statement}\n")
        told.append(f"published {claim.published}; {reason}", style="dim")
        table.add_row(claim.table, told, Text(word, style=_COLORS[word]))
    answers.print(table)
    if found.times and found.times.busy:
        print_note(found.times.busy)
