"""Reader: from an open file and its front to its arrays.

Every value a kernel will follow is checked before a kernel can see it.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Mask, Neighbors, Unlinked
from quiver.reference.codes import Codes, Transform
from quiver.reference.transform import searched_metric
from quiver.storage import version1
from quiver.storage.front import Front
from quiver.storage.invariants import (
    Fault,
    build_mean_fault,
    codes_fault,
    entry_points_fault,
    ids_fault,
    live_fault,
    mean_fault,
    neighbors_fault,
    unlinked_fault,
    vectors_fault,
)
from quiver.storage.layout import ITEM_BYTES, pack_signs, unpack_live, unpack_signs
from quiver.storage.source import SourceFile

VERIFY_BYTES = 1 << 24
"""Bytes of vectors read at a time when all are verified."""

_HOT = (
    *("codes", "neighbors", "ids", "mean", "signs", "entry_points", "unlinked"),
    *("live", "build_mean"),
)


class HotParts(NamedTuple):
    """Everything that lives in memory while searching."""

    codes: Codes
    neighbors: Neighbors
    ids: NDArray[np.int64]
    transform: Transform
    entry_points: Ids
    unlinked: Unlinked
    live: Mask | None
    build_mean: Distances | None


def read_hot(source: SourceFile, front: Front) -> HotParts:
    """Return codes, graph, ids and transform, each proven fit for a kernel.

    Raises
    ------
    FileFormatError
        If a section is damaged or breaks a rule of its meaning; the message names
        the byte.
    """
    header = front.header
    sections = {name: front.sections[name] for name in _HOT if name in front.sections}
    arrays = {name: source.read_section(sections[name]) for name in sections}
    only = np.array([header.entry_point], dtype=np.uint32)
    entry_points = arrays.get("entry_points", only)
    unlinked = arrays.get("unlinked", np.empty((0, 2), dtype=np.uint32))
    codes = _codes(source, front, arrays["codes"])
    signs = unpack_signs(arrays["signs"], header.encoding.coded_dim(header.dim))
    transform = Transform(searched_metric(header.metric), arrays["mean"], signs)
    live = unpack_live(arrays.get("live", np.empty(0, dtype=np.uint8)), header.n)
    build_mean = arrays["build_mean"] if header.build_mean else None

    def raise_if(fault: Fault | None, name: str) -> None:
        if fault is not None:
            section = front.sections[name]
            itemsize = arrays[name].itemsize
            place = fault.row * (section.length // section.shape[0])
            offset = section.offset + place + fault.column * itemsize
            part = f"section {name!r}, row {fault.row}"
            source.fail(part, offset, fault.found, fault.expected)

    raise_if(codes_fault(codes, header.metric), "codes")
    raise_if(neighbors_fault(arrays["neighbors"]), "neighbors")
    raise_if(entry_points_fault(entry_points, header.n), "entry_points")
    if live is not None:
        raise_if(live_fault(arrays["live"], header.n, header.n_dead), "live")
    raise_if(ids_fault(arrays["ids"], live), "ids")
    linked_fault = unlinked_fault(
        unlinked, arrays["neighbors"], entry_points, header.metric
    )
    raise_if(linked_fault, "unlinked")
    raise_if(mean_fault(transform.mean, header.encoding), "mean")
    if build_mean is not None:
        raise_if(build_mean_fault(build_mean, header.encoding), "build_mean")
    # Unpacking drops the bits past the last sign; packing again shows them.
    if pack_signs(signs).tobytes() != arrays["signs"].tobytes():
        offset = front.sections["signs"].offset
        source.fail("section 'signs'", offset, "bits past the last", "zeros")
    return HotParts(
        *(codes, arrays["neighbors"], arrays["ids"], transform),
        *(entry_points, unlinked, live, build_mean),
    )


def _codes(source: SourceFile, front: Front, rows: NDArray[np.uint8]) -> Codes:
    header, encoding = front.header, front.header.encoding
    if header.version > 1:
        coded_dim = encoding.coded_dim(header.dim)
        return Codes(rows, coded_dim, encoding.bits, encoding.weights)
    if stray := version1.first_stray(rows, header.dim):
        row, column = stray
        offset = front.sections["codes"].offset + row * rows.shape[1] + column
        found, expected = rows[row, column], "zero in bits that hold nothing"
        source.fail(f"section 'codes', row {row}", offset, found, expected)
    return version1.to_lines(rows, header.dim, encoding.weights)


def verify_vectors(source: SourceFile, front: Front) -> None:
    """Read all vectors once, in blocks, and prove checksum, hash and finiteness.

    Raises
    ------
    FileFormatError
        If one of the three fails.
    """
    section = front.sections["vectors"]
    n, dim = section.shape
    row_bytes = dim * ITEM_BYTES[section.dtype]
    part, crc, digest = "section 'vectors'", 0, hashlib.sha256()
    block_rows = max(1, VERIFY_BYTES // row_bytes)
    for start in range(0, n, block_rows):
        n_bytes = min(block_rows, n - start) * row_bytes
        offset = section.offset + start * row_bytes
        raw = source.read(part, offset, n_bytes)
        crc = zlib.crc32(raw, crc)
        digest.update(raw)
        block = np.frombuffer(raw, dtype="<" + section.dtype).reshape(-1, dim)
        if fault := vectors_fault(block, front.header.metric):
            place = offset + fault.row * row_bytes + fault.column * block.itemsize
            source.fail(part, place, fault.found, fault.expected)
    source.check_crc(part, section.offset, crc, section.crc)
    if digest.hexdigest() != front.header.data_sha256:
        expected = f"{front.header.data_sha256} as in the header"
        source.fail(part, section.offset, digest.hexdigest(), expected)
