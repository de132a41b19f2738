"""Foreign: what people hand us as vectors, made one array of real numbers.

Lists, data frames, Arrow arrays, tensors and columns of lists are taken where it is
plain what is meant. Anything else is refused by name with what to type instead; no
error of NumPy's or of another library's gets out. What other libraries offer is read
in `quiver.validation.exchange`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from reprlib import repr as brief
from typing import Any

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import InvalidTypeError
from quiver.validation.arrow import offers_arrow
from quiver.validation.checks import unequal_rows
from quiver.validation.exchange import offered

_NUMBERS_AS_TEXT = re.compile(r"[\s\d.,;eE+\-\[\]()]+")
_SEPARATED = re.compile(r"[\d.][\s,;]+[\d.+\-]")
_PARSE = "parse text first: json.loads(text), or np.fromstring(text, sep=',') for CSV"
_PARSE_ROWS = (
    "parse text first: np.stack([json.loads(text) for text in {name}]), or "
    "np.fromstring(text, sep=',') for CSV"
)
_BYTES = "bytes of float32 are read by np.frombuffer(blob, np.float32).reshape(-1, dim)"
_AS_FLOATS = "np.asarray({name}, dtype=np.float32)"
_EMBED = f"text is embedded by a model; numbers kept as text are {_AS_FLOATS}"

# By the kind of a dtype that holds no real numbers.
_REMEDIES = {
    "b": "if 0 and 1 are meant, give np.asarray({name}, dtype=np.uint8)",
    "c": "put the parts side by side: np.hstack([{name}.real, {name}.imag])",
    "M": "choose a unit: {name}.astype('datetime64[s]').astype(np.float64)",
    "m": "choose a unit: {name}.astype('timedelta64[s]').astype(np.float64)",
    "S": _BYTES,
    "T": _EMBED,
    "U": _EMBED,
    "V": f"give {_AS_FLOATS}, or of a record array "
    "np.lib.recfunctions.structured_to_unstructured({name})",
}


def as_real_array(value: Any, name: str) -> AnyArray:
    """Return one array of real numbers, of any shape; a view where it is one already.

    Parameters
    ----------
    value : array_like, data frame, tensor, Arrow column, or sequence of vectors
        A column of lists or arrays (one-dimensional, of objects) is stacked.
    name : str
        The argument's name, for messages.

    Returns
    -------
    ndarray
        Of a float or integer dtype. Read-only if it was made here, so that nobody
        else can write to it.

    Raises
    ------
    InvalidTypeError
        If it is no such thing; the message says what to type instead.
    """
    array = value if type(value) is np.ndarray else _as_array(value, name)
    if array.dtype == object:
        array = _stack(_column(array, value, name), name)
    if array.dtype.kind not in "iuf":
        msg = (
            f"{name} must have a real float or integer dtype, got {array.dtype}; "
            f"{_remedy_for_dtype(array, name)}"
        )
        raise InvalidTypeError(msg)
    return array


def as_array(value: Any, name: str) -> AnyArray:
    """Return what NumPy makes of a value, with an error of ours if it cannot."""
    try:
        return np.asarray(offered(value, name))
    except (InvalidTypeError, MemoryError):
        raise
    # Another library's object converts itself and may raise anything.
    except Exception as error:
        msg = f"{name} must be an array of numbers, got {_kind(value)}: {error}"
        raise InvalidTypeError(msg) from error


def as_column(value: Any, name: str) -> AnyArray:
    """Return the same, but of a frame or table with one column that column."""
    array = as_array(value, name)
    is_table = not isinstance(value, (np.ndarray, list, tuple)) and array.ndim == 2
    return array[:, 0] if is_table and array.shape[1] == 1 else array


def _as_array(value: Any, name: str) -> AnyArray:
    if isinstance(value, np.ma.MaskedArray):
        msg = f"{name} must not be a masked array; fill or drop the masked rows"
        raise InvalidTypeError(msg)
    if offers_arrow(value):
        return as_array(value, name)
    if remedy := _remedy(value, name):
        msg = f"{name} must be a matrix of real numbers, got {_kind(value)}; {remedy}"
        raise InvalidTypeError(msg)
    if not isinstance(value, (list, tuple)) or hasattr(value, "__array__"):
        return as_array(value, name)
    try:
        array = np.asarray(value)
    except MemoryError:
        raise
    # Rows of different lengths, or rows that only their own library can convert.
    except Exception:
        return _stack(value, name)
    array.flags.writeable = False
    return array


def _remedy(value: Any, name: str) -> str:
    """Return what to type instead of an object that is no array; empty if it is."""
    if value is None:
        return "give an array of shape (n, dim)"
    if isinstance(value, (bytes, bytearray)):
        return _BYTES
    if isinstance(value, (str, os.PathLike)):
        return _remedy_for_text(os.fspath(value))
    if isinstance(value, Mapping):
        return (
            f"give one array of it, {name}[key], or np.stack(list({name}.values())) "
            f"and keep list({name}) for the names"
        )
    if hasattr(value, "read"):
        return (
            "a file is read by its path: quiver.datasets.read_vectors(path), or for "
            "text np.loadtxt(path, delimiter=',')"
        )
    if hasattr(value, "collect") and not hasattr(value, "__array__"):
        return f"give {name}.collect(), which runs the query"
    if hasattr(value, "toarray"):
        return f"give {name}.toarray(), which needs room for every zero"
    is_sequence = hasattr(value, "__array__") or hasattr(value, "__getitem__")
    if isinstance(value, Iterable) and not is_sequence:
        return f"give list({name}), so that its rows have a number and an order"
    return ""


def _remedy_for_dtype(array: AnyArray, name: str) -> str:
    # A column of CSV rows, each one text, is no matrix yet.
    if array.dtype.kind in "UT" and array.ndim == 1 and array.size:
        text = str(array[0])
        if _NUMBERS_AS_TEXT.fullmatch(text) and _SEPARATED.search(text):
            return _PARSE_ROWS.format(name=name)
    return _REMEDIES[array.dtype.kind].format(name=name)


def _remedy_for_text(text: Any) -> str:
    if isinstance(text, str) and _NUMBERS_AS_TEXT.fullmatch(text):
        return _PARSE
    suffix = os.path.splitext(text)[1]
    if suffix in (".quiver", b".quiver"):
        return f"an index is opened by quiver.open({text!r})"
    if suffix and len(suffix) <= len(".safetensors"):
        return (
            f"a file is read by quiver.datasets.read_vectors({text!r}), or "
            "np.load(path, mmap_mode='r') for .npy"
        )
    return "text is embedded by a model first"


def _column(array: AnyArray, value: Any, name: str) -> AnyArray:
    """Return the one column of objects that may hold a vector in each row."""
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim == 1:
        return array
    if array.ndim == 0:
        msg = f"{name} must be a matrix of real numbers, got {_kind(value)}"
        raise InvalidTypeError(msg)
    remedy = _AS_FLOATS.format(name=name)
    if not isinstance(value, (np.ndarray, list, tuple)):
        numbers = "df.select_dtypes('number').astype('float32')"
        remedy = f"its columns of numbers, in pandas {numbers}"
    first = brief(array.flat[0]) if array.size else "nothing"
    msg = (
        f"{name} must be a matrix of real numbers, got {_kind(value)} of dtype object "
        f"that begins with {first}; give {remedy}"
    )
    raise InvalidTypeError(msg)


def _stack(rows: Any, name: str) -> AnyArray:
    """Return rows that are vectors of one length as a read-only matrix."""
    vectors = [_as_row(row, number, name) for number, row in enumerate(rows)]
    for number, vector in enumerate(vectors):
        if len(vector) != len(vectors[0]):
            lengths = len(vectors[0]), len(vector)
            raise unequal_rows(name, lengths, (0, number))
    matrix = np.stack(vectors) if vectors else np.empty((0, 0), dtype=np.float32)
    matrix.flags.writeable = False
    return matrix


def _as_row(row: Any, number: int, name: str) -> AnyArray:
    vector = as_array(row, f"{name}, row {number},")
    if vector.ndim == 1 and vector.dtype.kind in "iuf":
        return vector
    msg = (
        f"{name} must hold a vector of real numbers in every row, got {_kind(row)} in "
        f"row {number}; {_remedy_for_row(row, vector, name)}"
    )
    raise InvalidTypeError(msg)


def _remedy_for_row(row: Any, converted: AnyArray, name: str) -> str:
    if isinstance(row, str):
        return _PARSE_ROWS.format(name=name)
    if isinstance(row, Mapping):
        return f"give [row[key] for row in {name}]"
    # A missing value of pandas is NaN.
    if converted.ndim == 0 and converted.dtype.kind in "iuf" and row == row:
        return f"if all are numbers, give {_AS_FLOATS.format(name=name)}"
    known = _REMEDIES.get(converted.dtype.kind, "drop or fill the row")
    return known.format(name="row")


def _kind(value: Any) -> str:
    """Return what a value is, in a few words."""
    if value is None or isinstance(value, (str, bytes, int, float)):
        return brief(value)
    shape = None
    # Of a query that has not run, even its shape may raise.
    with suppress(Exception):
        shape = value.shape
    of_shape = f" of shape {tuple(shape)}" if isinstance(shape, tuple) else ""
    return f"{type(value).__name__}{of_shape}"
