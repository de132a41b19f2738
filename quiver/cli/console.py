"""What the commands print: answers on stdout, everything else on stderr.

Away from a terminal rich prints no escape codes and the bars vanish.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quiver import get_backend
from quiver.backends import Backend
from quiver.memory import format_bytes as format_bytes

# Commands take all that they print with from here.
from quiver.parallel.progress import progress_bar as progress_bar

answers = Console(highlight=False)
notes = Console(stderr=True, highlight=False)

# Loading compiled kernels takes less; only a compilation takes longer.
_COMPILED_SECONDS = 2.0


def print_error(message: str) -> None:
    """Print one red line, whatever the message holds."""
    line = " ".join(message.split())
    notes.print(Text(f"error: {line}", style="bold red"), soft_wrap=True)


def print_note(message: str) -> None:
    """Print a remark that is no part of the answer."""
    notes.print(Text(message, style="dim"), soft_wrap=True)


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print warnings for a person, without the line of code that they come from."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in told:
        notes.print(Text(f"warning: {warning.message}", style="yellow"), soft_wrap=True)


def print_json(document: Any, *, indent: int | None = 2) -> None:
    """Print a document for a machine: plain JSON, nothing else on stdout."""
    # A command that goes on has told it all the same.
    print(json.dumps(document, indent=indent, allow_nan=False), flush=True)


def print_facts(title: str, facts: Iterable[tuple[str, str]]) -> None:
    """Print a title and aligned pairs of name and value."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    for name, value in facts:
        table.add_row(f"  {name}", Text(value))
    answers.print(Text(title, style="bold"))
    answers.print(table)


def format_count(number: float) -> str:
    """Return a rounded number with thin groups of three digits."""
    return f"{number:,.0f}".replace(",", " ")


def load_backend(name: str) -> Backend:
    """Return the kernels, telling the user when they are being compiled."""
    start = time.perf_counter()
    with notes.status("loading kernels (the first run on a computer compiles them)"):
        backend = get_backend(name)
    seconds = time.perf_counter() - start
    if seconds > _COMPILED_SECONDS:
        print_note(f"{backend.name} kernels compiled in {seconds:.0f} s, once")
    return backend
