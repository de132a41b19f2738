"""Header: what a file says about its index, as canonical JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, get_args

from quiver._typing import ColdDtype, Metric
from quiver.errors import QuiverError
from quiver.params import BuildParams, Encoding, check_goes_together, wider
from quiver.storage.canonical import (
    HeaderError,
    canonical,
    check_notes,
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
from quiver.validation.checks import (
    MAX_DEGREE,
    MAX_DIM,
    MAX_ROWS,
    check_choice,
    check_flag,
    check_int,
)

FORMAT_VERSION, BUILT_VERSION = 3, 2
"""What is written of an index that was changed or is empty, and of one as built; 1 is
read as well."""

_COLD_DTYPES = {1: ("float32", "float16")}
"""Of the versions that had not all of them yet."""

_KEYS = (
    *("cold_dtype", "data_sha256", "dim", "encoding"),
    *("metric", "n", "params", "quiver_version"),
)
_LATER_KEYS: dict[int, tuple[str, ...]] = {
    1: ("entry_point",),
    2: ("n_entry_points", "n_unlinked"),
}
_LATER_KEYS[3] = (*_LATER_KEYS[2], "build_mean", "changes", "n_dead", "width")

_OPTIONAL_KEYS = ("diagnosis",)


@dataclass(frozen=True, kw_only=True)
class Header:
    """Everything about an index that is not an array.

    Attributes
    ----------
    n, dim : int
        Rows and the caller's dimensions.
    metric : {'cosine', 'euclidean', 'inner_product'}
        The exact metric.
    entry_point : int
        Where every walk starts, in version 1.
    n_entry_points : int
        Rows of which the nearest starts a walk.
    params, encoding : BuildParams, Encoding
        How the index was built.
    cold_dtype : {'float32', 'float16', 'uint8', 'int8'}
        How the vectors are stored.
    data_sha256 : str
        SHA-256 of the vectors section, 64 hexadecimal digits.
    quiver_version : str
        Of the writer; informative.
    diagnosis : dict of str to str, or None
        What a diagnosis found before the build; informative.
    n_unlinked : int
        Rows that no walk reaches.
    version : int
        Of the format.
    width : int
        Columns of the lists; 0 for as many as a built graph has.
    n_dead : int
        Rows that were removed.
    changes : int
        Operations since the index was built.
    build_mean : bool
        Whether the mean of the codes that the graph is linked by is stored.
    """

    n: int
    dim: int
    metric: Metric
    params: BuildParams
    encoding: Encoding
    cold_dtype: ColdDtype
    data_sha256: str
    quiver_version: str
    diagnosis: dict[str, str] | None = None
    entry_point: int = 0
    n_entry_points: int = 1
    n_unlinked: int = 0
    version: int = BUILT_VERSION
    width: int = 0
    n_dead: int = 0
    changes: int = 0
    build_mean: bool = False

    @property
    def list_width(self) -> int:
        """Columns of the lists of neighbours."""
        return self.width or self.params.max_degree


def pack_header(header: Header) -> bytes:
    """Return the canonical JSON of a header."""
    fields = asdict(header)
    version = fields.pop("version")
    if header.diagnosis is None:
        del fields["diagnosis"]
    fields["width"] = header.list_width
    for key in {*_LATER_KEYS[1], *_LATER_KEYS[3]}.difference(_LATER_KEYS[version]):
        del fields[key]
    fields["params"] = pack_params(header.params, version)
    fields["encoding"] = pack_encoding(header.encoding, version)
    return canonical(fields)


def unpack_header(raw: bytes, version: int = BUILT_VERSION) -> Header:
    """Return the header of canonical JSON, as a version of the format has it.

    Raises
    ------
    HeaderError
        If it is not canonical JSON, a key is missing or unknown, or a value is
        outside its range.
    """
    fields = parse(raw)
    notes = {key: fields[key] for key in _OPTIONAL_KEYS if key in fields}
    expect_keys(fields, (*_KEYS, *_LATER_KEYS[version], *notes), "header")
    # Checked here, where an absent key and one that is null still differ.
    for note in notes.values():
        check_notes(note)
    least = 1 if version <= BUILT_VERSION else 0
    build_mean = fields.get("build_mean", False)
    try:
        check_flag("build_mean", build_mean)
        header = Header(
            n=check_int("n", fields["n"], least, MAX_ROWS),
            dim=check_int("dim", fields["dim"], 1, MAX_DIM),
            metric=_word(fields, "metric", get_args(Metric)),
            params=unpack_params(fields["params"], version),
            encoding=unpack_encoding(fields["encoding"], version),
            cold_dtype=_word(
                fields, "cold_dtype", _COLD_DTYPES.get(version, get_args(ColdDtype))
            ),
            data_sha256=fields["data_sha256"],
            quiver_version=fields["quiver_version"],
            **notes,
            entry_point=_count(fields, "entry_point", 0),
            n_entry_points=_count(fields, "n_entry_points", least),
            n_unlinked=_count(fields, "n_unlinked", 0),
            version=version,
            width=check_int("width", fields.get("width", 0), 0, wider(MAX_DEGREE)),
            n_dead=_count(fields, "n_dead", 0),
            changes=check_int("changes", fields.get("changes", 0), 0, 2**63 - 1),
            build_mean=build_mean,
        )
        header.encoding.coded_dim(header.dim)
        check_goes_together(header.metric, header.encoding)
    except QuiverError as error:
        raise HeaderError(str(error), "a value within its documented range") from error
    _check_relations(header)
    return header


def _word(fields: dict[str, Any], name: str, allowed: tuple[str, ...]) -> Any:
    check_choice(name, fields[name], allowed)
    return fields[name]


def _count(fields: dict[str, Any], name: str, least: int) -> int:
    """Return a number of rows, the least in versions that had none."""
    return check_int(name, fields.get(name, least), least, MAX_ROWS)


def _check_relations(header: Header) -> None:
    """Check what ties fields to each other, and the two free texts."""
    if header.version == 1 and header.entry_point >= header.n:
        raise HeaderError(header.entry_point, f"entry_point below n = {header.n}")
    if header.n_entry_points > header.n:
        raise HeaderError(header.n_entry_points, f"at most n = {header.n} entry points")
    if header.n_unlinked > header.n - (header.version <= BUILT_VERSION):
        raise HeaderError(header.n_unlinked, f"n_unlinked below n = {header.n}")
    if header.version > BUILT_VERSION:
        _check_changes(header)
    if not matches("[0-9a-f]{64}", header.data_sha256):
        raise HeaderError(header.data_sha256, "data_sha256 of 64 hexadecimal digits")
    if not matches(r"[0-9A-Za-z.+!_-]{1,64}", header.quiver_version):
        raise HeaderError(header.quiver_version, "quiver_version of 1 … 64 characters")


def _check_changes(header: Header) -> None:
    """Check what only an index that changes has."""
    degree = header.params.max_degree
    if not degree <= header.width <= wider(degree):
        raise HeaderError(header.width, f"a width of {degree} … {wider(degree)}")
    if header.n_dead > header.n:
        raise HeaderError(header.n_dead, f"n_dead of at most n = {header.n}")
    if header.build_mean and header.metric != "inner_product":
        raise HeaderError(header.metric, "build_mean with inner product only")
