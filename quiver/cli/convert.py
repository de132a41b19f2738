"""The command ``convert``: one file of vectors as another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quiver.cli.console import format_count, print_json, print_note, progress_bar
from quiver.cli.files import check_outputs
from quiver.cli.options import JsonOption, KeyOption, MaxRowsOption, VectorsArgument
from quiver.datasets import convert_vectors


def convert(
    file: VectorsArgument,
    out: Annotated[
        Path,
        typer.Argument(
            help="Replaced if it exists: .npy .parquet .fbin .u8bin .i8bin .fvecs "
            ".bvecs .ivecs."
        ),
    ],
    key: KeyOption = None,
    max_rows: MaxRowsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the vectors of a file in another format.

    A chunk at a time, so they may be larger than memory; only float32 rounds.
    """
    check_outputs(out=out)
    with progress_bar("converting") as progress:
        n, dim = convert_vectors(
            file, out, key=key, max_rows=max_rows, progress=progress
        )
    if as_json:
        print_json({"path": str(out), "n": n, "dim": dim})
        return
    print_note(f"wrote {out}: {format_count(n)} x {dim}")
