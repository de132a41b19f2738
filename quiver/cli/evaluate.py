"""The commands ``evaluate`` and ``tune``: how well an index answers, and how to ask."""

from __future__ import annotations

from dataclasses import asdict
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
    print_facts,
    print_json,
    progress_bar,
)
from quiver.cli.files import check_outputs, read_filter, read_inputs, write_page
from quiver.cli.options import (
    BackendOption,
    ColdOption,
    FilterOption,
    HorizonOption,
    HotOption,
    IndexArgument,
    JsonOption,
    KeyOption,
    KOption,
    MaxRowsOption,
    PlaceName,
    QueriesArgument,
    RerankOption,
    ThreadsOption,
    TruthOption,
)
from quiver.evaluation.evaluate import BEAM_WIDTHS


def evaluate(
    index: IndexArgument,
    queries: QueriesArgument,
    k: KOption = 10,
    ef: Annotated[
        list[int] | None, typer.Option("--ef", help="Beam width; may be repeated.")
    ] = None,
    n_rerank: RerankOption = None,
    horizon: HorizonOption = None,
    filter_ids: FilterOption = None,
    ground_truth: TruthOption = None,
    svg: Annotated[Path | None, typer.Option(help="Draw recall over ef there.")] = None,
    hot: HotOption = PlaceName.MEMORY,
    cold: ColdOption = None,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure recall and speed, and name the stage that loses recall."""
    check_outputs(svg=svg)
    opened, vectors, truth = read_inputs(
        *(index, queries, ground_truth),
        hot=hot,
        cold=cold,
        backend=backend,
        key=key,
        max_rows=max_rows,
    )
    with progress_bar("evaluating") as progress:
        evaluation = quiver.evaluate(
            opened,
            vectors,
            truth,
            k=k,
            ef=ef or BEAM_WIDTHS,
            n_rerank=n_rerank,
            horizon=horizon,
            filter=read_filter(filter_ids),
            threads=threads,
            progress=progress,
        )
    if svg is not None:
        write_page(svg, evaluation.to_svg())
    if as_json:
        print_json(evaluation.to_dict())
        return
    _print_points(evaluation)


def tune(
    index: IndexArgument,
    queries: QueriesArgument,
    target: Annotated[
        float, typer.Option("--target", help="Recall to hold, inside 0 … 1.")
    ] = 0.95,
    k: KOption = 10,
    confidence: Annotated[
        float, typer.Option(help="Of the lower bound that must hold it.")
    ] = 0.95,
    horizon: Annotated[
        bool, typer.Option("--horizon", help="Try wider beams that a horizon ends.")
    ] = False,
    filter_ids: FilterOption = None,
    ground_truth: TruthOption = None,
    hot: HotOption = PlaceName.MEMORY,
    cold: ColdOption = None,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the cheapest ef and n_rerank that hold a recall."""
    opened, vectors, truth = read_inputs(
        *(index, queries, ground_truth),
        hot=hot,
        cold=cold,
        backend=backend,
        key=key,
        max_rows=max_rows,
    )
    with progress_bar("tuning") as progress:
        tuned = quiver.tune(
            opened,
            vectors,
            target,
            k=k,
            ground_truth=truth,
            confidence=confidence,
            horizon=horizon,
            filter=read_filter(filter_ids),
            threads=threads,
            progress=progress,
        )
    if as_json:
        print_json({**asdict(tuned), "recall": tuned.recall._asdict()})
        return
    facts = [
        ("recall", str(tuned.recall)),
        ("reads", f"{format_bytes(tuned.bytes_per_query)} per query"),
    ]
    effort = f"ef={tuned.ef}, n_rerank={tuned.n_rerank}"
    if tuned.horizon is not None:
        effort += f", horizon={tuned.horizon:g}"
    print_facts(effort, facts)


def _print_points(evaluation: quiver.Evaluation) -> None:
    title = f"recall@{evaluation.k} of {evaluation.n_queries} queries, in %"
    answers.print(Text(title, style="bold"))
    # Ten columns in the 80 characters a pipe gets.
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in (
        *("\nef", "re-\nranked", "\nrecall", "95 %\ninterval", "lost by\ncodes"),
        *("lost by\ngraph", "lost by\nre-rank", "queries\nper s", "\nhops"),
        "code\ndistances",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for point in evaluation.points:
        recall = point.recall
        losses = (point.code_loss, point.graph_loss, point.rerank_loss)
        table.add_row(
            str(point.ef),
            format_count(point.reranked),
            f"{100 * recall.mean:.2f}",
            f"{100 * recall.low:.2f} … {100 * recall.high:.2f}",
            *(f"{100 * loss:.2f}" for loss in losses),
            format_count(point.queries_per_second),
            format_count(point.hops),
            format_count(point.distance_computations),
        )
    answers.print(table)
    for suggestion in evaluation.suggestions:
        answers.print(Text(f"  {suggestion}"), soft_wrap=True)
