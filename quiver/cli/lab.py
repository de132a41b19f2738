"""The command ``lab``: one page on which searches are asked, watched and compared."""

from __future__ import annotations

import threading
import webbrowser
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import quiver
from quiver._typing import Metric
from quiver.backends import Backend
from quiver.cli.console import (
    answers,
    load_backend,
    print_json,
    print_note,
    progress_bar,
    warnings_as_notes,
)
from quiver.cli.demo import REFERENCE_ROWS, SIDES
from quiver.cli.files import is_index, read_lines, read_queries, read_rows
from quiver.cli.options import (
    BackendOption,
    JsonOption,
    KeyOption,
    MaxRowsOption,
    MetricOption,
)
from quiver.datasets import load_demo
from quiver.errors import InvalidArgumentError
from quiver.lab.material import Material
from quiver.validation.arrays import as_queries
from quiver.validation.checks import check_metric

_DRAIN_SECONDS = 2
_EXTRA = ("fastapi", "starlette", "uvicorn")


def lab(
    file: Annotated[
        Path | None,
        typer.Argument(help="A .quiver file, or vectors as for `build`; the demo set."),
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Texts: line i for the vector with id i.")
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="Vectors to ask beside the stored ones.")
    ] = None,
    metric: MetricOption = "cosine",
    paper: Annotated[
        bool, typer.Option(help="Build the published system beside it.")
    ] = True,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is this machine's.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free.")] = 0,
    backend: BackendOption = "auto",
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch searches step by step, in the browser.

    Serves one page until Ctrl-C. There is no password and no encryption, so it listens
    on this machine's own address.
    """
    try:
        # Imported here: the other commands must run without the extra.
        from quiver.lab.app import make_app
        from quiver.service.running import address_of, bound, run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        msg = f"lab needs {error.name}: pip install 'quiver-ann[lab]'"
        raise InvalidArgumentError(msg) from error
    metric, kernels = check_metric(metric), load_backend(backend)
    with closing(bound(host, port)) as listening:
        url, is_loopback = address_of(listening)
        with warnings_as_notes():
            if file is None:
                beside = {"texts": texts, "queries": queries, "column": key}
                material = _demo(metric, kernels, max_rows, beside)
            else:
                material = _read(file, texts, queries, metric, kernels, key, max_rows)
            if paper:
                material = _beside(material, kernels)
        if not is_loopback:
            print_note(
                f"warning: whoever reaches {url} can ask: there is no password and no "
                "encryption; --host 127.0.0.1 is for this machine only"
            )
        if as_json:
            print_json({"url": url, "n": material.index.n}, indent=None)
        else:
            answers.print(f"the lab is at {url}; Ctrl-C ends it", soft_wrap=True)
        if browser:
            # A browser in a terminal would not return before it is closed.
            threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
        run(make_app(material, host), listening, _DRAIN_SECONDS)
    print_note("stopped")


def _demo(
    metric: Metric, kernels: Backend, max_rows: int | None, beside: dict[str, Any]
) -> Material:
    """Return the demo set, of which the slow reference takes a part."""
    for name, value in beside.items():
        if value is not None:
            msg = f"{name} must be given with a file of vectors, got {str(value)!r}"
            raise InvalidArgumentError(msg)
    if max_rows is None and kernels.name == "reference":
        max_rows = REFERENCE_ROWS
        print_note(f"the reference is slow: only {max_rows} sentences (see --max-rows)")
    demo = load_demo()
    index = _built("default", demo.vectors[:max_rows], kernels, metric)
    texts = demo.texts[:max_rows]
    return Material({"default": index}, texts, demo.queries, demo.query_texts)


def _read(
    file: Path,
    texts: Path | None,
    queries: Path | None,
    metric: Metric,
    kernels: Backend,
    key: str | None,
    max_rows: int | None,
) -> Material:
    """Return an index that a file holds, or one over the vectors in it."""
    lines = () if texts is None else tuple(read_lines(texts))
    asked = None if queries is None else read_queries(queries, key)
    if is_index(file):
        name, index = "index", quiver.open(file, backend=kernels.name)
    else:
        name, vectors = "default", read_rows(file, key, max_rows)
        index = _built(name, vectors, kernels, metric)
    if asked is not None:
        asked, _ = as_queries(asked, metric=index.metric, dim=index.dim)
    return Material({name: index}, lines, asked)


def _beside(material: Material, kernels: Backend) -> Material:
    """Return the same with the published system over the same vectors."""
    index = material.index
    encoding, params = SIDES["paper"]
    how = {"encoding": encoding, "params": params, "ids": index.ids}
    built = _built("paper", index.vectors, kernels, index.metric, **how)
    return replace(material, sides={**material.sides, "paper": built})


def _built(
    name: str, vectors: Any, kernels: Backend, metric: Metric, **how: Any
) -> quiver.Index:
    with progress_bar(f"building, {name}") as progress:
        return quiver.Index.build(
            vectors, metric=metric, backend=kernels, progress=progress, **how
        )
