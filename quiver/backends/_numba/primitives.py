"""What LLVM offers and Python lacks: bit casts, prefetch, moves. And keys."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quiver.backends._numba.caching import cache_folder, cached_in
from quiver.errors import SlowBackendWarning

_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))


def readonly(dtype: types.Type, ndim: int) -> types.Array:
    """Return the type of a C-ordered input that is never written to."""
    return types.Array(dtype, ndim, "C", readonly=True, aligned=False)


def writable(dtype: types.Type, ndim: int) -> types.Array:
    """Return the type of a C-ordered output or scratch array."""
    return types.Array(dtype, ndim, "C")


def kernel(
    signature: Any, *, inline: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """Compile with the settings all kernels share; division follows NumPy.

    ``inline`` is for what a walk does at every hop: arrays are long arguments.
    """
    settings = {
        "nogil": True,
        "error_model": "numpy",
        "forceinline": inline,
        "no_cfunc_wrapper": True,
    }
    jit = partial(nb.njit, signature, **settings)

    def compile_kernel(function: Callable[..., Any]) -> Any:
        folder = cache_folder()
        if folder is not None:
            try:
                with cached_in(folder):
                    return jit(cache=True)(function)
            # A damaged file raises anything; what is wrong with the kernel comes again.
            except Exception:
                pass
        _warn_that_nothing_is_cached(folder)
        return jit()(function)

    return compile_kernel


@cache
def _warn_that_nothing_is_cached(folder: Path | None) -> None:
    why = "no folder can be written for their cache. Remedy: let"
    if folder is not None:
        why = (
            f"their cache in {folder} cannot be read or written: it is damaged, or the "
            "disk full. Remedy: delete that folder, or let"
        )
    msg = (
        f"the numba kernels are compiled anew in every process, because {why} the "
        "environment variable NUMBA_CACHE_DIR name one that can."
    )
    warnings.warn(msg, SlowBackendWarning, stacklevel=2)


@intrinsic
def borrowed(typing_context, values):
    """Return arrays, in tuples or not, without an owner: nothing counts their users.

    Counting is atomic, and is done for every view and call: it took a third of a walk.
    Only for arguments, which the caller keeps alive.
    """

    def generate(context, builder, signature, args):
        return _without_owner(context, builder, signature.args[0], args[0])

    return values(values), generate


def _without_owner(context, builder, kind, value):
    if isinstance(kind, types.BaseTuple):
        parts = [
            _without_owner(context, builder, part, builder.extract_value(value, place))
            for place, part in enumerate(kind)
        ]
        return context.make_tuple(builder, kind, parts)
    if not isinstance(kind, types.Array):
        return value
    struct = context.make_array(kind)(context, builder, value)
    struct.meminfo = cgutils.get_null_value(struct.meminfo.type)
    return struct._getvalue()


@intrinsic
def float_bits(typing_context, value):
    """Return the bits of a float32 as uint32."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], _I32)

    return types.uint32(types.float32), generate


@intrinsic
def bits_float(typing_context, bits):
    """Return the float32 with the given uint32 bits."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.uint32), generate


def row_address(context, builder, array_type, array, row):
    """Return the integer address of ``array[row, 0]`` of a C-ordered matrix."""
    struct = context.make_array(array_type)(context, builder, array)
    start = builder.ptrtoint(struct.data, _I64)
    n_bytes = row_bytes(context, builder, array_type, array)
    return builder.add(start, builder.mul(row, n_bytes))


def row_bytes(context, builder, array_type, array):
    """Return the bytes of a row of a C-ordered matrix, whatever its stride if alone."""
    struct = context.make_array(array_type)(context, builder, array)
    width = cgutils.unpack_tuple(builder, struct.shape, 2)[1]
    return builder.mul(width, struct.itemsize)


@intrinsic
def prefetch_line(typing_context, matrix, row, line):
    """Ask for cache line ``line`` of ``matrix[row]``; no effect on results."""

    def generate(context, builder, signature, args):
        address = row_address(context, builder, signature.args[0], *args[:2])
        offset = builder.mul(args[2], ir.Constant(_I64, 64))
        pointer = builder.inttoptr(builder.add(address, offset), _I8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
        prefetch = cgutils.get_or_insert_function(
            builder.module, kind, "llvm.prefetch.p0"
        )
        read, keep, data = (ir.Constant(_I32, value) for value in (0, 3, 1))
        builder.call(prefetch, [pointer, read, keep, data])
        return context.get_dummy_value()

    return types.void(matrix, types.int64, types.int64), generate


@intrinsic
def move_up(typing_context, array, start, stop):
    """Move ``array[start:stop]`` one place up."""

    def generate(context, builder, signature, args):
        struct = context.make_array(signature.args[0])(context, builder, args[0])
        source = builder.gep(struct.data, [args[1]])
        target = builder.gep(struct.data, [builder.add(args[1], ir.Constant(_I64, 1))])
        count = builder.sub(args[2], args[1])
        size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
        cgutils.raw_memmove(builder, target, source, count, size)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), generate


@kernel(types.uint64(types.float32, types.uint32), inline=True)
def make_key(distance, row):
    """Pack (distance, id); see `quiver.reference.keys.make_keys`."""
    bits = float_bits(distance + np.float32(0))
    if bits & np.uint32(0x8000_0000):
        ordered = np.uint32(~bits)
    else:
        ordered = np.uint32(bits | np.uint32(0x8000_0000))
    return (np.uint64(ordered) << np.uint64(32)) | np.uint64(row)


@kernel(types.float32(types.uint64))
def key_distance(key):
    """Return the distance of a real key; see `quiver.reference.keys.key_distances`."""
    ordered = np.uint32(key >> np.uint64(32))
    if ordered & np.uint32(0x8000_0000):
        return bits_float(np.uint32(ordered ^ np.uint32(0x8000_0000)))
    return bits_float(np.uint32(~ordered))


@kernel(types.int64(writable(types.uint64, 1), types.int64, types.uint64), inline=True)
def insert_sorted(keys, count, key):
    """Insert into ``keys[:count]``; the last falls off when full. Return the place."""
    # The place moves by an addition, not a branch: half of those would be mispredicted.
    low, length = 0, count
    while length > 1:
        half = length >> 1
        low += half * np.int64(keys[low + half - 1] < key)
        length -= half
    if count > 0:
        low += np.int64(keys[low] < key)
    move_up(keys, low, min(count, len(keys) - 1))
    keys[low] = key
    return low
