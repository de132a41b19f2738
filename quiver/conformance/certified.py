"""Certified: a certificate as a file, and every rule of the file checked in reading it.

Canonical JSON (see `quiver.storage.canonical`) of one version, told in
``docs/auditing.md``.
"""

from __future__ import annotations

from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

from quiver.conformance.certificate import Certificate, Proven
from quiver.errors import FileFormatError, QuiverError
from quiver.storage.atomic import os_errors, replacing, write_all
from quiver.storage.canonical import HeaderError, canonical, expect_keys, matches, parse
from quiver.validation.checks import check_int

FORMAT, FORMAT_VERSION = "quiver certificate", 1
MAX_BYTES = 1 << 20
MAX_ENTRIES = 256

_SHA256 = "[0-9a-f]{64}"
_NAME, _WORDS = "[A-Za-z0-9_.-]{1,64}", "[ -~]{0,400}"


def write_certificate(path: str | PathLike[str], certificate: Certificate) -> None:
    """Write a certificate, the old file or the new one whole.

    Raises
    ------
    LockError, FileAccessError
        As `quiver.Index.save`.
    """
    with replacing(Path(path)) as fd:
        write_all(fd, pack(certificate))


def read_certificate(path: str | PathLike[str]) -> Certificate:
    """Read a certificate.

    Raises
    ------
    FileAccessError
        If the file cannot be read.
    FileFormatError
        If it breaks a rule of the format, which is named.
    """
    with os_errors("read", Path(path)), Path(path).open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    try:
        return unpack(raw)
    except HeaderError as error:
        msg = (
            f"{path} is no certificate of this version of quiver: expected "
            f"{error.expected}, found {str(error.found)[:80]!r}. Remedy: write it anew "
            "with `quiver verify --certificate`"
        )
        raise FileFormatError(msg) from error


def pack(certificate: Certificate) -> bytes:
    """Return the one spelling of a certificate."""
    fields = {"format": FORMAT, "version": FORMAT_VERSION, **asdict(certificate)}
    fields["backends"] = list(fields["backends"])
    return canonical(fields) + b"\n"


def unpack(raw: bytes) -> Certificate:
    """Return the certificate that is spelled so, or raise `HeaderError`."""
    if len(raw) > MAX_BYTES:
        raise HeaderError(len(raw), f"at most {MAX_BYTES} bytes")
    if not raw.endswith(b"\n"):
        raise HeaderError(raw[-20:], "a line that ends, so that the file is not cut")
    fields = parse(raw[:-1])
    if fields.pop("format", None) != FORMAT:
        raise HeaderError(sorted(fields), f"the format {FORMAT!r}")
    version = fields.pop("version", None)
    if type(version) is not int or version != FORMAT_VERSION:
        raise HeaderError(version, f"version {FORMAT_VERSION}; update quiver")
    expect_keys(fields, tuple(Certificate.__dataclass_fields__), "the certificate")
    return Certificate(
        surroundings=_texts(fields, "surroundings", _WORDS),
        seed=_number("seed", fields["seed"], 0, 2**63 - 1),
        rounds=_number("rounds", fields["rounds"], 1, 10**9),
        inputs=_texts(fields, "inputs", _SHA256),
        answers=_texts(fields, "answers", _SHA256),
        backends=_backends(fields["backends"]),
    )


def _texts(fields: dict[str, Any], name: str, pattern: str) -> dict[str, str]:
    texts = fields[name]
    if not isinstance(texts, dict) or not 1 <= len(texts) <= MAX_ENTRIES:
        raise HeaderError(texts, f"{name} with 1 … {MAX_ENTRIES} texts by name")
    for key, text in texts.items():
        if not (matches(_NAME, key) and matches(pattern, text)):
            raise HeaderError({key: text}, f"in {name} texts of the form {pattern}")
    return texts


def _backends(entries: Any) -> tuple[Proven, ...]:
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise HeaderError(entries, f"a list of at most {MAX_ENTRIES} backends")
    proven = tuple(map(_backend, entries))
    if len({one.backend for one in proven}) < len(proven):
        raise HeaderError(entries, "no backend named twice")
    return proven


def _backend(fields: Any) -> Proven:
    expect_keys(fields, tuple(Proven.__dataclass_fields__), "a backend")
    for name, pattern in (
        *(("backend", _NAME), ("target", _NAME)),
        ("kernels", f"{_SHA256}|unknown"),
    ):
        if not matches(pattern, fields[name]):
            raise HeaderError(fields[name], f"{name} of the form {pattern}")
    _number("mismatches", fields["mismatches"], 0, 2**63 - 1)
    return Proven(**fields)


def _number(name: str, value: Any, low: int, high: int) -> int:
    try:
        return check_int(name, value, low, high)
    except QuiverError as error:
        raise HeaderError(value, f"{name} in {low} … {high}") from error
