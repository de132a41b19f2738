"""Arrow: columns of vectors as one matrix, and of numbers as one array.

Of a single piece with no null the matrix is a view of Arrow's own memory; several
pieces are copied one after another. Offsets are those of the slice that was given.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import InvalidTypeError
from quiver.validation.arrow_c import ArrowSchema, Piece, pieces_of, schema_in
from quiver.validation.checks import unequal_rows

_SIGNED = {"c": "i1", "s": "i2", "i": "i4", "l": "i8"}
_UNSIGNED = {"C": "u1", "S": "u2", "I": "u4", "L": "u8"}
_NUMBERS = _SIGNED | _UNSIGNED | {"e": "f2", "f": "f4", "g": "f8"}
_OFFSETS = {"+l": "i4", "+L": "i8"}
_NAMES = {"b": "bool", "n": "null", "u": "text", "U": "text", "vu": "text"}
_NAMES |= {"z": "bytes", "Z": "bytes", "vz": "bytes", "+s": "struct", "+m": "map"}
_NAMES |= {"+vl": "list view", "+vL": "list view", "+r": "run-end encoded"}
_NAMES |= {"dictionary": "dictionary codes"}
_FAMILIES = {"t": "dates", "d": "decimals", "w": "bytes"}
_TENSOR = b"arrow.fixed_shape_tensor"


def offers_arrow(value: Any) -> bool:
    """Return whether Arrow's protocol is the shortest way to an object's numbers.

    pandas keeps columns of objects in NumPy and would copy them to Arrow first.
    """
    has_method = hasattr(value, "__arrow_c_array__") or hasattr(
        value, "__arrow_c_stream__"
    )
    is_pandas = type(value).__module__.partition(".")[0] == "pandas"
    in_arrow = hasattr(getattr(value, "dtype", None), "pyarrow_dtype")
    return has_method and (in_arrow or not is_pandas)


def from_arrow(value: Any, name: str, *, first_row: int = 0) -> AnyArray:
    """Return an Arrow array, column or table as numbers or bools, read-only.

    Parameters
    ----------
    value : object
        Has ``__arrow_c_array__`` or ``__arrow_c_stream__``: numbers, lists of numbers
        that are equally long (of any kind of list), tensors of a fixed shape; or a
        table with one such column, or with columns of numbers only.
    name : str
        The argument's name, for messages.
    first_row : int, default 0
        The number of the first row, for messages.

    Returns
    -------
    ndarray of shape (n,) or (n, dim)

    Raises
    ------
    InvalidTypeError
        If a row or value is null, rows differ in length, or the type is another; the
        message names the row or the columns there are.
    """
    parts: list[AnyArray] = []
    rows, empty = [first_row], np.empty((0, 0), np.float32)
    for piece in pieces_of(value):
        part = _piece(piece, _Where(name, rows[-1]))
        if not len(part):
            empty = part
            continue
        if parts and part.shape[1:] != parts[0].shape[1:]:
            widths = parts[0].shape[-1], part.shape[-1]
            raise unequal_rows(name, widths, (first_row, rows[-1]))
        parts.append(part)
        rows.append(rows[-1] + len(part))
    parts = parts or [empty]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    whole.flags.writeable = False
    return whole


def axes_of(schema: Any) -> dict[str, int]:
    """Return each column's axes by its name: 2 of vectors, 1 of numbers, else 0.

    Parameters
    ----------
    schema : object
        Has ``__arrow_c_schema__``.
    """
    capsule = schema.__arrow_c_schema__()
    return {column.title: _axes(column) for column in _columns(schema_in(capsule))}


def _columns(table: ArrowSchema) -> list[ArrowSchema]:
    return [table.child(i) for i in range(table.n_children)]


def _axes(column: ArrowSchema) -> int:
    is_list = column.kind in _OFFSETS or column.kind.startswith("+w:")
    number = column.child(0) if is_list else column
    return (1 + is_list) * (number.kind in _NUMBERS)


class _Where(NamedTuple):
    """Whose values are read: for messages."""

    name: str
    first_row: int
    per_row: int = 1

    def inside(self, width: int) -> _Where:
        return self._replace(per_row=self.per_row * width)


def _piece(piece: Piece, where: _Where) -> AnyArray:
    start, stop = piece.array.offset, piece.array.offset + piece.array.length
    if piece.schema.kind != "+s":
        return _decoded(piece, start, stop, where)
    _refuse_nulls(piece, start, stop, where)
    columns = [
        _decoded(column, column.array.offset + start, column.array.offset + stop, where)
        for column in _chosen_columns(piece, where.name)
    ]
    return columns[0] if columns[0].ndim > 1 else np.column_stack(columns)


def _chosen_columns(table: Piece, name: str) -> list[Piece]:
    """Return the one column of vectors of a table, or all if they are numbers."""
    columns = _columns(table.schema)
    axes = [_axes(column) for column in columns]
    chosen = [i for i, ndim in enumerate(axes) if ndim == 2]
    if not chosen and {*axes} == {1}:
        chosen = [*range(len(columns))]
    elif len(chosen) != 1:
        found = ", ".join(f"{c.title} ({_in_words(c)})" for c in columns)
        msg = (
            f"{name} must have one column of vectors or only columns of numbers, got "
            f"columns {found or 'none'}; give the column itself"
        )
        raise InvalidTypeError(msg)
    return [table.child(i) for i in chosen]


def _decoded(piece: Piece, start: int, stop: int, where: _Where) -> AnyArray:
    """Return items of a column, counted from the start of its buffers."""
    first, end = piece.array.offset, piece.array.offset + piece.array.length
    # Offsets that nobody has checked must not lead out of a buffer.
    if not first <= start <= stop <= end:
        msg = (
            f"{where.name} must be whole, got items {start - first} … {stop - first} "
            f"asked of {end - first}; its validate(full=True) says more"
        )
        raise InvalidTypeError(msg)
    _refuse_nulls(piece, start, stop, where)
    kind = piece.schema.kind
    if kind in _NUMBERS:
        return piece.numbers(1, _NUMBERS[kind], start, stop)
    if kind == "b":
        return piece.bits(1, start, stop)
    if kind in _OFFSETS:
        # Of no list there need be no offset, not even the first.
        n_ends = (stop > start) * (stop - start + 1)
        ends = piece.numbers(1, _OFFSETS[kind], start, start + n_ends)
        first, width = int(ends[0]) if n_ends else 0, _width(ends, where)
    elif kind.startswith("+w:"):
        width = int(kind.removeprefix("+w:"))
        first = start * width
    else:
        msg = (
            f"{where.name} must be an Arrow column of numbers or of lists of numbers, "
            f"got {_in_words(piece.schema)}; give another column, or cast this one"
        )
        raise InvalidTypeError(msg)
    items, n = piece.child(0), stop - start
    first += items.array.offset
    found = _decoded(items, first, first + n * width, where.inside(width))
    return found.reshape(n, *_row_shape(piece.schema, width), *found.shape[1:])


def _width(ends: AnyArray, where: _Where) -> int:
    """Return how long all lists are; of no list, 0."""
    lengths = np.diff(ends)
    if not len(lengths):
        return 0
    odd = np.flatnonzero(lengths != lengths[0])
    if len(odd):
        rows = where.first_row, where.first_row + int(odd[0]) // where.per_row
        raise unequal_rows(where.name, (lengths[0], lengths[odd[0]]), rows)
    return int(lengths[0])


def _row_shape(schema: ArrowSchema, width: int) -> tuple[int, ...]:
    """Return the shape of a row: a tensor's has its own."""
    said = dict(schema.metadata_pairs())
    if said.get(b"ARROW:extension:name") != _TENSOR:
        return (width,)
    return tuple(json.loads(said[b"ARROW:extension:metadata"])["shape"])


def _refuse_nulls(piece: Piece, start: int, stop: int, where: _Where) -> None:
    nulls = piece.nulls(start, stop)
    if not len(nulls):
        return
    row, place = divmod(int(nulls[0]), where.per_row)
    within = f", place {place}" if where.per_row > 1 else ""
    msg = (
        f"{where.name} must have no null, got null in row {where.first_row + row}"
        f"{within}, {len(nulls)} of {stop - start} in its piece; drop or fill the row"
    )
    raise InvalidTypeError(msg)


def _in_words(schema: ArrowSchema) -> str:
    kind = schema.kind
    if kind in _NUMBERS:
        return np.dtype(_NUMBERS[kind]).name
    if kind in _OFFSETS:
        return f"list of {_in_words(schema.child(0))}"
    if kind.startswith("+w:"):
        return f"list of {kind[3:]} {_in_words(schema.child(0))}"
    return _NAMES.get(kind) or _FAMILIES.get(kind[:1], kind)
