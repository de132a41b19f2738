"""Commands about the kernels: ``backends`` and ``verify``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

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
from quiver.cli.files import check_outputs
from quiver.cli.options import BackendOption, JsonOption
from quiver.conformance.certificate import Certificate, Disagreement
from quiver.conformance.certified import read_certificate, write_certificate
from quiver.errors import InvalidArgumentError, QuiverError


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
    rounds: Annotated[
        int | None,
        typer.Option(help="Drawn cases of every method; default 200, or as --against."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Draws the cases; default 0, or as --against.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Write there what was proved, and on what.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="A certificate of another computer: what differs here?"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that a backend equals the reference in every bit.

    With a certificate, every backend that runs here, unless one is named. The exit code
    is 1 if a bit differs, here or between two computers.
    """
    there = None if against is None else read_certificate(against)
    check_outputs(certificate=certificate)
    if certificate is None and there is None:
        _verify_one(backend, 200 if rounds is None else rounds, seed or 0, as_json)
    here = _certified(backend, rounds, seed, there)
    if certificate is not None:
        write_certificate(certificate, here)
        print_note(f"wrote {certificate}")
    found = [] if there is None else here.against(there)
    if as_json:
        differences = [difference._asdict() for difference in found]
        print_json({"ok": here.ok, **asdict(here), "differences": differences})
    else:
        _print_certified(here, found, there is not None)
    raise typer.Exit(int(not here.ok or any(one.matters for one in found)))


def _verify_one(backend: str, rounds: int, seed: int, as_json: bool) -> NoReturn:
    kernels = load_backend(backend)
    with progress_bar(f"verifying {kernels.name}") as progress:
        report = quiver.verify(kernels, seed=seed, rounds=rounds, progress=progress)
    if as_json:
        print_json({"ok": report.ok, **asdict(report)})
    else:
        answers.print(str(report), markup=False, soft_wrap=True)
    raise typer.Exit(0 if report.ok else 1)


def _certified(
    backend: str, rounds: int | None, seed: int | None, there: Certificate | None
) -> Certificate:
    """Return the certificate of this computer, of the same cases as another's."""
    drawn = {"rounds": (rounds, 200), "seed": (seed, 0)}
    chosen = {}
    for name, (given, default) in drawn.items():
        wanted = default if there is None else getattr(there, name)
        if there is not None and given not in (None, wanted):
            msg = f"{name} must be that of the certificate, {wanted}, got {given}"
            raise InvalidArgumentError(msg)
        chosen[name] = wanted if given is None else given
    named = None if backend == "auto" else [load_backend(backend)]
    with progress_bar("certifying") as progress:
        return quiver.certify(named, **chosen, progress=progress)


def _print_certified(
    here: Certificate, found: list[Disagreement], is_compared: bool
) -> None:
    lines = [str(here)]
    for difference in found:
        kind = "DIFFERS" if difference.matters else "other"
        lines.append(f"{kind}: {difference.what}: here {difference.here}, there ")
        lines[-1] += difference.there
    if is_compared:
        lines.append(_agreement(found))
    answers.print("\n".join(lines), markup=False, soft_wrap=True)


def _agreement(found: list[Disagreement]) -> str:
    """Say whether two computers agree, or why that cannot be told."""
    if not any(one.matters for one in found):
        return "both give the same answers"
    if not any(one.what.startswith("inputs") for one in found):
        return "the computers DO NOT AGREE"
    drawing = "version of quiver", "version of numpy"
    others = [one for one in found if one.what in drawing]
    told = [f"{one.what} here {one.here}, there {one.there}" for one in others]
    why = "; ".join(told) or "and the versions are: the certificate may be altered"
    return (
        f"NOT COMPARED: the cases drawn are not the same ({why}). Remedy: certify on "
        "both computers with the same releases of quiver and NumPy"
    )
