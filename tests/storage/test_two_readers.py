"""Two readers, one verdict: on drawn mutations and on what fuzzing found.

``QUIVER_FAULT_SCALE=n`` tries n times as many of the drawn cases (``make faults``).
"""

from __future__ import annotations

import random
import tarfile
from pathlib import Path

from forge import Forgery
from refusals import second_reader_refuses
from small_index import SCALE, saved

import quiver
from quiver.errors import FileFormatError

KEPT_CORPUS = Path(__file__).parents[1] / "data" / "fuzz-corpus.tar.xz"


def test_both_readers_agree_on_mutated_files(tmp_path):
    """Mutations reach past the checksums, which are made right again."""
    path, data = saved(tmp_path)
    draw = random.Random(1)
    n_accepted = 0
    for _ in range(1500 * SCALE):
        mutated = mutate(Forgery.of(data), draw)
        path.write_bytes(mutated)
        try:
            quiver.open(path, verify="full", backend="reference")
            accepted = True
        except FileFormatError:
            accepted = False
        assert accepted != second_reader_refuses(mutated)
        n_accepted += accepted
    assert n_accepted > 0


def test_both_readers_agree_on_what_fuzzing_found(tmp_path):
    path, n_files = tmp_path / "found.quiver", 0
    with tarfile.open(KEPT_CORPUS) as kept:
        for entry in kept:
            data = kept.extractfile(entry).read()
            path.write_bytes(data)
            try:
                quiver.open(path, verify="full", backend="reference")
                accepted = True
            except FileFormatError:
                accepted = False
            assert accepted != second_reader_refuses(data), entry.name
            n_files += 1
    assert n_files > 50


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
            content = draw.choice(forgery.sections)
            content[draw.randrange(len(content))] = draw.choice([0, 1, 7, 127, 255])
    return forgery.pack(rehash=draw.random() < 0.9)
