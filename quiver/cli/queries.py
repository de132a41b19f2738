"""Commands that ask an index: ``search``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any

import typer

import quiver
from quiver._typing import Vectors
from quiver.cli.console import print_json
from quiver.cli.files import check_outputs, read_filter, read_inputs
from quiver.cli.found import (
    NO_ANSWERS,
    Found,
    of_nearest,
    of_page,
    of_radius,
    print_found,
    write_npz,
)
from quiver.cli.options import (
    BackendOption,
    ColdOption,
    EfOption,
    FilterOption,
    HorizonOption,
    HotOption,
    IndexArgument,
    JsonOption,
    KeyOption,
    MaxRowsOption,
    NpzOption,
    PlaceName,
    QueriesArgument,
    RerankOption,
    ThreadsOption,
    TruthOption,
    VerifyName,
    VerifyOption,
)
from quiver.errors import InvalidArgumentError
from quiver.evaluation.truth import true_distances
from quiver.filters.filter import Filter
from quiver.filters.given import as_filters
from quiver.recall.recall import share_within
from quiver.validation.arrays import as_queries

DEFAULT_K = 10


def search(
    index: IndexArgument,
    queries: QueriesArgument,
    k: Annotated[
        int | None,
        typer.Option("-k", help="Neighbours, or answers of a page; default 10."),
    ] = None,
    ef: EfOption = None,
    n_rerank: RerankOption = None,
    horizon: HorizonOption = None,
    page: Annotated[
        int | None, typer.Option(min=1, help="The k neighbours after the pages before.")
    ] = None,
    radius: Annotated[
        float | None, typer.Option(help="Find all within this distance instead of k.")
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(help="How much farther a radius looks, 0 … 10; default 2."),
    ] = None,
    max_results: Annotated[
        int | None, typer.Option(help="Most answers of a query within a radius.")
    ] = None,
    filter_ids: FilterOption = None,
    ground_truth: TruthOption = None,
    npz: NpzOption = None,
    hot: HotOption = PlaceName.MEMORY,
    cold: ColdOption = None,
    verify: VerifyOption = VerifyName.FAST,
    backend: BackendOption = "auto",
    threads: ThreadsOption = None,
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the nearest vectors of every query in a file.

    With --radius all within a distance; with --page those that follow the nearest.
    """
    check_outputs(npz=npz)
    # What one way of asking has no use for is refused, not passed over.
    effort: dict[str, Any] = {"n_rerank": n_rerank, "horizon": horizon}
    if radius is not None:
        _refuse("with radius", k=k, page=page, **effort, ground_truth=ground_truth)
    else:
        _refuse("without radius", confidence=confidence, max_results=max_results)
    if page is not None:
        _refuse("with page", ef=ef, **effort, ground_truth=ground_truth)
    # All is read before the search, so that a file that does not fit costs no time.
    opened, given, ids = read_inputs(
        *(index, queries, ground_truth),
        hot=hot,
        cold=cold,
        backend=backend,
        key=key,
        max_rows=max_rows,
        verify=verify,
    )
    vectors, _ = as_queries(given, metric=opened.metric, dim=opened.dim)
    k = DEFAULT_K if k is None else k
    filters = as_filters(opened.state, read_filter(filter_ids), len(vectors))
    truth = None
    if ids is not None:
        truth = true_distances(opened, vectors, ids, k, threads, filters)
    common: dict[str, Any] = {"filter": filters, "threads": threads}
    start = time.perf_counter()
    if radius is not None:
        reach = {"ef": ef, "confidence": confidence, "max_results": max_results}
        common |= {name: value for name, value in reach.items() if value is not None}
        found = of_radius(opened.search_radius(vectors, radius, **common))
    elif page is not None:
        found = _page(opened, vectors, k, page, filters)
    else:
        result = opened.search(vectors, k, ef=ef, **effort, **common)
        found = of_nearest(result)
    report = found.report(time.perf_counter() - start)
    if truth is not None:
        distances = found.arrays["distances"]
        report[f"recall_at_{k}"] = share_within(distances, truth[:, -1:])
    if npz is not None:
        write_npz(npz, found)
    if as_json:
        print_json({**report, "results": found.rows}, indent=None)
    else:
        print_found(found, report)


def _refuse(what: str, **options: object) -> None:
    """Raise if an option is given that another one, or the lack of it, rules out."""
    for name, value in options.items():
        if value is not None:
            option = name.replace("_", "-")
            msg = f"{option} must not be given {what}, got {value}"
            raise InvalidArgumentError(msg)


def _page(
    opened: quiver.Index,
    vectors: Vectors,
    k: int,
    page: int,
    filters: Sequence[Filter] | None,
) -> Found:
    """Return one page of every query, empty where there are no answers left."""
    pages = []
    for number, query in enumerate(vectors):
        own = None if filters is None else filters[number]
        later = islice(opened.pages(query, k, filter=own), page - 1, page)
        pages.append(next(later, NO_ANSWERS))
    return of_page(pages, k)
