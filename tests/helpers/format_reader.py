"""A second reader of ``.quiver`` files: plain Python, nothing of quiver, no NumPy.

It follows ``docs/format.md`` and must accept and refuse exactly what `quiver.open`
does with ``verify="full"``. Slow and short on purpose: an executable form of the page.

Usage: format_reader.py PATH. Prints what the file holds, or the rule that it breaks
and exits with 1.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
import sys
import zlib
from pathlib import Path

PREFIX = struct.Struct("<8sIIIIQII20sI")
ENTRY = struct.Struct("<16s4sIQQQQII")
END = 0xFFFF_FFFF
LIMIT = 10_000_000_272_564_224.0  # float32 nearest to 1e16
TOP_KEYS = {
    *("cold_dtype", "data_sha256", "dim", "encoding", "entry_point"),
    *("metric", "n", "params", "quiver_version"),
}


class Refused(Exception):
    """The bytes are not a sound index file."""


def need(condition: bool, rule: str) -> None:
    if not condition:
        raise Refused(rule)


def align(offset: int, to: int) -> int:
    return (offset + to - 1) // to * to


def is_int(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def real(text: object) -> float:
    try:
        value = float.fromhex(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused(error) from error
    need(math.isfinite(value) and value.hex() == text, "a real is finite, spelt once")
    return value


def read(data: bytes) -> dict[str, object]:
    """Return header and sections (tuples of rows), or raise `Refused`."""
    need(len(data) >= 64, "a prefix of 64 bytes")
    prefix = PREFIX.unpack(data[:64])
    magic, endian, version, header_length, n_sections, size, *crcs = prefix
    header_crc, table_crc, reserved, prefix_crc = crcs
    need(magic == b"\x89QVR\r\n\x1a\n", "the eight magic bytes")
    need(endian == 0x01020304 and version == 1, "little-endian, version 1")
    need(prefix_crc == zlib.crc32(data[:60]) and not any(reserved), "prefix of its CRC")
    need(size == len(data) and 0 < header_length <= 1 << 20, "file of its size")
    raw = data[64 : 64 + header_length]
    need(zlib.crc32(raw) == header_crc, "header of its CRC")
    header = read_header(raw)
    table = align(64 + header_length, 64)
    lines = data[table : table + 64 * n_sections]
    need(n_sections == 6 and zlib.crc32(lines) == table_crc, "table of its CRC")
    contents, used = {}, {*range(64 + header_length), *range(table, table + 384)}
    end = table + 384
    for number, (name, dtype, shape) in enumerate(expected_sections(header)):
        offset = align(end, 4096 if name == "vectors" else 64)
        length = struct.calcsize(dtype) * math.prod(shape)
        line = lines[64 * number : 64 * number + 64]
        crc = ENTRY.unpack(line)[-2]
        dtype_name = {"B": "u1", "I": "<u4", "q": "<i8", "f": "<f4", "e": "<f2"}[dtype]
        two = (*shape, 0)[:2]
        start = (name.encode(), dtype_name.encode(), len(shape), *two, offset, length)
        need(line == ENTRY.pack(*start, crc, 0), f"table line {number}")
        content = data[offset : offset + length]
        is_whole = len(content) == length and zlib.crc32(content) == crc
        need(is_whole, f"{name} of its CRC")
        values = struct.unpack(f"<{length // struct.calcsize(dtype)}{dtype}", content)
        width = shape[1] if len(shape) == 2 else 1
        contents[name] = [
            values[i : i + width] for i in range(0, len(values), width or 1)
        ]
        used.update(range(offset, offset + length))
        end = offset + length
    need(end == size, "nothing after the last section")
    need(not any(data[i] for i in range(size) if i not in used), "padding is zero")
    digest = hashlib.sha256(content).hexdigest()
    need(digest == header["data_sha256"], "vectors of their hash")
    check_meaning(header, contents)
    return {"header": header, **contents}


def read_header(raw: bytes) -> dict:
    try:
        header = json.loads(raw.decode("ascii"))
        spelt = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise Refused(error) from error
    need(isinstance(header, dict) and spelt == raw, "header is canonical")
    need(header.keys() - {"diagnosis"} == TOP_KEYS, "header keys")
    if "diagnosis" in header:
        check_notes(header["diagnosis"])
    need(
        is_int(header["n"], 1, 2**32 - 2) and is_int(header["dim"], 1, 65536), "n, dim"
    )
    need(is_int(header["entry_point"], 0, header["n"] - 1), "entry point")
    need(header["cold_dtype"] in ("float32", "float16"), "cold_dtype")
    need(header["metric"] in ("cosine", "euclidean", "inner_product"), "metric")
    need(text(header["data_sha256"], "[0-9a-f]{64}"), "data_sha256")
    need(text(header["quiver_version"], "[0-9A-Za-z.+!_-]{1,64}"), "quiver_version")
    check_settings(header["params"], header["encoding"])
    kinds = (header["metric"], *map(header["encoding"].get, ("weights", "query")))
    need(kinds != ("inner_product", "corrected", "symmetric"), "metric and encoding")
    return header


def check_notes(notes: object) -> None:
    need(isinstance(notes, dict) and 1 <= len(notes) <= 64, "diagnosis")
    for name, note in notes.items():
        need(text(name, "[a-z0-9_]{1,64}") and text(note, "[ -~]{1,64}"), "a note")


def text(value: object, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def check_settings(params: object, encoding: object) -> None:
    need(isinstance(params, dict) and isinstance(encoding, dict), "settings")
    names = {"alpha", "ef_construction", "max_degree", "prune_rule", "seed"}
    need(params.keys() == names, "params keys")
    need(is_int(params["max_degree"], 2, 512), "max_degree")
    need(is_int(params["ef_construction"], 1, 2**32 - 2), "ef_construction")
    need(is_int(params["seed"], 0, 2**63 - 1), "seed")
    need(1 <= real(params["alpha"]) <= 100, "alpha")
    need(params["prune_rule"] in ("auto", "vamana", "published"), "prune_rule")
    need(encoding.keys() == {"center", "query", "rotate", "weights"}, "encoding keys")
    flags = (encoding["center"], encoding["rotate"])
    need(all(type(flag) is bool for flag in flags), "flags")
    need(encoding["weights"] in ("corrected", "published"), "weights")
    need(encoding["query"] in ("asymmetric", "symmetric"), "query")
    pair = (encoding["weights"], encoding["query"])
    need(pair != ("published", "asymmetric"), "published weights, symmetric query")


def expected_sections(header: dict) -> list[tuple[str, str, tuple[int, ...]]]:
    n, dim = header["n"], header["dim"]
    row = align(32 * -(-dim // 128) + 8, 64)
    return [
        ("codes", "B", (n, row)),
        ("neighbors", "I", (n, header["params"]["max_degree"])),
        ("ids", "q", (n,)),
        ("mean", "f", (dim,)),
        ("signs", "B", (2 * header["encoding"]["rotate"], -(-dim // 8))),
        (
            "vectors",
            "f" if header["cold_dtype"] == "float32" else "e",
            (n, header["dim"]),
        ),
    ]


def check_meaning(header: dict, contents: dict) -> None:
    n, dim, encoding = header["n"], header["dim"], header["encoding"]
    for row in contents["codes"]:
        check_code(row, dim, encoding["weights"] == "corrected", header["metric"])
    for own, row in enumerate(contents["neighbors"]):
        edges = row[: row.index(END)] if END in row else row
        need(all(edge == END for edge in row[len(edges) :]), "no edge after the end")
        need(all(edge < n and edge != own for edge in edges), "edges in range")
        need(len(set(edges)) == len(edges), "edges once")
    ids = [row[0] for row in contents["ids"]]
    need(-1 not in ids and len(set(ids)) == n, "ids unique and none -1")
    for (value,) in contents["mean"]:
        need(abs(value) <= (LIMIT if encoding["center"] else 0), "mean")
    for row in contents["signs"]:
        number = int.from_bytes(bytes(row), "little")
        need(number < 1 << dim, "no sign past the last")
    limit = sys.float_info.max if header["metric"] == "cosine" else LIMIT
    for row in contents["vectors"]:
        need(all(abs(value) <= limit for value in row), "vectors in range")


def check_code(row: tuple[int, ...], dim: int, corrected: bool, metric: str) -> None:
    n_coded = 32 * -(-dim // 128)
    n_weak = 0
    for j in range(4 * n_coded):
        block, within = divmod(j, 128)
        u = row[32 * block + within % 32] >> within // 32 * 2 & 3
        need(j < dim or u == 0, "bits past dim are zero")
        n_weak += u in (1, 2)
    pair = struct.unpack("<2f", bytes(row[n_coded : n_coded + 8]))
    need(all(math.isfinite(x) and x >= 0 for x in pair), "corrections")
    need(metric != "inner_product" or pair[1] == 0, "no bias for inner product")
    need(not any(row[n_coded + 8 :]), "bytes past the corrections are zero")
    if corrected:
        need(n_weak == dim - (dim + 1) // 3, "a third of the coordinates is strong")
    else:
        need(pair == (0.0, 0.0), "published weights have no correction")


def main(path: str) -> None:
    try:
        header = read(Path(path).read_bytes())["header"]
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}")
    except Refused as rule:
        sys.exit(f"{path} breaks a rule: {rule}")
    print(f"{path} is sound: {header['n']} vectors of {header['dim']} dimensions")


if __name__ == "__main__":
    main(*sys.argv[1:])
