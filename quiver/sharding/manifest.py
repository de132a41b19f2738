"""Manifest: which shards there are, and of what kind; told in ``docs/format.md``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from quiver._typing import Metric
from quiver.errors import QuiverError
from quiver.params import BuildParams, Encoding, check_goes_together
from quiver.reference.codes import Transform
from quiver.storage.canonical import (
    HeaderError,
    canonical,
    expect_keys,
    matches,
    parse,
)
from quiver.storage.parameters import (
    pack_encoding,
    pack_params,
    unpack_encoding,
    unpack_params,
)
from quiver.validation.checks import MAX_DIM, check_choice, check_int

FORMAT_VERSION = 1
MAX_SHARDS = 4096

SLOTS = 1 << 16
"""Parts of the range of hashes, of which a shard has several that are adjacent."""

_INT64 = np.iinfo(np.int64)
_MOST = int(_INT64.max)
_SHA256 = "[0-9a-f]{64}"
# No separator, no drive, no leading dot: it names a file of the folder and no other.
_FILE = r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}\.quiver"

Scheme = Literal["rows", "hash", "key"]
"""How rows are shared out: in their order, by their ids, or by keys of the caller's."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One shard of a manifest.

    Attributes
    ----------
    file : str
        Its name within the folder.
    n : int
        Vectors.
    bytes : int
        Size of the file.
    sha256 : str
        Of the file.
    fingerprint : str
        Of the file's front, which has a checksum of all the rest.
    lowest, highest : int
        Its least and its greatest id; 0 and 0 without vectors.
    slots : tuple of int
        The hashes it owns, from the first up to the second; (0, 0) by rows.
    source : str
        SHA-256 of all that it was built from; empty once it was changed.
    """

    file: str
    n: int
    bytes: int
    sha256: str
    fingerprint: str
    lowest: int = 0
    highest: int = 0
    slots: tuple[int, int] = (0, 0)
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a folder of shards is.

    Attributes
    ----------
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the distances.
    dim : int
        Columns of the vectors.
    encoding, params : Encoding, BuildParams
        What codes and graphs are made with.
    transform : str
        Fingerprint of the transform that all codes share; see `fingerprint_of`.
    scheme : {'rows', 'hash', 'key'}
        How rows are shared out.
    generation : int
        How many manifests there have been, this one included.
    shards : tuple of Shard
        In their order.
    """

    metric: Metric
    dim: int
    encoding: Encoding
    params: BuildParams
    transform: str
    scheme: Scheme
    generation: int
    shards: tuple[Shard, ...]

    @property
    def n(self) -> int:
        """Vectors in all shards."""
        return sum(shard.n for shard in self.shards)


def fingerprint_of(transform: Transform) -> str:
    """Return the SHA-256 of a transform: scaling, mean and signs."""
    scaling, mean, signs = transform
    digest = hashlib.sha256(scaling.encode("ascii"))
    for part in (mean, signs):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def pack_manifest(manifest: Manifest) -> bytes:
    """Return the one spelling of a manifest."""
    fields = asdict(manifest) | {
        "encoding": pack_encoding(manifest.encoding),
        "params": pack_params(manifest.params),
        "shards": [
            asdict(shard) | {"slots": list(shard.slots)} for shard in manifest.shards
        ],
    }
    return canonical({"format": "quiver shards", "version": FORMAT_VERSION, **fields})


def unpack_manifest(raw: bytes) -> Manifest:
    """Return the manifest that is spelled so.

    Raises
    ------
    HeaderError
        If a field is missing, unknown or outside its range.
    """
    fields = parse(raw)
    _expect("format", fields.pop("format", None) == "quiver shards", "'quiver shards'")
    version = fields.pop("version", None)
    if type(version) is not int or version != FORMAT_VERSION:
        raise HeaderError(version, f"version {FORMAT_VERSION}; update quiver")
    expect_keys(fields, tuple(Manifest.__dataclass_fields__), "the manifest")
    manifest = _checked(
        lambda: Manifest(
            metric=_word(fields, "metric", get_args(Metric)),
            dim=check_int("dim", fields["dim"], 1, MAX_DIM),
            encoding=unpack_encoding(fields["encoding"]),
            params=unpack_params(fields["params"]),
            transform=_text(fields, "transform", _SHA256),
            scheme=_word(fields, "scheme", get_args(Scheme)),
            generation=check_int("generation", fields["generation"], 1, _MOST),
            shards=_shards(fields["shards"]),
        )
    )
    _checked(lambda: check_goes_together(manifest.metric, manifest.encoding))
    _check_slots(manifest)
    return manifest


def _shards(entries: Any) -> tuple[Shard, ...]:
    is_list = isinstance(entries, list) and 1 <= len(entries) <= MAX_SHARDS
    _expect("shards", is_list, f"a list of 1 … {MAX_SHARDS}")
    shards = tuple(map(_shard, entries, range(len(entries))))
    names = {shard.file.lower() for shard in shards}
    _expect("shards", len(names) == len(shards), "no file named twice")
    return shards


def _shard(fields: Any, number: int) -> Shard:
    name = f"shards[{number}]"
    expect_keys(fields, tuple(Shard.__dataclass_fields__), name)
    slots = fields["slots"]
    if not isinstance(slots, list) or len(slots) != 2:
        raise HeaderError(slots, f"{name}.slots of two numbers")
    low, high = (check_int(f"{name}.slots", slot, 0, SLOTS) for slot in slots)
    lowest, highest = (
        check_int(f"{name}.{key}", fields[key], int(_INT64.min), _MOST)
        for key in ("lowest", "highest")
    )
    return Shard(
        file=_text(fields, "file", _FILE, f"{name}."),
        n=check_int(f"{name}.n", fields["n"], 0, _MOST),
        bytes=check_int(f"{name}.bytes", fields["bytes"], 1, _MOST),
        sha256=_text(fields, "sha256", _SHA256, f"{name}."),
        fingerprint=_text(fields, "fingerprint", _SHA256, f"{name}."),
        lowest=lowest,
        highest=highest,
        slots=(low, high),
        source=_text(fields, "source", f"({_SHA256})?", f"{name}."),
    )


def _check_slots(manifest: Manifest) -> None:
    """Check that every hash has one owner, or none where rows are not hashed."""
    bounds = [shard.slots for shard in manifest.shards]
    if manifest.scheme == "rows":
        expected = [(0, 0)] * len(bounds)
    else:
        starts = [0, *(stop for _, stop in bounds[:-1])]
        expected = [
            (a, max(a + 1, b)) for a, (_, b) in zip(starts, bounds, strict=True)
        ]
        expected[-1] = (expected[-1][0], SLOTS)
    _expect("slots", bounds == expected, f"slots that share out {manifest.scheme}")


def _text(fields: dict[str, Any], name: str, pattern: str, of: str = "") -> str:
    if not matches(pattern, fields[name]):
        raise HeaderError(fields[name], f"{of}{name} of the form {pattern}")
    text: str = fields[name]
    return text


def _word(fields: dict[str, Any], name: str, allowed: tuple[str, ...]) -> Any:
    check_choice(name, fields[name], allowed)
    return fields[name]


def _expect(name: str, is_so: bool, expected: str) -> None:
    if not is_so:
        raise HeaderError(name, f"in {name} {expected}")


def _checked(make: Callable[[], Any]) -> Any:
    """Call what checks values by the rules for arguments."""
    try:
        return make()
    except QuiverError as error:
        raise HeaderError(str(error), "a value within its documented range") from error
