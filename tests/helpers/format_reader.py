"""A second reader of ``.quiver`` files: plain Python, nothing of quiver, no NumPy.

It follows ``docs/format.md``, versions 1 to 3, and must accept and refuse exactly what
`quiver.open` does with ``verify="full"``. Slow and short on purpose: an executable form
of the page.

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
from itertools import pairwise
from pathlib import Path

PREFIX = struct.Struct("<8sIIIIQII20sI")
ENTRY = struct.Struct("<16s4sIQQQQII")
END = 0xFFFF_FFFF
DTYPES = {
    "B": "u1",
    "b": "i1",
    "I": "<u4",
    "q": "<i8",
    "f": "<f4",
    "e": "<f2",
}
COLD_DTYPES = {"float32": "f", "float16": "e", "uint8": "B", "int8": "b"}
LIMIT = 10_000_000_272_564_224.0  # float32 nearest to 1e16
TOP_KEYS = {
    *("cold_dtype", "data_sha256", "dim", "encoding"),
    *("metric", "n", "params", "quiver_version"),
}
LATER_KEYS = {1: {"entry_point"}, 2: {"n_entry_points", "n_unlinked"}}
LATER_KEYS[3] = LATER_KEYS[2] | {"build_mean", "changes", "n_dead", "width"}

PARAMS_KEYS = {"alpha", "ef_construction", "max_degree", "prune_rule", "seed"}
ENCODING_KEYS = {"center", "query", "rotate", "weights"}


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
    need(endian == 0x01020304 and version in (1, 2, 3), "little-endian, version 1 … 3")
    need(prefix_crc == zlib.crc32(data[:60]) and not any(reserved), "prefix of its CRC")
    need(size == len(data) and 0 < header_length <= 1 << 20, "file of its size")
    raw = data[64 : 64 + header_length]
    need(zlib.crc32(raw) == header_crc, "header of its CRC")
    header = read_header(raw, version)
    table = align(64 + header_length, 64)
    lines = data[table : table + 64 * n_sections]
    sections = expected_sections(header, version)
    is_table = n_sections == len(sections) and zlib.crc32(lines) == table_crc
    need(is_table, "table of its CRC")
    end = table + len(lines)
    contents, used = {}, {*range(64 + header_length), *range(table, end)}
    for number, (name, dtype, shape) in enumerate(sections):
        offset = align(end, 4096 if name == "vectors" else 64)
        length = struct.calcsize(dtype) * math.prod(shape)
        line = lines[64 * number : 64 * number + 64]
        crc = ENTRY.unpack(line)[-2]
        dtype_name = DTYPES[dtype]
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
    check_meaning(header, contents, version)
    return {"header": header, **contents}


def read_header(raw: bytes, version: int) -> dict:
    try:
        header = json.loads(raw.decode("ascii"))
        spelled = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise Refused(error) from error
    need(isinstance(header, dict) and spelled == raw, "header is canonical")
    need(header.keys() - {"diagnosis"} == TOP_KEYS | LATER_KEYS[version], "header keys")
    if "diagnosis" in header:
        check_notes(header["diagnosis"])
    least = int(version < 3)
    need(is_int(header["n"], least, 2**32 - 2), "n")
    need(is_int(header["dim"], 1, 65536), "dim")
    n = header["n"]
    if version == 1:
        need(is_int(header["entry_point"], 0, n - 1), "entry point")
    else:
        need(is_int(header["n_entry_points"], least, n), "n_entry_points")
        need(is_int(header["n_unlinked"], 0, n - least), "n_unlinked")
    known = [*COLD_DTYPES][: 2 * version]
    need(header["cold_dtype"] in known, "cold_dtype")
    need(header["metric"] in ("cosine", "euclidean", "inner_product"), "metric")
    need(text(header["data_sha256"], "[0-9a-f]{64}"), "data_sha256")
    need(text(header["quiver_version"], "[0-9A-Za-z.+!_-]{1,64}"), "quiver_version")
    check_settings(header["params"], header["encoding"], version)
    if version >= 2:
        check_layout(header["dim"], header["encoding"])
    if version == 3:
        check_changes(header)
    kinds = (header["metric"], *map(header["encoding"].get, ("weights", "query")))
    need(kinds != ("inner_product", "corrected", "symmetric"), "metric and encoding")
    return header


def check_changes(header: dict) -> None:
    degree = header["params"]["max_degree"]
    need(is_int(header["width"], degree, degree * 13 // 10), "width")
    need(is_int(header["n_dead"], 0, header["n"]), "n_dead")
    need(is_int(header["changes"], 0, 2**63 - 1), "changes")
    need(type(header["build_mean"]) is bool, "build_mean")
    need(not header["build_mean"] or header["metric"] == "inner_product", "build_mean")


def check_notes(notes: object) -> None:
    need(isinstance(notes, dict) and 1 <= len(notes) <= 64, "diagnosis")
    for name, note in notes.items():
        need(text(name, "[a-z0-9_]{1,64}") and text(note, "[ -~]{1,64}"), "a note")


def text(value: object, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def check_settings(params: object, encoding: object, version: int) -> None:
    need(isinstance(params, dict) and isinstance(encoding, dict), "settings")
    added = ({"beta"}, {"bits", "fill", "lines"}) if version > 1 else (set(), set())
    need(params.keys() == PARAMS_KEYS | added[0], "params keys")
    need(encoding.keys() == ENCODING_KEYS | added[1], "encoding keys")
    need(is_int(params["max_degree"], 2, 512), "max_degree")
    need(is_int(params["ef_construction"], 1, 2**32 - 2), "ef_construction")
    need(is_int(params["seed"], 0, 2**63 - 1), "seed")
    need(1 <= real(params["alpha"]) <= 100, "alpha")
    need("beta" not in params or 0 <= real(params["beta"]) <= 1, "beta")
    need(
        params["prune_rule"] in ("auto", "vamana", "strict_first", "published"),
        "prune_rule",
    )
    flags = (encoding["center"], encoding["rotate"])
    need(all(type(flag) is bool for flag in flags), "flags")
    need(encoding["weights"] in ("corrected", "published"), "weights")
    need(encoding["query"] in ("asymmetric", "symmetric"), "query")
    pair = (encoding["weights"], encoding["query"])
    need(pair != ("published", "asymmetric"), "published weights, symmetric query")


def check_layout(dim: int, encoding: dict) -> None:
    bits, lines = encoding["bits"], encoding["lines"]
    need(type(encoding["fill"]) is bool, "fill")
    need(type(bits) is int and bits in (2, 4, 8), "bits")
    need(bits == 2 or encoding["weights"] == "corrected", "published weights, 2 bits")
    need(is_int(lines, 0, least_lines(65536, 8)), "lines")
    need(lines == 0 or is_filled(encoding), "lines only where they are filled")
    need(lines == 0 or lines >= least_lines(dim, bits), "lines that hold a vector")


def least_lines(dim: int, bits: int) -> int:
    return align(8 + -(-dim * bits // 8), 64) // 64


def is_filled(encoding: dict) -> bool:
    switches = encoding["fill"] and encoding["rotate"]
    return switches and encoding["weights"] == "corrected"


def row_layout(header: dict, version: int) -> tuple[int, int, int]:
    """Return the bytes of a row, its coded dimensions and the bits of each."""
    dim, encoding = header["dim"], header["encoding"]
    if version == 1:
        return align(32 * -(-dim // 128) + 8, 64), dim, 2
    bits = encoding["bits"]
    row = 64 * (encoding["lines"] or least_lines(dim, bits))
    return row, (row - 8) * 8 // bits if is_filled(encoding) else dim, bits


def expected_sections(
    header: dict, version: int
) -> list[tuple[str, str, tuple[int, ...]]]:
    n, dim = header["n"], header["dim"]
    row, coded_dim, _ = row_layout(header, version)
    rounds = 2 * header["encoding"]["rotate"]
    later: list[tuple[str, str, tuple[int, ...]]] = []
    if version >= 2:
        later = [
            ("entry_points", "I", (header["n_entry_points"],)),
            ("unlinked", "I", (header["n_unlinked"], 2)),
        ]
    if version == 3:
        later += [
            ("live", "B", (-(-n // 8) if header["n_dead"] else 0,)),
            ("build_mean", "f", (dim + 1 if header["build_mean"] else 0,)),
        ]
    width = header["width"] if version == 3 else header["params"]["max_degree"]
    return [
        ("codes", "B", (n, row)),
        ("neighbors", "I", (n, width)),
        ("ids", "q", (n,)),
        ("mean", "f", (dim,)),
        ("signs", "B", (rounds, -(-coded_dim // 8))),
        *later,
        ("vectors", COLD_DTYPES[header["cold_dtype"]], (n, dim)),
    ]


def check_meaning(header: dict, contents: dict, version: int) -> None:
    n, encoding = header["n"], header["encoding"]
    _, coded_dim, bits = row_layout(header, version)
    split = split_version_1 if version == 1 else split_row
    for row in contents["codes"]:
        u, pair, empty = split(row, coded_dim, bits)
        need(not any(empty), "bits that hold nothing are zero")
        check_corrections(pair, encoding["weights"], header["metric"])
        if bits == 2 and encoding["weights"] == "corrected":
            n_weak = sum(value in (1, 2) for value in u)
            strong = (coded_dim + 1) // 3
            need(n_weak == coded_dim - strong, "a third of the coordinates is strong")
    for own, row in enumerate(contents["neighbors"]):
        edges = row[: row.index(END)] if END in row else row
        need(all(edge == END for edge in row[len(edges) :]), "no edge after the end")
        need(all(edge < n and edge != own for edge in edges), "edges in range")
        need(len(set(edges)) == len(edges), "edges once")
    if version >= 2:
        check_entries(n, header["metric"], contents)
    ids = [row[0] for row in contents["ids"]]
    live = live_marks(header, contents) if version == 3 else [True] * n
    live_ids = [number for number, is_live in zip(ids, live, strict=True) if is_live]
    need(-1 not in ids, "no id is -1")
    need(len(set(live_ids)) == len(live_ids), "ids of live rows unique")
    *build_mean, (length,) = contents.get("build_mean") or [(0.0,)]
    need(0 <= length <= sys.float_info.max, "build_mean")
    for (value,) in (*contents["mean"], *build_mean):
        need(abs(value) <= (LIMIT if encoding["center"] else 0), "mean")
    for row in contents["signs"]:
        number = int.from_bytes(bytes(row), "little")
        need(number < 1 << coded_dim, "no sign past the last")
    limit = sys.float_info.max if header["metric"] == "cosine" else LIMIT
    for row in contents["vectors"]:
        need(all(abs(value) <= limit for value in row), "vectors in range")


def live_marks(header: dict, contents: dict) -> list[bool]:
    n, n_dead = header["n"], header["n_dead"]
    if not n_dead:
        return [True] * n
    bits = [byte >> place & 1 for (byte,) in contents["live"] for place in range(8)]
    need(not any(bits[n:]), "no live bit past the last row")
    need(sum(bits) == n - n_dead, "as many live bits as n less n_dead")
    return [bool(bit) for bit in bits[:n]]


def check_entries(n: int, metric: str, contents: dict) -> None:
    entries = [row[0] for row in contents["entry_points"]]
    need(all(entry < n for entry in entries), "entry points in range")
    need(len(set(entries)) == len(entries), "entry points once")
    pairs, lists = contents["unlinked"], contents["neighbors"]
    ranges = all(
        (equal < n or (equal == END and metric == "cosine")) and row < n
        for equal, row in pairs
    )
    need(ranges and all(a < b for a, b in pairwise(pairs)), "unlinked pairs ascend")
    need(len({row for _, row in pairs}) == len(pairs), "unlinked rows once")
    originals = {equal for equal, _ in pairs}
    linked = {*entries, *(edge for row in lists for edge in row)}
    for _, row in pairs:
        need(row not in originals | linked, "nothing leads to an unlinked row")
        need(lists[row][0] == END, "an unlinked row leads to nothing")


def split_row(row: tuple[int, ...], dim: int, bits: int) -> tuple:
    """Return u of every coordinate, the corrections, and what must be zero."""
    code = row[8:]
    places = range(8 // bits * len(code))
    values = [code[j % len(code)] >> j // len(code) * bits for j in places]
    u = [value & (1 << bits) - 1 for value in values]
    return u[:dim], struct.unpack("<2f", bytes(row[:8])), u[dim:]


def split_version_1(row: tuple[int, ...], dim: int, _bits: int) -> tuple:
    """Return the same of a row in blocks of 128 dimensions, corrections behind."""
    width = 32 * -(-dim // 128)
    u = []
    for j in range(4 * width):
        block, within = divmod(j, 128)
        u.append(row[32 * block + within % 32] >> within // 32 * 2 & 3)
    pair = struct.unpack("<2f", bytes(row[width : width + 8]))
    return u[:dim], pair, (*u[dim:], *row[width + 8 :])


def check_corrections(pair: tuple[float, float], weights: str, metric: str) -> None:
    need(all(math.isfinite(x) and x >= 0 for x in pair), "corrections")
    need(metric != "inner_product" or pair[1] == 0, "no bias for inner product")
    if weights == "published":
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
