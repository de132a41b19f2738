"""What LLVM offers and Python lacks: popcount, bit casts, prefetch, an int8 dot.

The intrinsics are portable LLVM IR: the compiler lowers them to whatever vector
instructions the processor has, and integer results cannot depend on that choice.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quiver.errors import SlowBackendWarning

PIECE_BYTES = 32

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def readonly(dtype: types.Type, ndim: int) -> types.Array:
    """Return the type of a C-ordered input that is never written to."""
    return types.Array(dtype, ndim, "C", readonly=True, aligned=False)


def writable(dtype: types.Type, ndim: int) -> types.Array:
    """Return the type of a C-ordered output or scratch array."""
    return types.Array(dtype, ndim, "C")


def kernel(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile with the settings all kernels share; division follows NumPy."""
    jit = partial(nb.njit, signature, nogil=True, error_model="numpy")

    def compile_kernel(function: Callable[..., Any]) -> Any:
        try:
            return jit(cache=True)(function)
        except (RuntimeError, OSError):
            # There is no folder for the cache, or none that takes another file.
            _warn_that_nothing_is_cached()
            return jit()(function)

    return compile_kernel


@cache
def _warn_that_nothing_is_cached() -> None:
    msg = (
        "the numba kernels are compiled anew in every process, because no folder can "
        "be written for their cache. Remedy: let the environment variable "
        "NUMBA_CACHE_DIR name one that can."
    )
    warnings.warn(msg, SlowBackendWarning, stacklevel=2)


@intrinsic
def popcount(typing_context, word):
    """Count the set bits of a uint64, as int64."""

    def generate(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


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
    stride = cgutils.unpack_tuple(builder, struct.strides, 2)[0]
    start = builder.ptrtoint(struct.data, _I64)
    return builder.add(start, builder.mul(row, stride))


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


def dot_values(bits):
    """Make Σ v_j·u_j of a coded row and an int8 query: an intrinsic, int64, exact.

    Every shift of 32 code bytes lines up with 32 values of one plane; beside the
    corrections the values are zero. Products of all planes of a byte reach 1 524,
    3 810 or 32 385, so 16 bits hold them; the pieces of a row add in 32.
    """

    @intrinsic
    def dot(typing_context, words, row, values, query, n_pieces):
        def generate(context, builder, signature, args):
            code = row_address(context, builder, signature.args[0], *args[:2])
            value = row_address(context, builder, signature.args[2], *args[2:4])
            plane_bytes = builder.mul(args[4], ir.Constant(_I64, PIECE_BYTES))
            narrow, wide = ir.VectorType(_I16, 32), ir.VectorType(_I32, 32)
            total = cgutils.alloca_once_value(builder, ir.Constant(wide, None))
            with cgutils.for_range(builder, args[4]) as loop:
                start = builder.mul(loop.index, ir.Constant(_I64, PIECE_BYTES))
                piece = _load_piece(builder, builder.add(code, start))
                sums = ir.Constant(narrow, None)
                place = builder.add(value, start)
                for shift in range(0, 8, bits):
                    u = builder.lshr(piece, _splat(shift))
                    u = builder.and_(u, _splat((1 << bits) - 1))
                    v = _load_piece(builder, place)
                    product = builder.mul(
                        builder.zext(u, narrow), builder.sext(v, narrow)
                    )
                    sums = builder.add(sums, product)
                    place = builder.add(place, plane_bytes)
                grown = builder.add(builder.load(total), builder.sext(sums, wide))
                builder.store(grown, total)
            return builder.sext(_reduce_add(builder, builder.load(total)), _I64)

        signature = types.int64(words, types.int64, values, types.int64, types.int64)
        return signature, generate

    return dot


def _splat(value: int) -> ir.Constant:
    return ir.Constant(ir.VectorType(_I8, PIECE_BYTES), [value] * PIECE_BYTES)


def _load_piece(builder, address):
    """Load 32 bytes, wherever they are aligned."""
    vector = ir.VectorType(_I8, PIECE_BYTES)
    pointer = builder.inttoptr(address, vector.as_pointer())
    return builder.load(pointer, align=1)


def _reduce_add(builder, vector):
    kind = ir.FunctionType(_I32, [vector.type])
    name = "llvm.vector.reduce.add.v32i32"
    return builder.call(
        cgutils.get_or_insert_function(builder.module, kind, name), [vector]
    )


@kernel(types.uint64(types.float32, types.uint32))
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


@kernel(types.int64(writable(types.uint64, 1), types.int64, types.uint64))
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
