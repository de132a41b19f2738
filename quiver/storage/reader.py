"""Reader: from an open file to its header, its table and its hot arrays.

Sizes are compared with the file before anything is allocated, checksums are proven
before anything is believed, and every value a kernel will follow is checked before a
kernel can see it.
"""

from __future__ import annotations

import hashlib
import zlib
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Ids, Mask, Neighbors, Unlinked
from quiver.reference.codes import Codes, Transform
from quiver.reference.transform import searched_metric
from quiver.storage import version1
from quiver.storage.header import (
    FORMAT_VERSION,
    Header,
    HeaderError,
    pack_header,
    unpack_header,
)
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
    ENDIAN_MARK,
    ENTRY,
    ITEM_BYTES,
    MAGIC,
    MAX_HEADER_BYTES,
    PREFIX,
    Prefix,
    Section,
    fingerprint,
    pack_entry,
    pack_front,
    pack_prefix,
    pack_signs,
    plan_sections,
    table_offset,
    unpack_entry,
    unpack_live,
    unpack_signs,
)
from quiver.storage.source import SourceFile
from quiver.storage.strangers import recognize

VERIFY_BYTES = 1 << 24
"""Bytes of vectors read at a time when all are verified."""

_HOT = (
    *("codes", "neighbors", "ids", "mean", "signs", "entry_points", "unlinked"),
    *("live", "build_mean"),
)


class Front(NamedTuple):
    """What stands before the sections: the header and the table by name."""

    header: Header
    sections: dict[str, Section]


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


def read_front(source: SourceFile) -> Front:
    """Return header and table, consistent with each other and with the file's size.

    Raises
    ------
    FileFormatError
        If a field, a checksum, a padding byte or a size is wrong.
    """
    prefix = _read_prefix(source)
    header = _read_header(source, prefix)
    plan = plan_sections(header, prefix.header_length)
    sections = _read_table(source, prefix, plan)
    last = sections[-1]
    end = last.offset + last.length
    # From here on every section is known to lie inside the file.
    if not source.size == prefix.file_size == end:
        found = f"{source.size} bytes in the file, {prefix.file_size} in the prefix"
        source.fail("prefix, file size", 24, found, f"{end} in both")
    for before, section in pairwise(sections):
        end = before.offset + before.length
        source.read_zeros(f"section {section.name!r}", end, section.offset)
    return Front(header, {section.name: section for section in sections})


def fingerprint_of_front(front: Front) -> str:
    """Return the `fingerprint` of the file that was read."""
    sections = list(front.sections.values())
    packed = pack_front(pack_header(front.header), sections, front.header.version)
    return fingerprint(packed)


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


def _read_prefix(source: SourceFile) -> Prefix:
    _refuse_strangers(source)
    if source.size < PREFIX.size:
        found = f"a file of {source.size} bytes"
        source.fail("prefix", 0, found, f"at least {PREFIX.size}")
    raw = source.read("prefix", 0, PREFIX.size)
    prefix = Prefix(*PREFIX.unpack(raw))
    readable = f"1 … {FORMAT_VERSION}, the versions this quiver reads"
    longest = f"1 … {MAX_HEADER_BYTES}"
    length = prefix.header_length
    version = min(max(prefix.version, 1), FORMAT_VERSION)
    # The version comes before the checksum: a later version may place it elsewhere.
    rules: tuple[tuple[str, int, object, object, str], ...] = (
        ("magic", 0, prefix.magic, MAGIC, repr(MAGIC)),
        ("endian mark", 8, prefix.endian_mark, ENDIAN_MARK, "little-endian 0x01020304"),
        ("format version", 12, prefix.version, version, readable),
        ("CRC-32", 60, prefix.prefix_crc, zlib.crc32(raw[:60]), "that of the bytes"),
        ("reserved", 40, raw, pack_prefix(prefix), "zeros"),
        ("file size", 24, prefix.file_size, source.size, f"{source.size}, its size"),
        ("header length", 16, length, min(max(length, 1), MAX_HEADER_BYTES), longest),
    )
    for name, offset, value, required, expected in rules:
        if value != required:
            source.fail(f"prefix, {name}", offset, repr(value), expected)
    return prefix


def _refuse_strangers(source: SourceFile) -> None:
    start = source.read("prefix", 0, min(source.size, PREFIX.size))
    stranger = None if start.startswith(MAGIC) else recognize(source.path, start)
    if stranger is not None:
        kind, remedy = stranger
        expected = f"an index that Index.save wrote, starting {MAGIC!r}; {remedy}"
        source.fail("prefix, magic", 0, kind, expected)


def _read_header(source: SourceFile, prefix: Prefix) -> Header:
    raw = source.read("header", PREFIX.size, prefix.header_length)
    source.check_crc("header", PREFIX.size, zlib.crc32(raw), prefix.header_crc)
    try:
        header = unpack_header(raw, prefix.version)
    except HeaderError as error:
        source.fail("header", PREFIX.size, error.found, error.expected, error)
    end = PREFIX.size + len(raw)
    source.read_zeros("section table", end, table_offset(len(raw)))
    return header


def _read_table(
    source: SourceFile, prefix: Prefix, plan: list[Section]
) -> list[Section]:
    start = table_offset(prefix.header_length)
    if prefix.n_sections != len(plan):
        found = f"{prefix.n_sections} sections"
        source.fail("prefix, sections", 20, found, len(plan))
    raw = source.read("section table", start, ENTRY.size * len(plan))
    source.check_crc("section table", start, zlib.crc32(raw), prefix.table_crc)
    sections = []
    for number, planned in enumerate(plan):
        place = number * ENTRY.size
        line = raw[place : place + ENTRY.size]
        found_section = unpack_entry(line)
        # Packed again, the planned line also covers the bytes it leaves zero.
        section = planned._replace(crc=found_section.crc)
        if pack_entry(section) != line:
            part = f"section table, line {number}"
            source.fail(part, start + place, found_section, section)
        sections.append(section)
    return sections
