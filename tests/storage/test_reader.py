"""Damaged files: every flipped bit, truncation and torn sector is refused.

``QUIVER_FAULT_SCALE=n`` tries n times as many of the drawn cases (``make faults``).
"""

from __future__ import annotations

import os
import random

import pytest
from refusals import refusal
from small_index import PLACES, SCALE, saved, small_index

import quiver
from quiver.errors import FileFormatError


class Target:
    """A file damaged in place: one write per case instead of one file."""

    def __init__(self, path, **options):
        self.fd = os.open(path, os.O_RDWR)
        self.path = path
        self.options = options

    def is_refused_with(self, offset: int, content: bytes) -> bool:
        before = os.pread(self.fd, len(content), offset)
        os.pwrite(self.fd, content, offset)
        try:
            quiver.open(self.path, backend="reference", **self.options)
        except FileFormatError:
            return True
        finally:
            os.pwrite(self.fd, before, offset)
        return False


@pytest.mark.parametrize("paper", [False, True])
def test_every_flipped_bit_is_refused(tmp_path, paper):
    path, data = saved(tmp_path, paper=paper)
    target = Target(path)
    # Of the second file one bit a byte, unless there is time.
    accepted = [
        (offset, bit)
        for offset, byte in enumerate(data)
        for bit in (range(8) if SCALE > 1 or not paper else [offset % 8])
        if not target.is_refused_with(offset, bytes([byte ^ 1 << bit]))
    ]
    assert accepted == []
    quiver.open(path, backend="reference")


@pytest.mark.parametrize("part", ["cold", "hot"])
def test_under_mmap_only_the_vectors_wait_for_full_verification(tmp_path, part):
    path, data = saved(tmp_path)
    vectors, where = 4 * 12 * 5, {part: "mmap"}
    fast, full = Target(path, **where), Target(path, **where, verify="full")
    for offset, byte in enumerate(data):
        flipped = bytes([byte ^ 1 << offset % 8])
        is_vector = offset >= len(data) - vectors
        assert fast.is_refused_with(offset, flipped) != is_vector
        if is_vector:
            assert full.is_refused_with(offset, flipped)


@pytest.mark.parametrize("place", [*PLACES.values(), {"hot": "mmap", "verify": "none"}])
def test_every_truncation_is_refused(tmp_path, place):
    path, data = saved(tmp_path)
    for size in reversed(range(len(data))):
        os.truncate(path, size)
        with pytest.raises(FileFormatError):
            quiver.open(path, **place, backend="reference")


@pytest.mark.parametrize("tail", [b"\0", b"x", bytes(63), bytes(4096)])
def test_appended_bytes_are_refused(tmp_path, tail):
    path, data = saved(tmp_path)
    assert "file size" in str(refusal(path, data + tail))


@pytest.mark.parametrize("block", [1, 16, 64, 512])
@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_every_overwritten_block_is_refused(tmp_path, block, fill):
    path, data = saved(tmp_path)
    target = Target(path)
    for start in range(0, len(data), block):
        content = bytes([fill]) * len(data[start : start + block])
        if content != data[start : start + block]:
            assert target.is_refused_with(start, content)


def test_sectors_of_two_saves_never_mix(tmp_path):
    # What a disk may hold if a replaced file was torn: any subset of its sectors.
    path, old = saved(tmp_path, seed=1)
    small_index(seed=2).save(path)
    new = path.read_bytes()
    assert len(old) == len(new)
    draw = random.Random(0)
    starts = [
        s for s in range(0, len(new), 512) if old[s : s + 512] != new[s : s + 512]
    ]
    for _ in range(200 * SCALE):
        chosen = draw.sample(starts, draw.randrange(1, len(starts)))
        mixed = bytearray(old)
        for start in chosen:
            mixed[start : start + 512] = new[start : start + 512]
        refusal(path, bytes(mixed))
