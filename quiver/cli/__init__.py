"""The command ``quiver``; needs the extra ``cli`` (typer, rich).

One module per group of commands, one function per command; `app` registers them.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from quiver.installation import explain_damage, is_ours

_MISSING_EXTRA = (
    "the command needs typer and rich: pip install 'quiver-ann[cli]'; `quiver doctor` "
    "does without"
)


def main() -> None:
    """Run the command line; exit 0, 1 on an error, 2 on wrong usage, 130 on Ctrl-C."""
    # Another distribution may have overwritten `quiver/__init__.py`, not this file.
    if not is_ours(sys.modules["quiver"]):
        _fail(explain_damage(), 1)
    try:
        # Imported here: `quiver` must install and import without the extra.
        from quiver.cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        _run_without_extra(sys.argv[1:])
    run()


def _run_without_extra(arguments: list[str]) -> NoReturn:
    """Do the one command that must work wherever quiver is imported, or say why not."""
    if arguments[:1] != ["doctor"]:
        _fail(_MISSING_EXTRA, 2)
    from quiver.doctor.command import run

    raise SystemExit(run(arguments[1:]))


def _fail(message: str, exit_code: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(exit_code)
