"""Two readers, one verdict: on drawn mutations and on what fuzzing found.

``QUIVER_FAULT_SCALE=n`` tries n times as many of the drawn cases (``make faults``).
"""

from __future__ import annotations

import random
import tarfile
from pathlib import Path

import pytest
from forge import Forgery
from refusals import second_reader_refuses
from small_index import (
    PLACES,
    SCALE,
    saved,
    saved_bytes,
    saved_changed,
    saved_with_copies,
)

import quiver
from quiver.errors import FileFormatError

KEPT_CORPUS = Path(__file__).parents[1] / "data" / "fuzz-corpus.tar.xz"


@pytest.mark.parametrize("save", [saved, saved_with_copies, saved_bytes, saved_changed])
def test_both_readers_agree_on_mutated_files(tmp_path, save):
    """Mutations reach past the checksums, which are made right again."""
    path, data = save(tmp_path)
    draw = random.Random(1)
    n_accepted = 0
    for _ in range(1500 * SCALE):
        mutated = mutate(Forgery.of(data), draw)
        n_accepted += readers_accept(path, mutated)
    assert n_accepted > 0


@pytest.mark.parametrize("save", [saved, saved_with_copies, saved_bytes, saved_changed])
def test_both_readers_refuse_every_changed_byte(tmp_path, save):
    path, data = save(tmp_path)
    draw = random.Random(2)
    for _ in range(500 * SCALE):
        changed = bytearray(data)
        changed[draw.randrange(len(data))] ^= draw.randrange(1, 256)
        assert not readers_accept(path, bytes(changed))


def test_both_readers_agree_on_what_fuzzing_found(tmp_path):
    path, n_files = tmp_path / "found.quiver", 0
    with tarfile.open(KEPT_CORPUS) as kept:
        for entry in kept:
            data = kept.extractfile(entry).read()
            readers_accept(path, data)
            n_files += 1
    assert n_files > 50


def readers_accept(path: Path, data: bytes) -> bool:
    """Return the verdict of both readers, which must be one, wherever the parts are."""
    path.write_bytes(data)
    accepted = {is_opened(path, **place) for place in PLACES.values()}
    assert accepted == {not second_reader_refuses(data)}
    return accepted.pop()


def is_opened(path: Path, **place: str) -> bool:
    try:
        quiver.open(path, verify="full", backend="reference", **place)
    except FileFormatError:
        return False
    return True


def mutate(forgery: Forgery, draw: random.Random) -> bytes:
    """Change a few bytes of sections, table or header text, then forge checksums."""
    for _ in range(draw.randrange(1, 4)):
        kind = draw.randrange(4)
        if kind == 0:
            key = draw.choice([*forgery.header])
            forgery.header[key] = draw.choice([0, 1, 12, -1, "", "x", None, [], {}])
        elif kind == 1:
            line = draw.choice(forgery.entries)
            forgery.pack()
            line[draw.randrange(2, 5)] = draw.choice([0, 1, 2, 12, 2**31, 2**32 - 1])
        else:
            content = draw.choice([part for part in forgery.sections if part])
            content[draw.randrange(len(content))] = draw.choice([0, 1, 7, 127, 255])
    return forgery.pack(rehash=draw.random() < 0.9)
