"""Options that several commands share: one spelling, one help text."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class MetricName(StrEnum):
    """The metrics, as the command line spells them."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"
    INNER_PRODUCT = "inner_product"


class EncodingName(StrEnum):
    """The two encodings that have a name."""

    DEFAULT = "default"
    PAPER = "paper"


class ColdName(StrEnum):
    """Where the float32 vectors of an opened index are."""

    MEMORY = "memory"
    MMAP = "mmap"


IndexArgument = Annotated[Path, typer.Argument(help="A .quiver file.")]
BackendOption = Annotated[
    str, typer.Option("--backend", "-b", help="Kernels to use; see `quiver backends`.")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", "-t", help="Threads; all this process may use."),
]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="Which array, if the file is HDF5.")
]
MaxRowsOption = Annotated[
    int | None, typer.Option("--max-rows", help="Read only that many rows.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
