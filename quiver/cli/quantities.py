"""Quantities as people write them."""

from __future__ import annotations

import re

from quiver.errors import InvalidArgumentError

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


def parse_bytes(name: str, text: str) -> int:
    """Return the bytes that a text means, such as ``500MB`` or ``1.5 GiB``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    unit = match and _UNITS.get(match[2].removesuffix("b") + "b" if match[2] else "")
    if match is None or unit is None:
        msg = f"{name} must be bytes such as 500MB, 2GiB or 1000000, got {text!r}"
        raise InvalidArgumentError(msg)
    return int(float(match[1]) * unit)
