"""Canonical: JSON in one spelling only, and what is read from it.

Sorted keys, no spaces, ASCII, and nothing but objects, strings, integers and booleans;
reals are exact hexadecimal strings. What does not encode back to its own bytes is
refused, which rules out duplicate keys, NaN, rounding and any two readers disagreeing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_NOTES = 64
"""Most entries of a diagnosis."""


class HeaderError(Exception):
    """A rule of the header is broken; the reader adds file and offset."""

    def __init__(self, found: object, expected: str) -> None:
        super().__init__(found, expected)
        self.found = found
        self.expected = expected


def canonical(fields: dict[str, Any]) -> bytes:
    """Return the one spelling of an object."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def parse(raw: bytes) -> dict[str, Any]:
    """Return the object that is spelled so, or raise."""
    # RecursionError: nesting far deeper than any header; ValueError: no JSON at all.
    try:
        fields = json.loads(raw.decode("ascii"))
        spelled = canonical(fields)
    except (ValueError, RecursionError) as error:
        raise HeaderError(error, "ASCII JSON of little depth") from error
    if not isinstance(fields, dict) or spelled != raw:
        expected = "canonical JSON: one object, sorted keys, no spaces, no repeated key"
        raise HeaderError(raw[:40], expected)
    return fields


def expect_keys(fields: object, keys: tuple[str, ...], name: str) -> None:
    """Raise unless these are the keys of an object, no more and no fewer."""
    found = sorted(fields) if isinstance(fields, dict) else fields
    if found != sorted(keys):
        raise HeaderError(found, f"in {name} exactly the keys {', '.join(keys)}")


def real(fields: dict[str, Any], name: str) -> float:
    """Return the float whose own hexadecimal spelling is stored."""
    expected = f"{name} as the exact hexadecimal spelling of a finite number"
    try:
        value = float.fromhex(fields[name])
    except (TypeError, ValueError, OverflowError) as error:
        raise HeaderError(fields[name], expected) from error
    if not math.isfinite(value) or value.hex() != fields[name]:
        raise HeaderError(fields[name], expected)
    return value


def matches(pattern: str, text: object) -> bool:
    """Return whether this is a text of a pattern, all of it."""
    return isinstance(text, str) and re.fullmatch(pattern, text) is not None


def check_notes(notes: object) -> None:
    """Check a diagnosis: a few short texts by name."""
    expected = f"diagnosis of 1 … {MAX_NOTES} names with texts of 1 … 64 characters"
    if not isinstance(notes, dict) or not 1 <= len(notes) <= MAX_NOTES:
        raise HeaderError(notes, expected)
    for name, note in notes.items():
        if not (matches("[a-z0-9_]{1,64}", name) and matches("[ -~]{1,64}", note)):
            raise HeaderError({name: note}, expected)
