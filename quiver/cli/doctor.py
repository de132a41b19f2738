"""The command ``doctor``: is this installation whole, and as fast as it can be."""

from __future__ import annotations

import typer

from quiver.cli.console import notes
from quiver.cli.options import JsonOption
from quiver.doctor.command import examine, print_page


def doctor(as_json: JsonOption = False) -> None:
    """Check this installation.

    One page to put into a report of a fault; it names no person, host or folder. The
    exit code is 0 if nothing is wrong and 1 otherwise.
    """
    with notes.status("trying every backend (the first time compiles some)"):
        document = examine()
    print_page(document, as_json=as_json)
    raise typer.Exit(0 if document["ok"] else 1)
