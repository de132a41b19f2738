"""Parameters: how an index was built, as canonical JSON spells it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from quiver.params import MAX_LINES, BuildParams, Encoding
from quiver.storage.canonical import expect_keys, real
from quiver.validation.checks import check_int

_ENCODING_KEYS = {
    1: ("center", "query", "rotate", "weights"),
    2: ("bits", "center", "fill", "lines", "query", "rotate", "weights"),
}
_PARAMS_KEYS = {
    1: ("alpha", "ef_construction", "max_degree", "prune_rule", "seed"),
    2: ("alpha", "beta", "ef_construction", "max_degree", "prune_rule", "seed"),
}
_PARAMS_KEYS[3], _ENCODING_KEYS[3] = _PARAMS_KEYS[2], _ENCODING_KEYS[2]
NEWEST = max(_PARAMS_KEYS)
"""Version of the index file whose keys a manifest has."""


def pack_params(params: BuildParams, version: int = NEWEST) -> dict[str, Any]:
    """Return the shape of a graph as a version of the format spells it."""
    fields = asdict(params)
    # Hexadecimal is exact, and has one spelling in every language.
    for name in ("alpha", "beta"):
        fields[name] = fields[name].hex()
    return {key: fields[key] for key in _PARAMS_KEYS[version]}


def pack_encoding(encoding: Encoding, version: int = NEWEST) -> dict[str, Any]:
    """Return an encoding as a version of the format spells it."""
    # 0 stands for the fewest: the header has no null.
    fields = asdict(encoding) | {"lines": encoding.lines or 0}
    return {key: fields[key] for key in _ENCODING_KEYS[version]}


def unpack_params(fields: Any, version: int = NEWEST) -> BuildParams:
    """Return the shape of a graph, or raise as `unpack_header` does."""
    expect_keys(fields, _PARAMS_KEYS[version], "params")
    reals = {name: real(fields, name) for name in ("alpha", "beta") if name in fields}
    # Version 1 knew no beta: every row covered all.
    return BuildParams(**{"beta": 0.0, **fields, **reals})


def unpack_encoding(fields: Any, version: int = NEWEST) -> Encoding:
    """Return an encoding, or raise as `unpack_header` does."""
    expect_keys(fields, _ENCODING_KEYS[version], "encoding")
    if version == 1:
        return Encoding(**fields, fill=False)
    lines = check_int("lines", fields["lines"], 0, MAX_LINES)
    return Encoding(**{**fields, "lines": lines or None})
