"""The command ``quiver``; needs the extra ``cli`` (typer, rich).

One module per group of commands, one function per command; `app` registers them.
"""

from __future__ import annotations

import sys

_MISSING_EXTRA = (
    "quiver: the command needs typer and rich: pip install 'quiver-ann[cli]'"
)


def main() -> None:
    """Run the command line; exit 0, 1 on an error, 2 on wrong usage, 130 on Ctrl-C."""
    try:
        # Imported here: `quiver` must install and import without the extra.
        from quiver.cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(_MISSING_EXTRA, file=sys.stderr)
        raise SystemExit(2) from None
    run()
