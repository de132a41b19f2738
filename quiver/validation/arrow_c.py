"""Arrow's C data interface: three C structs that lend the buffers of any Arrow library.

pyarrow, Polars and DuckDB all hand out capsules of them by ``__arrow_c_array__`` or
``__arrow_c_stream__``. The structs are an ABI that is promised never to change, so
they are read here and no library is needed, least of all a second Arrow beside the
caller's.

Source: the Arrow specification, "The Arrow C data interface" and its stream and
PyCapsule chapters.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from quiver._typing import AnyArray

_POINTER = ctypes.c_void_p
_RELEASE = ctypes.CFUNCTYPE(None, _POINTER)
Struct = TypeVar("Struct", bound=ctypes.Structure)


class ArrowSchema(ctypes.Structure):
    """The type of a column and, for a table, of the columns in it."""

    def child(self, number: int) -> ArrowSchema:
        """Return the type of one column, or of what a list holds."""
        return self.children[number].contents

    @property
    def title(self) -> str:
        """The column's name."""
        return (self.name or b"").decode(errors="replace")

    @property
    def kind(self) -> str:
        """The type in Arrow's letters; of words kept as numbers, their dictionary."""
        if self.dictionary:
            return "dictionary"
        return (self.format or b"").decode(errors="replace")

    def metadata_pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Return what is said of the type beside it, such as an extension's name."""
        if not self.metadata:
            return
        address = self.metadata
        n_pairs, address = _int32(address)
        for _ in range(n_pairs):
            key, address = _text(address)
            value, address = _text(address)
            yield key, value


class ArrowArray(ctypes.Structure):
    """One piece of a column: its length, its offset, and where its buffers are."""

    def child(self, number: int) -> ArrowArray:
        """Return a part, which has an offset of its own."""
        return self.children[number].contents


class _ArrowStream(ctypes.Structure):
    _fields_ = (
        ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER)),
        ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER)),
        ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, _POINTER)),
        ("release", _RELEASE),
        ("private_data", _POINTER),
    )


ArrowSchema._fields_ = (
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", _POINTER),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowSchema))),
    ("dictionary", ctypes.POINTER(ArrowSchema)),
    ("release", _RELEASE),
    ("private_data", _POINTER),
)
ArrowArray._fields_ = (
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(_POINTER)),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowArray))),
    ("dictionary", ctypes.POINTER(ArrowArray)),
    ("release", _RELEASE),
    ("private_data", _POINTER),
)


class _OwnedSchema(ArrowSchema):
    """Of a stream, which leaves the release to whom it gave the type."""

    def __del__(self) -> None:
        _released(self)


class _OwnedArray(ArrowArray):
    """As above, a piece."""

    def __del__(self) -> None:
        _released(self)


class Piece(NamedTuple):
    """A piece of a column beside its type, and whatever must live as long as it.

    Attributes
    ----------
    schema, array : ArrowSchema, ArrowArray
        Parts of a table or a list are pieces with the same owner.
    owner : object
        Releases the buffers once nothing refers to it any more.
    """

    schema: ArrowSchema
    array: ArrowArray
    owner: object

    def child(self, number: int) -> Piece:
        """Return a column of a table, or what is in a list."""
        parts = self.schema.child(number), self.array.child(number)
        return Piece(*parts, self.owner)

    def numbers(self, buffer: int, dtype: DTypeLike, start: int, stop: int) -> AnyArray:
        """Return items of a buffer where they are, read-only."""
        kind = np.dtype(dtype)
        if stop <= start:
            return np.empty(0, kind)
        address = self.array.buffers[buffer] + start * kind.itemsize
        return np.asarray(_Lent(address, kind, stop - start, self.owner))

    def nulls(self, start: int, stop: int) -> AnyArray:
        """Return the places between two, counted from the first, that hold nothing."""
        if not (self.array.null_count and self.array.n_buffers):
            return np.empty(0, np.int64)
        if not self.array.buffers[0]:
            return np.empty(0, np.int64)
        return np.flatnonzero(~self.bits(0, start, stop))

    def bits(self, buffer: int, start: int, stop: int) -> AnyArray:
        """Return a bool for each bit of a buffer."""
        first = start // 8
        packed = self.numbers(buffer, np.uint8, first, -(-stop // 8))
        unpacked = np.unpackbits(packed, bitorder="little").view(np.bool_)
        return unpacked[start - 8 * first : stop - 8 * first]


class _Lent:
    """Memory of somebody else as NumPy can look at it; kept by the arrays on it."""

    def __init__(
        self, address: int, dtype: np.dtype[Any], length: int, owner: object
    ) -> None:
        self._owner = owner
        self.__array_interface__ = {
            "version": 3,
            "data": (address, True),
            "shape": (length,),
            "typestr": dtype.str,
        }


def pieces_of(value: Any) -> Iterator[Piece]:
    """Return the pieces of an object that has one of Arrow's two methods."""
    if hasattr(value, "__arrow_c_array__"):
        capsules = value.__arrow_c_array__()
        schema = schema_in(capsules[0])
        array = _held(ArrowArray, capsules[1], b"arrow_array")
        # A capsule releases what it holds when it goes.
        yield Piece(schema, array, capsules)
        return
    yield from _streamed(value.__arrow_c_stream__())


def schema_in(capsule: object) -> ArrowSchema:
    """Return the type in a capsule, which must outlive it."""
    return _held(ArrowSchema, capsule, b"arrow_schema")


def _held(kind: type[Struct], capsule: object, name: bytes) -> Struct:
    """Return the struct in a capsule, unless somebody else has taken it already."""
    struct = kind.from_address(_address(capsule, name))
    # What was moved on leaves addresses of memory that may be gone.
    if not struct.release:
        msg = f"its {name.decode()} was read before, and can be read once"
        raise ValueError(msg)
    return struct


def _streamed(capsule: object) -> Iterator[Piece]:
    stream = _held(_ArrowStream, capsule, b"arrow_array_stream")
    address = ctypes.addressof(stream)
    schema = _OwnedSchema()
    _check(stream, address, stream.get_schema(address, ctypes.addressof(schema)))
    while True:
        array = _OwnedArray()
        _check(stream, address, stream.get_next(address, ctypes.addressof(array)))
        if not array.release:
            return
        yield Piece(schema, array, (schema, array))


def _check(stream: _ArrowStream, address: int, code: int) -> None:
    if code:
        said = stream.get_last_error(address) or b"no reason given"
        raise OSError(code, said.decode(errors="replace"))


def _int32(address: int) -> tuple[int, int]:
    return ctypes.c_int32.from_address(address).value, address + 4


def _text(address: int) -> tuple[bytes, int]:
    length, address = _int32(address)
    return ctypes.string_at(address, length), address + length


def _released(struct: Any) -> None:
    if struct.release:
        struct.release(ctypes.addressof(struct))


_ADDRESS_IN = ctypes.PYFUNCTYPE(_POINTER, ctypes.py_object, ctypes.c_char_p)
_address = _ADDRESS_IN(("PyCapsule_GetPointer", ctypes.pythonapi))
