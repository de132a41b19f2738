"""Commands about the kernels: ``backends`` and ``verify``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

import quiver
from quiver.backends.registry import default_name
from quiver.cli.console import (
    answers,
    load_backend,
    print_json,
    print_note,
    progress_bar,
)
from quiver.cli.options import BackendOption, JsonOption
from quiver.errors import QuiverError


def backends(as_json: JsonOption = False) -> None:
    """List the backends, and why one cannot run on this computer.

    Nothing is compiled for it. A wrong QUIVER_BACKEND is said, and stops nothing.
    """
    chosen = _chosen_by_auto()
    infos = quiver.list_backends()
    if as_json:
        print_json([{**info._asdict(), "auto": info.name == chosen} for info in infos])
        return
    table = Table("backend", "runs here", "", box=None)
    for info in infos:
        reason = info.reason.removeprefix(f"backend {info.name!r} cannot run here: ")
        remark = "used by default" if info.name == chosen else reason
        table.add_row(info.name, "yes" if info.available else "no", remark)
    answers.print(table)


def _chosen_by_auto() -> str | None:
    """Return what is used by default, or say why nothing can be."""
    try:
        return default_name()
    except QuiverError as error:
        print_note(str(error))
        return None


def verify(
    backend: BackendOption = "auto",
    rounds: Annotated[int, typer.Option(help="Drawn cases of every method.")] = 200,
    seed: Annotated[int, typer.Option(help="Draws the cases.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Prove that a backend equals the reference in every bit."""
    kernels = load_backend(backend)
    with progress_bar(f"verifying {kernels.name}") as progress:
        report = quiver.verify(kernels, seed=seed, rounds=rounds, progress=progress)
    if as_json:
        print_json({"ok": report.ok, **asdict(report)})
    else:
        answers.print(str(report), markup=False, soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)
