"""Strangers: files that are no index, known by their first bytes or their suffix."""

from __future__ import annotations

from pathlib import Path

_READ = "its vectors are read by quiver.datasets.read_vectors(path)"
_LOAD = "its arrays are read by np.load(path)[name]"

_MINE = "an index is written by index.save(path)"
_RECONSTRUCT = "its vectors are index.reconstruct_n(0, index.ntotal) in faiss"

# First bytes, what such a file is, and what to do with it.
_MAGICS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    ((b"\x93NUMPY",), "a NumPy array", _READ),
    ((b"\x89HDF\r\n\x1a\n",), "an HDF5 file", _READ),
    ((b"PK\x03\x04",), "a zip archive (.npz, or of PyTorch)", _LOAD),
    ((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "a pickle", _MINE),
    ((b"Ix", b"IH", b"Iw"), "an index of faiss", _RECONSTRUCT),
    ((b"PAR1",), "a Parquet file", _READ),
    ((b"ARROW1",), "an Arrow file", _READ),
    ((b"SQLite format 3\0",), "an SQLite database", "select its vectors first"),
)

_SUFFIXES = (".fvecs", ".bvecs", ".ivecs", ".fbin", ".u8bin", ".i8bin")


def recognize(path: Path, start: bytes) -> tuple[str, str] | None:
    """Return what a foreign file is and what to do with it, or None if unknown."""
    for magics, kind, remedy in _MAGICS:
        if start.startswith(magics):
            return kind, remedy
    if path.suffix.lower() in _SUFFIXES:
        return "a file of vectors", _READ
    return None
