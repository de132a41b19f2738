"""The typer application: commands by name, errors by exit code."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from quiver import __version__
from quiver.cli.audit import audit
from quiver.cli.backends import backends, verify
from quiver.cli.bench import bench
from quiver.cli.changes import add, consolidate, remove, update
from quiver.cli.console import print_error
from quiver.cli.convert import convert
from quiver.cli.demo import demo
from quiver.cli.diagnose import diagnose
from quiver.cli.doctor import doctor
from quiver.cli.evaluate import evaluate, tune
from quiver.cli.explain import explain
from quiver.cli.indexes import build, check, info
from quiver.cli.lab import lab
from quiver.cli.queries import search
from quiver.cli.serve import serve
from quiver.cli.shards import shards
from quiver.errors import QuiverError

INTERRUPTED = 130
WRONG_USAGE = 2
# Blank lines end lines: typer joins what one newline parts.
EXAMPLES = """\
Examples:

  quiver diagnose base.npy                    what would an index find?

  quiver build base.npy -o base.quiver        .parquet, .fbin, .hdf5 … as well

  quiver build base.parquet --column vector --id id -o base.quiver

  quiver search base.quiver queries.npy -k 5  --json for a machine

  quiver lab base.quiver                      watch searches, in the browser

  quiver doctor                               is this installation whole?

Exit codes: 0 done, 1 an error or a bad finding, 2 wrong usage, 130 Ctrl-C.
"""
# Typer may carry its own copy of click, so the class is taken from a child it exports.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


class QuiverGroup(TyperGroup):
    """Turn the errors a user can cause into one line and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands before the command."""
        # Nothing at all is no mistake: typer then shows the help.
        if not args:
            return super().parse_args(ctx, args)
        with _one_line_errors():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        with _one_line_errors():
            return super().invoke(ctx)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        print_error(_usage_message(error))
        raise typer.Exit(WRONG_USAGE) from None
    except OSError as error:
        # A closed pipe (`quiver search ... | head`) is no error of the user's.
        if error.errno == errno.EPIPE:
            raise
        print_error(_without_errno(error))
    except (QuiverError, MemoryError) as error:
        print_error(str(error) or type(error).__name__)
    except KeyboardInterrupt:
        print_error("interrupted by Ctrl-C; nothing was written")
        raise typer.Exit(INTERRUPTED) from None
    else:
        return
    raise typer.Exit(1)


def _usage_message(error: Any) -> str:
    command = "quiver" if error.ctx is None else error.ctx.command_path
    return f"{error.format_message().rstrip('.')}; see `{command} --help`"


def _without_errno(error: OSError) -> str:
    if error.strerror is None or error.filename is None:
        return str(error)
    return f"{error.filename}: {error.strerror}"


app = typer.Typer(
    name="quiver",
    cls=QuiverGroup,
    help="Approximate nearest-neighbour search on 2-bit codes.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    *(demo, convert, diagnose, build, search, info, check, evaluate, tune, explain),
    lab,
    *(add, remove, update, consolidate),
    *(backends, bench, verify, audit, doctor),
):
    app.command()(command)
shards.command()(serve)
app.add_typer(shards)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"quiver {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    # The option's own callback acts; without this one typer would not offer it.
    del version


def run() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        # Sentences hold any script; a terminal that lacks one must not stop us.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="quiver")
