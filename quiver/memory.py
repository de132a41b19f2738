"""Bytes: what an index needs, predicted before a build and reported after it.

Source: Table 2 of QuIVer (arXiv 2605.02171) for hot (needed in memory) and cold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from quiver._typing import ColdDtype
from quiver.params import BuildParams, Encoding, narrowest, wider
from quiver.reference.codes import CACHE_LINE
from quiver.validation.checks import MAX_DIM, MAX_ROWS, check_choice, check_int

_ID_BYTES = 8
_NEIGHBOR_BYTES = 4
_COLD_BYTES = {"float32": 4, "float16": 2, "uint8": 1, "int8": 1}


@dataclass(frozen=True)
class MemoryReport:
    """Bytes of one index by part.

    Attributes
    ----------
    n_vectors : int
        Rows.
    codes, graph, ids : int
        Hot bytes: code rows with corrections, neighbour lists, the caller's ids.
    vectors : int
        Cold bytes: the stored vectors, read by the re-rank only.
    mapped : int
        Hot bytes that are left in the file: one copy for all processes that open it.
    """

    n_vectors: int
    codes: int
    graph: int
    ids: int
    vectors: int
    mapped: int = 0

    @property
    def hot(self) -> int:
        """Bytes that must be in memory."""
        return self.codes + self.graph + self.ids

    @property
    def building(self) -> int:
        """Bytes that a build holds at most, beside vectors in a file and fixed scratch.

        Lists grow wider than they end, and are trimmed into new ones. The scratch is
        a few blocks of rows and a walk's marks for each thread.
        """
        row_bytes = self.graph // max(1, self.n_vectors)
        grown = wider(row_bytes // _NEIGHBOR_BYTES) * _NEIGHBOR_BYTES
        return self.hot + self.n_vectors * grown

    @property
    def hot_per_vector(self) -> float:
        """Hot bytes per vector."""
        return self.hot / max(1, self.n_vectors)

    @property
    def cold_per_vector(self) -> float:
        """Cold bytes per vector."""
        return self.vectors / max(1, self.n_vectors)

    def __str__(self) -> str:
        """Return one line a person can read: totals, and each part per vector."""
        n = max(1, self.n_vectors)
        shared = f", {format_bytes(self.mapped)} in the file" if self.mapped else ""
        return (
            f"hot {format_bytes(self.hot)}{shared} "
            f"({self.hot_per_vector:.0f} B per vector: "
            f"codes {self.codes / n:.0f}, graph {self.graph / n:.0f}, "
            f"ids {self.ids / n:.0f}), cold {format_bytes(self.vectors)} "
            f"({self.cold_per_vector:.0f} B per vector)"
        )


def format_bytes(n_bytes: float) -> str:
    """Return bytes in the largest binary unit that keeps a whole part."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} B" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"


def predict_memory(
    n: int,
    dim: int,
    params: BuildParams | None = None,
    encoding: Encoding | None = None,
    *,
    cold_dtype: ColdDtype = "float32",
) -> MemoryReport:
    """Return the bytes an index will need, without building it.

    Parameters
    ----------
    n, dim : int
        Shape of the base.
    params : BuildParams, optional
        Only ``max_degree`` matters.
    encoding : Encoding, optional
        Bits and lines matter. Default: as `Index.build` codes ordinary data.
    cold_dtype : {'float32', 'float16', 'uint8', 'int8'}, default 'float32'
        How the vectors are kept: bytes as bytes, all else as float32; a file may
        hold float16.

    Returns
    -------
    MemoryReport
        Equal to ``index.memory_report()`` of the built index.

    Examples
    --------
    >>> predict_memory(100_000, 384).hot_per_vector
    264.0
    """
    n = check_int("n", n, 1, MAX_ROWS)
    dim = check_int("dim", dim, 1, MAX_DIM)
    check_choice("cold_dtype", cold_dtype, get_args(ColdDtype))
    max_degree = (params or BuildParams()).max_degree
    return MemoryReport(
        n_vectors=n,
        codes=n * CACHE_LINE * (encoding or narrowest(dim)).row_lines(dim),
        graph=n * max_degree * _NEIGHBOR_BYTES,
        ids=n * _ID_BYTES,
        vectors=n * dim * _COLD_BYTES[cold_dtype],
    )
