"""Writer: a state to the bytes of a file, the vectors in blocks.

Sections go first and the front last, because the front holds their checksums; a file
cut short on the way therefore starts with zeros and is refused at its first byte.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from quiver._typing import AnyArray, ColdDtype
from quiver.errors import InvalidArgumentError
from quiver.state import State
from quiver.storage.atomic import write_all
from quiver.storage.header import BUILT_VERSION, FORMAT_VERSION, Header, pack_header
from quiver.storage.invariants import (
    codes_fault,
    entry_points_fault,
    ids_fault,
    mean_fault,
    neighbors_fault,
    unlinked_fault,
)
from quiver.storage.layout import (
    Section,
    fingerprint,
    pack_front,
    pack_live,
    pack_signs,
    plan_sections,
)
from quiver.storage.narrow import as_stored

CHUNK_BYTES = 1 << 24
"""Bytes of vectors converted and hashed at a time."""

_UNKNOWN_HASH = "0" * 64


def make_header(state: State, cold_dtype: ColdDtype, version: str) -> Header:
    """Return the header of an index; the hash of its vectors is not yet known."""
    is_new = state.version > 0 or not state.has_graph
    return Header(
        n=state.n,
        dim=state.dim,
        metric=state.metric,
        n_entry_points=len(state.entry_points),
        params=state.params,
        encoding=state.encoding,
        cold_dtype=cold_dtype,
        data_sha256=_UNKNOWN_HASH,
        quiver_version=version,
        diagnosis=state.notes,
        n_unlinked=len(state.unlinked),
        # As old as can be: what never changed is read by older releases too.
        version=FORMAT_VERSION if is_new else BUILT_VERSION,
        width=state.neighbors.shape[1],
        n_dead=state.n - state.n_live,
        changes=state.version,
        build_mean=state.build_mean is not None,
    )


def check_savable(state: State) -> None:
    """Raise if the index breaks a rule by which its file would be refused.

    Raises
    ------
    InvalidArgumentError
        Naming the part, the place, the value and the rule.
    """
    faults = {
        "codes": codes_fault(state.codes, state.metric),
        "neighbors": neighbors_fault(state.neighbors),
        "ids": ids_fault(state.ids, state.live),
        "entry_points": entry_points_fault(state.entry_points, state.n),
        "unlinked": unlinked_fault(
            *(state.unlinked, state.neighbors, state.entry_points, state.metric)
        ),
        "mean": mean_fault(state.transform.mean, state.encoding),
    }
    for part, fault in faults.items():
        if fault is not None:
            msg = (
                f"index.{part} must hold {fault.expected}, "
                f"got {fault.found} in row {fault.row}, column {fault.column}"
            )
            raise InvalidArgumentError(msg)


def write_state(fd: int, state: State, header: Header) -> str:
    """Write all bytes of the file to an empty descriptor; return their fingerprint.

    Raises
    ------
    InvalidArgumentError
        If a vector does not fit the dtype that was asked for.
    """
    # The true hash, known at the end, is as long as the zeros that stand for it.
    header_length = len(pack_header(header))
    plan = plan_sections(header, header_length)
    digest = hashlib.sha256()
    blocks: dict[str, Iterable[AnyArray]] = {
        "codes": [state.codes.rows],
        "neighbors": [state.neighbors],
        "ids": [state.ids],
        "mean": [state.transform.mean],
        "signs": [pack_signs(state.transform.signs)],
        "entry_points": [state.entry_points],
        "unlinked": [state.unlinked],
        "live": [pack_live(state.live, state.n)],
        "build_mean": [] if state.build_mean is None else [state.build_mean],
        "vectors": _hashed(_stored_blocks(state, header.cold_dtype), digest),
    }
    end = plan[0].offset  # Nothing pads the first section.
    os.lseek(fd, end, os.SEEK_SET)
    written = []
    for section in plan:
        write_all(fd, bytes(section.offset - end))
        crc = _write_blocks(fd, section, blocks[section.name])
        written.append(section._replace(crc=crc))
        end = section.offset + section.length
    header = replace(header, data_sha256=digest.hexdigest())
    os.lseek(fd, 0, os.SEEK_SET)
    front = pack_front(pack_header(header), written, header.version)
    write_all(fd, front)
    return fingerprint(front)


def _write_blocks(fd: int, section: Section, blocks: Iterable[AnyArray]) -> int:
    crc = 0
    dtype = np.dtype("<" + section.dtype)
    for block in blocks:
        content = _bytes_of(np.ascontiguousarray(block, dtype=dtype))
        crc = zlib.crc32(content, crc)
        write_all(fd, content)
    return crc


def _stored_blocks(state: State, cold_dtype: ColdDtype) -> Iterator[AnyArray]:
    """Yield the vectors as stored, a block at a time, whether in memory or not."""
    n, dim = state.vectors.shape
    block_rows = max(1, CHUNK_BYTES // (4 * dim))
    for start in range(0, n, block_rows):
        block = state.vectors[start : start + block_rows]
        yield as_stored(block, cold_dtype, state.metric, start)


def _hashed(blocks: Iterable[AnyArray], digest: hashlib._Hash) -> Iterator[AnyArray]:
    for block in blocks:
        digest.update(_bytes_of(block))
        yield block


def _bytes_of(array: AnyArray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
