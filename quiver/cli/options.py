"""Options that several commands share: one spelling, one help text."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class EncodingName(StrEnum):
    """The encodings that have a name, and the diagnosis's choice."""

    DEFAULT = "default"
    PAPER = "paper"
    AUTO = "auto"


class PlaceName(StrEnum):
    """Where a part of an opened index is."""

    MEMORY = "memory"
    MMAP = "mmap"


class VerifyName(StrEnum):
    """How much of a file is proven before it is searched."""

    NONE = "none"
    FAST = "fast"
    FULL = "full"


class ColdDtypeName(StrEnum):
    """How the vectors are stored."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    UINT8 = "uint8"
    INT8 = "int8"


VectorsArgument = Annotated[
    Path,
    typer.Argument(
        help="Vectors: .npy .npz .fvecs .bvecs .ivecs .fbin .u8bin .i8bin .hdf5 "
        ".safetensors .parquet .arrow .feather, or a folder of Parquet, Arrow or zarr."
    ),
]
IndexArgument = Annotated[Path, typer.Argument(help="A .quiver file.")]
QueriesArgument = Annotated[
    Path, typer.Argument(help="Query vectors, in any format that `build` reads.")
]
OutOption = Annotated[
    Path, typer.Option("--out", "-o", help="Index file, replaced if it exists.")
]

# Not an enumeration: the library knows the aliases, and names what was misspelt.
MetricOption = Annotated[
    str, typer.Option(help="cosine, euclidean or inner_product: what near means.")
]
IdsOption = Annotated[
    Path | None,
    typer.Option(help="Ids of the vectors: .npy, .txt (one a line) or as FILE."),
]
IdColumnOption = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="NAME", help="Ids are this column, or array, of FILE itself."
    ),
]
ColdDtypeOption = Annotated[
    ColdDtypeName | None,
    typer.Option(
        help="Default: bytes as bytes, all else float32. float16 halves the stored "
        "vectors, rounded; uint8 and int8 keep whole numbers in a quarter."
    ),
]
EncodingOption = Annotated[
    EncodingName | None,
    typer.Option(
        help="`default` has 2 bits; `paper` is as published; `auto` diagnoses first. "
        "Without it, and without bits or lines, the data choose the bits."
    ),
]
BitsOption = Annotated[int | None, typer.Option(help="Bits per coordinate: 2, 4 or 8.")]
LinesOption = Annotated[
    int | None, typer.Option(help="Cache lines per code; default the fewest.")
]
RecallOption = Annotated[
    float | None,
    typer.Option(help="Recall@10 to build for: above 0.95, more edges and longer."),
]
MaxDegreeOption = Annotated[
    int | None, typer.Option(help="Out-degree bound; default 32.")
]
EfConstructionOption = Annotated[
    int | None, typer.Option(help="Beam width while building; default 96.")
]
AlphaOption = Annotated[
    float | None, typer.Option(help="Pruning slack; by default the data decide.")
]
SeedOption = Annotated[int, typer.Option(help="Insertion order and rotation.")]

KOption = Annotated[int, typer.Option("-k", help="Neighbours wanted.")]
EfOption = Annotated[
    int | None, typer.Option("--ef", help="Beam width, at least k; default 64 or 2k.")
]
RerankOption = Annotated[
    int | None, typer.Option("--n-rerank", help="How many are ordered exactly, k … ef.")
]
HorizonOption = Annotated[
    float | None,
    typer.Option(help="End a walk where what is left is so many times as far, >= 1."),
]
TruthOption = Annotated[
    Path | None,
    typer.Option(help="True neighbours' ids (.ivecs .npy .hdf5): print the recall."),
]
NpzOption = Annotated[
    Path | None, typer.Option(help="Write ids, distances and counters there.")
]
HotOption = Annotated[
    PlaceName,
    typer.Option(help="Read codes, graph and ids, or share them with other processes."),
]
ColdOption = Annotated[
    PlaceName | None,
    typer.Option(
        help="Read the stored vectors, or leave them in the file; default as --hot."
    ),
]
VerifyOption = Annotated[
    VerifyName,
    typer.Option(
        help="`full` reads the vectors too; `none`, with --hot mmap, trusts the file."
    ),
]
FullOption = Annotated[
    bool, typer.Option("--full", help="Read every vector and code it again.")
]

BackendOption = Annotated[
    str, typer.Option("--backend", "-b", help="Kernels to use; see `quiver backends`.")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", "-t", help="Threads; all this process may use."),
]
FilterOption = Annotated[
    Path | None,
    typer.Option(
        "--filter-ids",
        metavar="FILE",
        help="Let only these answer: ids, or 1 or 0 (true, false) for each vector; "
        ".npy, .txt (one a line) or as FILE.",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--column",
        "--key",
        metavar="NAME",
        help="Which column of Parquet or Arrow, or which array of HDF5, .npz, "
        "safetensors or zarr; default the only one of vectors.",
    ),
]
MaxRowsOption = Annotated[
    int | None, typer.Option("--max-rows", help="Read only that many rows.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given, by name."""
    return {name: value for name, value in options.items() if value is not None}
