"""Invariants: what every array of an index must satisfy before a kernel follows it.

Each function returns the first fault or None, so that a reader can name the byte and
a check can print a line. With these proven, kernels need no bounds tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import (
    AnyArray,
    Distances,
    Ids,
    Mask,
    Metric,
    Neighbors,
    Unlinked,
)
from quiver.params import Encoding
from quiver.reference.codes import (
    CACHE_LINE,
    CORRECTION_BYTES,
    Codes,
    n_strong,
)
from quiver.reference.encode import pack
from quiver.reference.keys import NO_ID, NO_RESULT
from quiver.reference.masks import is_marked
from quiver.validation.arrays import MAX_MAGNITUDE

BLOCK_ROWS = 1 << 15
"""Rows checked at a time, so that a check needs little memory of its own."""

_HIGH_BITS = np.uint64(0xAAAA_AAAA_AAAA_AAAA)


class Fault(NamedTuple):
    """The first place where a rule is broken.

    Attributes
    ----------
    row, column : int
        Place in the array as stored.
    found, expected : str
        The value there and the rule.
    """

    row: int
    column: int
    found: str
    expected: str


def neighbors_fault(neighbors: Neighbors) -> Fault | None:
    """Return the first edge out of range, to itself, repeated or after an end."""
    n = len(neighbors)
    rules: tuple[tuple[str, Callable[[Neighbors, Ids], NDArray[np.bool_]]], ...] = (
        (f"below n = {n} or the end mark", lambda row, _: (row >= n) & (row != NO_ID)),
        ("no edge after the end mark", _edge_after_end),
        ("no edge from a row to itself", lambda row, own: row == own[:, None]),
        ("every neighbour once", _repeated),
    )
    for start, block in _blocks(neighbors):
        own = np.arange(start, start + len(block), dtype=np.uint32)
        for expected, breaks in rules:
            if fault := _first(block, breaks(block, own), expected):
                return fault._replace(row=fault.row + start)
    return None


def codes_fault(codes: Codes, metric: Metric) -> Fault | None:
    """Return the first byte that no encoder writes.

    Bits past the last coordinate are zero; corrections are finite
    and not negative, and zero with published weights; the bias is zero for inner
    product; corrected codes of 2 bits have a constant number of
    strong coordinates.
    """
    # Kernels count padding bits as agreeing: one set bit would change distances.
    used = _used_bits(codes)
    for start, rows in _blocks(codes.rows):
        block = codes._replace(rows=rows)
        corrections = block.corrections
        faults = (
            _first(rows, (rows & ~used) != 0, "zero in bits that hold nothing"),
            _first(corrections, ~_in_range(block, metric), "a correction in its range"),
            _strong_fault(block),
        )
        places = ((0, 1), (0, 4), (0, 1))
        for fault, (first, width) in zip(faults, places, strict=True):
            if fault is not None:
                column = first + fault.column * width
                return fault._replace(row=fault.row + start, column=column)
    return None


def ids_fault(ids: NDArray[np.int64], live: Mask | None = None) -> Fault | None:
    """Return the first id that is -1, or repeated among live rows."""
    if fault := _first(ids[:, None], ids[:, None] == NO_RESULT, "an id other than -1"):
        return fault
    # The default ids ascend: no need to sort them.
    if (ids[1:] > ids[:-1]).all():
        return None
    order = np.argsort(ids, kind="stable")
    if live is not None:
        order = order[is_marked(live, order.astype(np.uint32))]
    repeated = np.zeros(len(ids), dtype=bool)
    repeated[order[1:]] = ids[order[1:]] == ids[order[:-1]]
    return _first(ids[:, None], repeated[:, None], "every id once")


def live_fault(packed: NDArray[np.uint8], n: int, n_dead: int) -> Fault | None:
    """Return the first byte of the live bits that is set past the last row.

    Or the first of all if there are not as many as the header says.
    """
    bits = np.unpackbits(packed, bitorder="little")
    past = np.flatnonzero(bits[n:])
    if past.size:
        row = (n + int(past[0])) // 8
        return Fault(row, 0, str(packed[row]), "zero in bits past the last row")
    n_live = int(bits.sum())
    expected = f"{n - n_dead} bits set, for {n_dead} of {n} rows were removed"
    return Fault(0, 0, f"{n_live} bits set", expected) if n_live != n - n_dead else None


def entry_points_fault(entry_points: Ids, n: int) -> Fault | None:
    """Return the first entry point that is no row, or is there twice."""
    column = entry_points[:, None]
    if fault := _first(column, column >= n, f"a row below {n}"):
        return fault
    repeated = np.ones(len(entry_points), dtype=bool)
    repeated[np.unique(entry_points, return_index=True)[1]] = False
    return _first(column, repeated[:, None], "every row once")


def unlinked_fault(
    unlinked: Unlinked,
    neighbors: Neighbors,
    entry_points: Ids,
    metric: Metric,
    *,
    lists: bool = True,
) -> Fault | None:
    """Return the first unlinked row that is out of order or linked after all.

    Without ``lists`` no list of neighbours is read, and only the order is looked at.
    """
    if not len(unlinked):
        return None
    n = len(neighbors)
    equal_to, rows = unlinked.T
    outside = unlinked >= n
    if metric == "cosine":
        # The mark of a zero vector, which only there lies at a distance of its own.
        outside[:, 0] &= equal_to != NO_ID
    keys = equal_to.astype(np.uint64) << np.uint64(32) | rows
    outside[1:, 1] |= keys[1:] <= keys[:-1]
    fault = _first(unlinked, outside, "ascending pairs of row numbers")
    if fault is not None or not lists:
        return fault
    is_linked = np.zeros(n + 1, dtype=bool)
    is_linked[entry_points] = True
    for _, block in _blocks(neighbors):
        is_linked[block[block != NO_ID]] = True
    is_linked[rows] |= neighbors[rows, 0] != NO_ID
    is_original = np.zeros(n + 1, dtype=bool)
    is_original[np.minimum(equal_to, n)] = True
    times = np.bincount(rows, minlength=n)
    wrong = np.zeros(unlinked.shape, dtype=bool)
    wrong[:, 1] = is_linked[rows] | is_original[rows] | (times[rows] > 1)
    rule = "once, a row without any edge that no other is equal to"
    return _first(unlinked, wrong, rule)


def mean_fault(mean: Distances, encoding: Encoding) -> Fault | None:
    """Return the first coordinate of a mean that cannot be subtracted."""
    column = mean[:, None]
    limit = np.float32(MAX_MAGNITUDE if encoding.center else 0)
    rule = f"a number within ±{MAX_MAGNITUDE:g}, zero when not centring"
    return _first(column, ~(np.abs(column) <= limit), rule)


def build_mean_fault(build_mean: Distances, encoding: Encoding) -> Fault | None:
    """Return the first number that is none of a mean, or none of a length after it."""
    length = build_mean[-1:, None]
    rule = "a length, finite and not negative"
    fault = _first(length, ~((length >= 0) & np.isfinite(length)), rule)
    if fault is not None:
        fault = fault._replace(row=len(build_mean) - 1)
    return mean_fault(build_mean[:-1], encoding) or fault


def vectors_fault(vectors: AnyArray, metric: Metric) -> Fault | None:
    """Return the first coordinate that a build would refuse; bytes have none."""
    if vectors.dtype.kind != "f":
        return None
    limit = np.inf if metric == "cosine" else np.float32(MAX_MAGNITUDE)
    rule = "a finite number"
    if metric != "cosine":
        rule += f" within ±{MAX_MAGNITUDE:g}"
    for start, block in _blocks(vectors):
        valid = np.isfinite(block) & (np.abs(block) <= limit)
        if fault := _first(block, ~valid, rule):
            return fault._replace(row=fault.row + start)
    return None


def _blocks(array: AnyArray) -> Iterator[tuple[int, AnyArray]]:
    for start in range(0, len(array), BLOCK_ROWS):
        yield start, array[start : start + BLOCK_ROWS]


def _first(values: AnyArray, broken: NDArray[np.bool_], expected: str) -> Fault | None:
    if not broken.any():
        return None
    row, column = np.unravel_index(int(np.argmax(broken)), broken.shape)
    return Fault(int(row), int(column), str(values[row, column]), expected)


def _edge_after_end(block: Neighbors, _own: Ids) -> NDArray[np.bool_]:
    broken = np.zeros(block.shape, dtype=bool)
    broken[:, 1:] = (block[:, 1:] != NO_ID) & (block[:, :-1] == NO_ID)
    return broken


def _repeated(block: Neighbors, _own: Ids) -> NDArray[np.bool_]:
    """Mark a whole row where two neighbours are equal: sorting hides which."""
    # The end mark is the largest id, so ends gather behind all edges.
    ordered = np.sort(block, axis=1)
    equal = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_ID)
    return np.broadcast_to(equal.any(axis=1)[:, None], block.shape)


def _used_bits(codes: Codes) -> NDArray[np.uint8]:
    """Return the bits of a row that may be set."""
    used = np.full(codes.rows.shape[1], 255, dtype=np.uint8)
    lines = codes.rows.shape[1] // CACHE_LINE
    every = np.full((1, codes.dim), (1 << codes.bits) - 1, dtype=np.uint8)
    used[CORRECTION_BYTES:] = pack(every, codes.bits, lines)[0]
    return used


def _in_range(block: Codes, metric: Metric) -> NDArray[np.bool_]:
    """Mark the corrections that an encoder may write."""
    corrections = block.corrections
    valid = np.isfinite(corrections) & (corrections >= 0)
    if block.weights == "published":
        valid &= corrections == 0
    if metric == "inner_product":
        valid[:, 1] &= corrections[:, 1] == 0
    return valid


def _strong_fault(block: Codes) -> Fault | None:
    """Weak coordinates have unequal bits; padding reads as strong."""
    if block.weights == "published" or block.bits > 2:
        return None
    # Within each pair of bits: high ⊕ low, in the high place.
    words = np.ascontiguousarray(block.packed).view(np.uint64)
    unequal = (words ^ (words << np.uint64(1))) & _HIGH_BITS
    n_weak = np.bitwise_count(unequal).sum(axis=1, dtype=np.int64)
    required = block.dim - n_strong(block.dim)
    expected = f"{required} weak coordinates"
    return _first(n_weak[:, None], (n_weak != required)[:, None], expected)
