"""Forging: change parts of an index file and make every checksum right again."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import format_reader


@dataclass
class Forgery:
    """A file taken apart; `pack` puts it together with valid checksums.

    The sections keep their places unless ``entries`` is changed by hand.
    """

    header: dict[str, Any]
    entries: list[list[Any]]
    sections: list[bytearray]
    prefix: dict[str, int] = field(default_factory=dict)
    header_bytes: bytes | None = None
    tail: bytes = b""
    version: int = 2

    @classmethod
    def of(cls, data: bytes) -> Forgery:
        version, length, n_sections = struct.unpack_from("<3I", data, 12)
        header = json.loads(data[64 : 64 + length])
        table = format_reader.align(64 + length, 64)
        entries = [
            list(format_reader.ENTRY.unpack_from(data, table + 64 * i))
            for i in range(n_sections)
        ]
        sections = [bytearray(data[line[5] : line[5] + line[6]]) for line in entries]
        return cls(header, entries, sections, version=version)

    def section(self, name: str) -> bytearray:
        names = [line[0].rstrip(b"\0").decode() for line in self.entries]
        return self.sections[names.index(name)]

    def entry(self, name: str) -> list[Any]:
        return next(x for x in self.entries if x[0].rstrip(b"\0").decode() == name)

    def pack(self, *, plan: bool = True, rehash: bool = True) -> bytes:
        """Return the file; with ``plan`` offsets and lengths are computed anew."""
        if rehash:
            digest = hashlib.sha256(self.section("vectors")).hexdigest()
            self.header["data_sha256"] = digest
        header = self.header_bytes or json.dumps(
            self.header, sort_keys=True, separators=(",", ":")
        ).encode("ascii")
        table = format_reader.align(64 + len(header), 64)
        end = table + 64 * len(self.entries)
        body = bytearray()
        for line, content in zip(self.entries, self.sections, strict=False):
            to = 4096 if line[0].startswith(b"vectors") else 64
            offset = format_reader.align(end, to)
            if plan:
                line[5], line[6] = offset, len(content)
            line[7] = zlib.crc32(content)
            body += bytes(offset - end) + content
            end = offset + len(content)
        lines = b"".join(format_reader.ENTRY.pack(*line) for line in self.entries)
        fields = {
            "magic": b"\x89QVR\r\n\x1a\n",
            "endian": 0x01020304,
            "version": self.version,
            "header_length": len(header),
            "n_sections": len(self.entries),
            "file_size": end + len(self.tail),
            "header_crc": zlib.crc32(header),
            "table_crc": zlib.crc32(lines),
            "reserved": b"",
            **self.prefix,
        }
        front = format_reader.PREFIX.pack(*fields.values(), 0)[:60]
        front += zlib.crc32(front).to_bytes(4, "little")
        gap = bytes(table - 64 - len(header))
        return front + header + gap + lines + bytes(body) + self.tail
