"""Reader: from an open file and its front to its arrays.

Every value a kernel will follow is checked before a kernel can see it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import AnyArray, Distances, Ids, Mask, Neighbors, Unlinked
from quiver.reference.codes import Codes, Transform
from quiver.reference.transform import searched_metric
from quiver.storage import version1
from quiver.storage.front import Front
from quiver.storage.header import Header
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
from quiver.storage.layout import (
    ITEM_BYTES,
    Section,
    pack_signs,
    unpack_live,
    unpack_signs,
)
from quiver.storage.mapped import MappedFile
from quiver.storage.source import SourceFile

VERIFY_BYTES = 1 << 24
"""Bytes of vectors read at a time when all are verified."""

_HOT = (
    *("codes", "neighbors", "ids", "mean", "signs", "entry_points", "unlinked"),
    *("live", "build_mean"),
)


class HotParts(NamedTuple):
    """Everything that is wanted in memory while searching."""

    codes: Codes
    neighbors: Neighbors
    ids: NDArray[np.int64]
    transform: Transform
    entry_points: Ids
    unlinked: Unlinked
    live: Mask | None
    build_mean: Distances | None


def mappable(front: Front) -> list[Section]:
    """Return the sections that kernels read as they lie in a file.

    They are nearly all that is hot. Codes of version 1 are not among them: they are
    laid out anew.
    """
    names = ("codes", "neighbors", "ids")[front.header.version == 1 :]
    return [front.sections[name] for name in names]


def read_hot(
    source: SourceFile,
    front: Front,
    mapped: MappedFile | None = None,
    *,
    trusted: bool = False,
) -> HotParts:
    """Return codes, graph, ids and transform, each proven fit for a kernel.

    What a mapping holds stays there, and is not read at all if it is ``trusted``.

    Raises
    ------
    FileFormatError
        If a section is damaged or breaks a rule of its meaning; the message names
        the byte.
    """
    header = front.header
    arrays = {
        name: _hot_array(source, front.sections[name], mapped, trusted=trusted)
        for name in _HOT
        if name in front.sections
    }
    unread = [section.name for section in mapped.hot] if mapped and trusted else []
    only = np.array([header.entry_point], dtype=np.uint32)
    signs = unpack_signs(arrays["signs"], header.encoding.coded_dim(header.dim))
    parts = HotParts(
        codes=_codes(source, front, arrays["codes"]),
        neighbors=arrays["neighbors"],
        ids=arrays["ids"],
        transform=Transform(searched_metric(header.metric), arrays["mean"], signs),
        entry_points=arrays.get("entry_points", only),
        unlinked=arrays.get("unlinked", np.empty((0, 2), dtype=np.uint32)),
        live=unpack_live(arrays.get("live", np.empty(0, dtype=np.uint8)), header.n),
        build_mean=arrays["build_mean"] if header.build_mean else None,
    )
    for name, fault in _faults(parts, arrays, header, unread):
        if fault is not None:
            section = front.sections[name]
            place = fault.row * (section.length // section.shape[0])
            offset = section.offset + place + fault.column * arrays[name].itemsize
            part = f"section {name!r}, row {fault.row}"
            source.fail(part, offset, fault.found, fault.expected)
    # Unpacking drops the bits past the last sign; packing again shows them.
    if pack_signs(signs).tobytes() != arrays["signs"].tobytes():
        offset = front.sections["signs"].offset
        source.fail("section 'signs'", offset, "bits past the last", "zeros")
    return parts


def _hot_array(
    source: SourceFile, section: Section, mapped: MappedFile | None, *, trusted: bool
) -> AnyArray:
    """Return a section, its checksum proven unless it is mapped and trusted."""
    if mapped is None or section not in mapped.hot:
        return source.read_section(section)
    if not trusted:
        part = f"section {section.name!r}"
        source.check_crc(part, section.offset, mapped.crc(section), section.crc)
    return mapped.array(section)


def _faults(
    parts: HotParts, arrays: dict[str, AnyArray], header: Header, unread: list[str]
) -> Iterator[tuple[str, Fault | None]]:
    """Yield what is wrong with each section but those not to be read."""
    metric, encoding = header.metric, header.encoding
    if "codes" not in unread:
        yield "codes", codes_fault(parts.codes, metric)
    if "neighbors" not in unread:
        yield "neighbors", neighbors_fault(parts.neighbors)
    yield "entry_points", entry_points_fault(parts.entry_points, header.n)
    if parts.live is not None:
        yield "live", live_fault(arrays["live"], header.n, header.n_dead)
    if "ids" not in unread:
        yield "ids", ids_fault(parts.ids, parts.live)
    graph = parts.neighbors, parts.entry_points, metric
    lists = "neighbors" not in unread
    yield "unlinked", unlinked_fault(parts.unlinked, *graph, lists=lists)
    yield "mean", mean_fault(parts.transform.mean, encoding)
    if parts.build_mean is not None:
        yield "build_mean", build_mean_fault(parts.build_mean, encoding)


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
