"""The command ``explain``: one search of an index file, hop by hop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import quiver
from quiver.cli.console import answers, print_json
from quiver.cli.files import (
    check_outputs,
    read_filter,
    read_lines,
    read_queries,
    write_page,
)
from quiver.cli.options import (
    FilterOption,
    HorizonOption,
    IndexArgument,
    JsonOption,
    KeyOption,
)
from quiver.errors import InvalidArgumentError


def explain(
    index: IndexArgument,
    queries: Annotated[Path, typer.Argument(help="Query vectors, as for `build`.")],
    row: Annotated[int, typer.Option(min=0, help="Which of the queries.")] = 0,
    k: Annotated[int, typer.Option("-k", help="Neighbours wanted.")] = 10,
    ef: Annotated[int | None, typer.Option(help="Beam width, at least k.")] = None,
    n_rerank: Annotated[
        int | None, typer.Option(help="How many are ordered exactly, k … ef.")
    ] = None,
    horizon: HorizonOption = None,
    filter_ids: FilterOption = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="Texts for the page: line i for the vector with id i."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with a step slider there.")
    ] = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain one search: every hop, and why a neighbour was missed."""
    check_outputs(html=html)
    # An explanation is the reference's, so nothing needs compiled kernels.
    opened = quiver.open(index, cold="mmap", backend="reference")
    vectors = read_queries(queries, key)
    if row >= len(vectors):
        msg = f"row must be in 0 … {len(vectors) - 1}, got {row}"
        raise InvalidArgumentError(msg)
    allowed = read_filter(filter_ids)
    explanation = opened.explain(
        vectors[row],
        k=k,
        ef=ef,
        n_rerank=n_rerank,
        horizon=horizon,
        filter=allowed,
    )
    if html is not None:
        labels = {} if texts is None else dict(enumerate(read_lines(texts)))
        write_page(html, explanation.to_html(labels))
    if as_json:
        print_json(explanation.to_dict())
    elif html is None:
        answers.print(str(explanation), markup=False, soft_wrap=True)
