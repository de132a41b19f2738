"""Footprint: what the published memory is made of, to the byte, and what it is here.

All printed figures of hot memory follow from one formula: two bits a coordinate, and a
list as wide as while building, twice the degree of 2m and a count, of four bytes each.
They are in MiB, cut. Table 2 splits them, but its codes are in 10^6 bytes, and what it
calls adjacency is the rest of a subtraction of one unit from the other.

Source: QuIVer (arXiv 2605.02171), Tables 2, 5 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator

from quiver.auditing.published import (
    ADJACENCY_MB,
    CODE_MB,
    HOT_MB,
    HOT_MB_BY_M,
    SWEPT,
    M,
    data_set,
)

MIB = 1 << 20
MEGABYTE = 10**6
_WORD = 4


def code_bytes(dim: int) -> float:
    """Return the published bytes of a code."""
    return 2 * dim / 8


def list_bytes(m: int) -> int:
    """Return the bytes of a published list, as wide as while building."""
    return (2 * 2 * m + 1) * _WORD


def least_list_bytes(m: int) -> int:
    """Return the bytes of a list as wide as its bound, and a count."""
    return (2 * m + 1) * _WORD


def hot_bytes(dim: int, m: int = M) -> float:
    """Return the published hot bytes of a vector."""
    return code_bytes(dim) + list_bytes(m)


def printed_hot() -> Iterator[tuple[int, float]]:
    """Yield every printed figure of hot memory beside the formula's, in MiB."""
    for name, printed in HOT_MB.items():
        found = data_set(name)
        yield printed, found.rows * hot_bytes(found.dim) / MIB
    swept = data_set(SWEPT)
    for m, printed in HOT_MB_BY_M.items():
        yield printed, swept.rows * hot_bytes(swept.dim, m) / MIB


def printed_adjacency() -> Iterator[tuple[int, float, int]]:
    """Yield every printed adjacency, the lists in MiB, and the mixed subtraction."""
    for name, printed in ADJACENCY_MB.items():
        found = data_set(name)
        mixed = HOT_MB[name] - int(found.rows * code_bytes(found.dim) / MEGABYTE)
        yield printed, found.rows * list_bytes(M) / MIB, mixed


def agreeing(pairs: Iterator[tuple[int, float]]) -> tuple[int, int]:
    """Return how many printed figures are the computed ones, cut; and of how many."""
    same = [printed == int(computed) for printed, computed in pairs]
    return sum(same), len(same)


def printed_codes() -> Iterator[tuple[int, float]]:
    """Yield the printed bytes of codes beside two bits a coordinate, in 10^6 bytes."""
    for name, printed in CODE_MB.items():
        found = data_set(name)
        yield printed, found.rows * code_bytes(found.dim) / MEGABYTE
