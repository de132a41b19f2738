"""Front: what stands before the sections of a file, read and proven.

Sizes are compared with the file before anything is allocated, and checksums are proven
before anything is believed.
"""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import NamedTuple

from quiver.storage.canonical import HeaderError
from quiver.storage.header import FORMAT_VERSION, Header, pack_header, unpack_header
from quiver.storage.layout import (
    ENDIAN_MARK,
    ENTRY,
    MAGIC,
    MAX_HEADER_BYTES,
    PREFIX,
    Prefix,
    Section,
    fingerprint,
    pack_entry,
    pack_front,
    pack_prefix,
    plan_sections,
    table_offset,
    unpack_entry,
)
from quiver.storage.source import SourceFile
from quiver.storage.strangers import recognize


class Front(NamedTuple):
    """What stands before the sections: the header and the table by name."""

    header: Header
    sections: dict[str, Section]


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


def _read_prefix(source: SourceFile) -> Prefix:
    _refuse_strangers(source)
    if source.size < PREFIX.size:
        found = f"a file of {source.size} bytes"
        source.fail("prefix", 0, found, f"at least {PREFIX.size}")
    raw = source.read("prefix", 0, PREFIX.size)
    prefix = Prefix(*PREFIX.unpack(raw))
    readable = f"1 … {FORMAT_VERSION}, the versions this quiver reads"
    longest = f"1 … {MAX_HEADER_BYTES}"
    whole = f"{source.size}, its size: it was cut short or written to"
    length = prefix.header_length
    version = min(max(prefix.version, 1), FORMAT_VERSION)
    # The version comes before the checksum: a later version may place it elsewhere.
    rules: tuple[tuple[str, int, object, object, str], ...] = (
        ("magic", 0, prefix.magic, MAGIC, repr(MAGIC)),
        ("endian mark", 8, prefix.endian_mark, ENDIAN_MARK, "little-endian 0x01020304"),
        ("format version", 12, prefix.version, version, readable),
        ("CRC-32", 60, prefix.prefix_crc, zlib.crc32(raw[:60]), "that of the bytes"),
        ("reserved", 40, raw, pack_prefix(prefix), "zeros"),
        ("file size", 24, prefix.file_size, source.size, whole),
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
