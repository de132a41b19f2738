"""Layout: where every byte of a ``.quiver`` file lies.

A prefix of 64 bytes, a JSON header, a table of sections, then the sections. The
header decides the whole table but for the checksums, so a reader compares the table
with the one it expects instead of trusting it: offsets cannot overlap, products
cannot overflow, and no byte is left unused. Told byte by byte in ``docs/format.md``.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quiver._typing import Distances, Mask
from quiver.reference.codes import CACHE_LINE
from quiver.reference.masks import n_words
from quiver.storage import version1
from quiver.storage.header import BUILT_VERSION, Header

MAGIC = b"\x89QVR\r\n\x1a\n"
"""Like PNG's: a byte above 127 and both line ends expose transfers as text."""

ENDIAN_MARK = 0x0102_0304
PREFIX = struct.Struct("<8sIIIIQII20xI")
ENTRY = struct.Struct("<16s4sIQQQQII")
MAX_HEADER_BYTES = 1 << 20

ALIGNMENT = 64
"""Sections start a cache line, so that mapped rows serve a kernel as they are."""

COLD_ALIGNMENT = 4096
"""Vectors start a page: a row of 1 024 float32 then costs one page, not two."""

ITEM_BYTES = {"u1": 1, "i1": 1, "u4": 4, "i8": 8, "f4": 4, "f2": 2}
"""Size of each dtype; all but bytes are stored with a leading ``<``."""

_COLD_ITEMS = {"float32": "f4", "float16": "f2", "uint8": "u1", "int8": "i1"}

_LATER = {"entry_points": 2, "unlinked": 2, "live": 3, "build_mean": 3}
"""Sections that version 1 did not have, and which had them first."""


class Section(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    name : str
        ``codes``, ``neighbors``, ``ids``, ``mean``, ``signs``, ``entry_points``,
        ``unlinked``, ``live``, ``build_mean`` or ``vectors``.
    dtype : str
        ``u1``, ``i1``, ``u4``, ``i8``, ``f4`` or ``f2``, little-endian.
    shape : tuple of int
        One or two lengths.
    offset, length : int
        Bytes from the start of the file, and of the section.
    crc : int
        CRC-32 of those bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    crc: int


class Prefix(NamedTuple):
    """The fixed fields in front, in file order; reserved bytes are left out."""

    magic: bytes
    endian_mark: int
    version: int
    header_length: int
    n_sections: int
    file_size: int
    header_crc: int
    table_crc: int
    prefix_crc: int


def align(offset: int, alignment: int = ALIGNMENT) -> int:
    """Return the first multiple of ``alignment`` not below ``offset``."""
    return alignment * -(-offset // alignment)


def table_offset(header_length: int) -> int:
    """Return where the table starts: after the header, at a multiple of 64."""
    return align(PREFIX.size + header_length)


def plan_sections(header: Header, header_length: int) -> list[Section]:
    """Return the table that a header implies, with every checksum 0."""
    dim, coded_dim = header.dim, header.encoding.coded_dim(header.dim)
    row_bytes = CACHE_LINE * header.encoding.row_lines(dim)
    if header.version == 1:
        row_bytes = version1.row_bytes(dim)
    rounds = 2 if header.encoding.rotate else 0
    shapes: list[tuple[str, str, tuple[int, ...]]] = [
        ("codes", "u1", (header.n, row_bytes)),
        ("neighbors", "u4", (header.n, header.list_width)),
        ("ids", "i8", (header.n,)),
        ("mean", "f4", (dim,)),
        ("signs", "u1", (rounds, -(-coded_dim // 8))),
        ("entry_points", "u4", (header.n_entry_points,)),
        ("unlinked", "u4", (header.n_unlinked, 2)),
        ("live", "u1", (live_bytes(header.n) if header.n_dead else 0,)),
        ("build_mean", "f4", (dim + 1 if header.build_mean else 0,)),
        ("vectors", _COLD_ITEMS[header.cold_dtype], (header.n, header.dim)),
    ]
    shapes = [shape for shape in shapes if _LATER.get(shape[0], 1) <= header.version]
    sections = []
    # Python integers: no forged product can overflow.
    end = table_offset(header_length) + ENTRY.size * len(shapes)
    for name, dtype, shape in shapes:
        offset = align(end, COLD_ALIGNMENT if name == "vectors" else ALIGNMENT)
        length = ITEM_BYTES[dtype]
        for extent in shape:
            length *= extent
        sections.append(Section(name, dtype, shape, offset, length, crc=0))
        end = offset + length
    return sections


def pack_front(
    header_bytes: bytes, sections: list[Section], version: int = BUILT_VERSION
) -> bytes:
    """Return all bytes before the first section's padding."""
    table = b"".join(map(pack_entry, sections))
    last = sections[-1]
    fields = (
        *(MAGIC, ENDIAN_MARK, version, len(header_bytes), len(sections)),
        *(last.offset + last.length, zlib.crc32(header_bytes), zlib.crc32(table)),
    )
    prefix = pack_prefix(Prefix(*fields, prefix_crc=0))
    padding = bytes(table_offset(len(header_bytes)) - PREFIX.size - len(header_bytes))
    return prefix + header_bytes + padding + table


def fingerprint(front: bytes) -> str:
    """Return the SHA-256 of all bytes before the sections: one for each content.

    They hold a checksum of every section and the hash of the vectors.
    """
    return hashlib.sha256(front).hexdigest()


def pack_prefix(prefix: Prefix) -> bytes:
    """Return the 64 bytes of a prefix, with its checksum computed anew."""
    # The last field is the checksum of the bytes before it.
    body = PREFIX.pack(*prefix)[:-4]
    return body + zlib.crc32(body).to_bytes(4, "little")


def pack_entry(section: Section) -> bytes:
    """Return the 64 bytes of one line of the table; an absent extent is 0."""
    rows, columns = (*section.shape, 0)[:2]
    order = "" if ITEM_BYTES[section.dtype] == 1 else "<"
    return ENTRY.pack(
        *(section.name.encode(), (order + section.dtype).encode()),
        *(len(section.shape), rows, columns),
        *(section.offset, section.length, section.crc, 0),
    )


def unpack_entry(raw: bytes) -> Section:
    """Return the line as stored, with names as they are, however wrong."""
    name, dtype, n_axes, rows, columns, offset, length, crc, _ = ENTRY.unpack(raw)
    return Section(
        name.rstrip(b"\0").decode("latin-1"),
        dtype.rstrip(b"\0").decode("latin-1").removeprefix("<"),
        (rows, columns)[: min(n_axes, 2)],
        *(offset, length, crc),
    )


def pack_signs(signs: Distances) -> NDArray[np.uint8]:
    """Return one bit per sign, 1 for -1, lowest bit first."""
    return np.packbits(signs < 0, axis=1, bitorder="little")


def unpack_signs(bits: NDArray[np.uint8], dim: int) -> Distances:
    """Return the +1 and -1 of `pack_signs`, shape (rounds, dim), float32."""
    flipped = np.unpackbits(bits, axis=1, count=dim, bitorder="little")
    return np.where(flipped, np.float32(-1), np.float32(1))


def live_bytes(n: int) -> int:
    """Return the bytes of a bit for each of n rows."""
    return -(-n // 8)


def pack_live(live: Mask | None, n: int) -> NDArray[np.uint8]:
    """Return one bit per row, lowest first; none where all rows are live."""
    if live is None:
        return np.empty(0, dtype=np.uint8)
    return live.astype("<u8", copy=False).view(np.uint8)[: live_bytes(n)]


def unpack_live(packed: NDArray[np.uint8], n: int) -> Mask | None:
    """Return the mask of `pack_live`."""
    if not len(packed):
        return None
    words = np.zeros(8 * n_words(n), dtype=np.uint8)
    words[: len(packed)] = packed
    return words.view("<u8").astype(np.uint64, copy=False)
