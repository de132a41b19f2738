"""Write vector files for tests, from their descriptions and not with the readers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

VECS = {".fvecs": "<f4", ".bvecs": "u1", ".ivecs": "<i4"}
BINS = {".fbin": "<f4", ".u8bin": "u1", ".i8bin": "i1"}
BINARY_SUFFIXES = [*VECS, *BINS, ".npy"]


def sample(dtype: str, shape: tuple[int, int] = (7, 5)) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 100, shape).astype(dtype)


def encode(suffix: str, array: np.ndarray) -> bytes:
    rows, dim = array.shape
    if suffix in VECS:
        return b"".join(struct.pack("<i", dim) + row.tobytes() for row in array)
    return struct.pack("<II", rows, dim) + array.tobytes()


def write(folder: Path, suffix: str, shape: tuple[int, int] = (7, 5)):
    array = sample({**VECS, **BINS, ".npy": "f4"}[suffix], shape)
    path = folder / f"sample{suffix}"
    if suffix == ".npy":
        np.save(path, array)
    else:
        path.write_bytes(encode(suffix, array))
    return path, array
