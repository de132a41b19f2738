"""Hot part in the file: the answers of memory, one copy for all, and what is proven."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from format_reader import ENTRY, align
from isolated_run import run_isolated
from rows import normal_rows
from small_index import (
    answers,
    assert_same_index,
    save_ring,
    saved,
    saved_changed,
    saved_with_copies,
    small_index,
)

import quiver
from quiver.conformance.hazards import METRICS
from quiver.errors import FileFormatError, InvalidArgumentError
from quiver.storage.mapped import MappedFile
from quiver.storage.source import SourceFile

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
posix = pytest.mark.skipif(os.name != "posix", reason="Windows cuts no mapped file")

VERSION_1 = Path(__file__).parents[1] / "data" / "golden-v1-corrected-float32.quiver"
MAPPED = ("codes", "neighbors", "ids")


def opened(path: Path, verify: str = "fast") -> quiver.Index:
    return quiver.open(path, hot="mmap", verify=verify, backend="reference")


def places(data: bytes) -> dict[str, range]:
    """Return which bytes of a file each section has."""
    table = align(64 + int.from_bytes(data[16:20], "little"), 64)
    lines = (ENTRY.unpack_from(data, table + 64 * i) for i in range(data[20]))
    return {x[0].rstrip(b"\0").decode(): range(x[5], x[5] + x[6]) for x in lines}


def overwrite(path: Path, offset: int, content: bytes) -> None:
    """Change bytes in place, so that every mapping of the file sees it."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


@pytest.mark.parametrize("verify", ["none", "fast", "full"])
@pytest.mark.parametrize("metric", METRICS)
def test_kernels_answer_from_the_file_as_from_memory(tmp_path, backend, metric, verify):
    path, _ = saved(tmp_path, n=120, dim=20, metric=metric)
    memory = quiver.open(path, backend=backend.name)
    mapped = quiver.open(path, hot="mmap", verify=verify, backend=backend.name)
    queries = normal_rows(20, 20, seed=5)
    among = memory.ids % 3 > 0
    for asked in ({}, {"k": 120, "ef": 120}, {"filter": among}):
        expected, found = (
            memory.search(queries, **asked),
            mapped.search(queries, **asked),
        )
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.distances, expected.distances)
        for part, twin in zip(
            vars(found.stats).values(), vars(expected.stats).values(), strict=True
        ):
            np.testing.assert_array_equal(part, twin)
    near, twin = (one.search_radius(queries, 1.0) for one in (mapped, memory))
    np.testing.assert_array_equal(near.ids, twin.ids)
    assert str(mapped.explain(queries[0])) == str(memory.explain(queries[0]))
    assert mapped.check(full=True).ok


@pytest.mark.parametrize("verify", ["none", "fast", "full"])
def test_codes_graph_and_ids_are_read_only_in_the_file_at_cache_lines(tmp_path, verify):
    path, _ = saved(tmp_path, n=50)
    index = opened(path, verify)
    for array in (index.codes.rows, index.neighbors, index.ids):
        assert array.ctypes.data % 64 == 0
        assert not array.flags.writeable
        assert not array.flags.owndata
    report = index.memory_report()
    assert report.mapped == report.hot == 50 * (64 + 16 + 8)
    assert str(report).startswith("hot 4.3 KiB, 4.3 KiB in the file (88 B per vector")
    assert quiver.open(path, cold="mmap").memory_report().mapped == 0


def test_codes_of_version_1_are_laid_out_in_memory(tmp_path):
    index = opened(VERSION_1)
    report = index.memory_report()
    assert report.mapped == report.graph + report.ids
    assert_same_index(index, quiver.open(VERSION_1, backend="reference"))
    for verify in ("none", "full"):
        assert_same_index(opened(VERSION_1, verify), index)


@pytest.mark.parametrize("make", [saved_changed, saved_with_copies])
@pytest.mark.parametrize("verify", ["none", "fast", "full"])
def test_removed_rows_and_copies_are_those_of_the_file(tmp_path, make, verify):
    path, _ = make(tmp_path)
    assert_same_index(opened(path, verify), quiver.open(path, backend="reference"))


def test_an_index_without_rows_is_mapped(tmp_path):
    quiver.Index.create(3, backend="reference").save(tmp_path / "empty.quiver")
    for verify in ("none", "fast", "full"):
        index = opened(tmp_path / "empty.quiver", verify)
        assert index.search([1, 2, 3], k=1).ids.tolist() == [-1]
        assert index.memory_report().mapped == 0
    index.add(normal_rows(2, 3))
    assert len(index) == 2


def bytes_read(monkeypatch, path: Path, verify: str) -> tuple[int, int]:
    """Return the bytes that opening reads, and those of the mapping it looks at."""
    read, looked_at = [], []
    checksum, crc = SourceFile.checksum_into, MappedFile.crc

    def counted(self, part, offset, view):
        read.append(len(view))
        return checksum(self, part, offset, view)

    def counted_crc(self, section):
        looked_at.append(section.length)
        return crc(self, section)

    with monkeypatch.context() as patch:
        patch.setattr(SourceFile, "checksum_into", counted)
        patch.setattr(MappedFile, "crc", counted_crc)
        opened(path, verify)
    return sum(read), sum(looked_at)


def test_without_verification_opening_reads_as_much_of_many_rows_as_of_few(
    tmp_path, monkeypatch
):
    amounts = []
    for n in (100, 10_000):
        path = tmp_path / f"{n}.quiver"
        save_ring(path, n)
        amounts.append(bytes_read(monkeypatch, path, "none"))
        hot = opened(path).memory_report().hot
        assert bytes_read(monkeypatch, path, "fast") == (amounts[-1][0], hot)
    # What differs is padding, at most a page.
    assert {looked_at for _, looked_at in amounts} == {0}
    assert max(read for read, _ in amounts) < 3 * 4096


@linux
@pytest.mark.parametrize("verify", ["none", "fast"])
def test_without_verification_no_page_of_the_mapping_is_touched(tmp_path, verify):
    path = tmp_path / "ring.quiver"
    save_ring(path, 10_000)
    index = opened(path, verify)
    lines = Path("/proc/self/smaps").read_text().splitlines()
    starts = [i for i, line in enumerate(lines) if line.endswith(str(path))]
    resident = [
        next(int(x.split()[1]) for x in lines[i:] if x.startswith("Rss:"))
        for i in starts
    ]
    assert (sum(resident) == 0) == (verify == "none")
    assert sum(resident) << 10 <= index.memory_report().hot + (1 << 17)


@linux
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_eight_processes_hold_one_copy(tmp_path, method):
    path = tmp_path / "ring.quiver"
    save_ring(path, 50_000)
    hot = opened(path).memory_report().hot
    assert hot > 15e6
    lines = run_isolated("shared_hot.py", path, method).splitlines()
    assert len(lines) == 8
    found = np.array([line.split() for line in lines], dtype=np.int64)
    in_file, share, own, beside = found.T
    assert (in_file >= hot).all()
    assert (own < hot / 16).all()
    assert (beside < hot / 8).all()
    # Together they hold the file about once, and not eight times.
    assert share.sum() < 1.5 * hot


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hot": "mmap", "cold": "memory"}, "cold must be 'mmap' with hot='mmap'"),
        ({"verify": "none"}, "verify must be 'fast' or 'full' with hot='memory'"),
        ({"cold": "mmap", "verify": "none"}, "verify must be 'fast' or 'full' with"),
        ({"hot": "disk"}, "hot must be one of"),
    ],
)
def test_places_that_do_not_go_together_are_named(tmp_path, options, message):
    path, _ = saved(tmp_path)
    with pytest.raises(InvalidArgumentError, match=message):
        quiver.open(path, **options)


@pytest.mark.parametrize("make", [saved, saved_changed, saved_with_copies])
def test_without_verification_only_what_is_mapped_is_believed(tmp_path, make):
    path, data = make(tmp_path)
    believed = {*MAPPED, "vectors"}
    of_section = {
        offset: name for name, place in places(data).items() for offset in place
    }
    for offset, byte in enumerate(data):
        overwrite(path, offset, bytes([byte ^ 1 << offset % 8]))
        if of_section.get(offset) in believed:
            opened(path, "none")
        else:
            with pytest.raises(FileFormatError):
                opened(path, "none")
        overwrite(path, offset, bytes([byte]))


@pytest.mark.parametrize("name", MAPPED)
def test_damage_that_was_believed_is_found_by_a_check(tmp_path, name):
    path, data = saved(tmp_path, fill=False)
    place = places(data)[name]
    # A neighbour out of range, a bias of inner product, the id of another row.
    damage = {"neighbors": b"\xfe" * 4, "codes": b"\0" * 4 + b"\0\0\x80\x3f"}
    content = damage.get(name, data[place[8] : place[16]])
    overwrite(path, place[0], content)
    index = opened(path, "none")
    assert not index.check().ok
    line = index.check(full=True).lines[-1]
    assert line.detail == f"CRC-32 of section {name!r} is not the file's"
    for verify in ("fast", "full"):
        with pytest.raises(
            FileFormatError, match=rf"section '{name}' at byte \d+: found"
        ):
            opened(path, verify)


def test_damage_while_open_is_found_by_a_check(tmp_path):
    path, data = saved(tmp_path)
    index = opened(path, "full")
    assert index.check(full=True).ok
    assert "not read: the file's checksums (full=True" in str(index.check())
    mtime = path.stat().st_mtime_ns
    overwrite(path, places(data)["neighbors"][0], (12).to_bytes(4, "little"))
    # As a failing disk does it: nothing tells.
    os.utime(path, ns=(mtime, mtime))
    assert "expected below n = 12" in str(index.check())
    assert index.check().lines[-1].name != "walks"


def test_a_file_that_is_copied_over_while_open_is_refused(tmp_path):
    path, data = saved(tmp_path, n=50)
    other = small_index(n=50, seed=1)
    other.save(tmp_path / "other.quiver")
    index, cold = opened(path), quiver.open(path, cold="mmap", backend="reference")
    assert len(data) == (tmp_path / "other.quiver").stat().st_size
    overwrite(path, 0, (tmp_path / "other.quiver").read_bytes())
    os.utime(path, ns=(0, 0))
    for act in (lambda: answers(index), index.check, lambda: index.get(9000)):
        with pytest.raises(FileFormatError, match="was written to while open"):
            act()
    # Wrong vectors crash nothing: they are left to a check.
    answers(cold)
    assert not cold.check(full=True).ok
    assert_same_index(opened(path), other)


@posix
@pytest.mark.parametrize("size", [0, 4096, -1])
def test_every_verb_finds_that_the_file_was_cut(tmp_path, size):
    path, data = saved(tmp_path, n=50, metric="euclidean")
    index, query = opened(path), normal_rows(1, 5, seed=9)[0]
    own, pages = index.filter(index.ids % 2 > 0), index.pages(query, size=20)
    next(pages)
    os.truncate(path, size % len(data))
    acts = (
        lambda: index.search(query, filter=own),
        lambda: index.search_radius(query, 1.0),
        lambda: list(pages),
        lambda: index.explain(query),
        lambda: index.check(),
        lambda: index.get(9000),
        lambda: index.add(query[None]),
        lambda: index.remove([9000]),
        lambda: index.consolidate(refit=True),
        lambda: index.save(tmp_path / "other.quiver"),
        lambda: pickle.dumps(index),
    )
    for act in acts:
        with pytest.raises(FileFormatError, match="cut short while open"):
            act()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_change_copies_what_it_changes_and_leaves_the_file(tmp_path):
    path, data = saved(tmp_path, n=50, metric="euclidean")
    index, twin = opened(path), quiver.open(path, backend="reference")
    hot = index.memory_report().hot
    for one in (index, twin):
        one.remove([9000, 8993], consolidate="manual")
    assert index.memory_report().mapped == hot
    for one in (index, twin):
        one.add(normal_rows(3, 5, seed=7), [1, 2, 3])
    assert index.memory_report().mapped == 0
    for one in (index, twin):
        one.consolidate()
    assert_same_index(index, twin)
    assert path.read_bytes() == data
    index.save(tmp_path / "new.quiver")
    assert_same_index(opened(tmp_path / "new.quiver"), twin)


def test_a_journal_is_kept_beside_a_mapped_file(tmp_path):
    path, data = saved(tmp_path, n=50, metric="euclidean")
    index = quiver.open(path, hot="mmap", backend="reference", journal=True)
    index.add(normal_rows(3, 5, seed=7))
    expected = index.state
    del index
    again = quiver.open(path, hot="mmap", backend="reference", journal=True)
    np.testing.assert_array_equal(again.neighbors, expected.neighbors)
    assert path.read_bytes() == data


def refuse_to_read(*_args: object) -> None:
    pytest.fail("the hot part was read again")


def test_a_pickle_carries_the_proof_to_another_process(tmp_path, monkeypatch):
    path, _ = saved(tmp_path, n=50)
    content = pickle.dumps(opened(path))
    monkeypatch.setattr(MappedFile, "crc", refuse_to_read)
    monkeypatch.setattr("quiver.storage.reader.neighbors_fault", refuse_to_read)
    found = pickle.loads(content)
    assert found.memory_report().mapped == found.memory_report().hot
    for part, twin in zip(answers(found), answers(small_index(n=50)), strict=True):
        np.testing.assert_array_equal(part, twin)


@pytest.mark.parametrize("verify", ["none", "fast"])
def test_a_file_that_was_touched_since_is_proven_again(tmp_path, verify):
    path, data = saved(tmp_path, n=50)
    content = pickle.dumps(opened(path, verify))
    overwrite(path, places(data)["neighbors"][0], b"\xff" * 4)
    os.utime(path, ns=(0, 0))
    with pytest.raises(FileFormatError, match="section 'neighbors'"):
        pickle.loads(content)
    path.write_bytes(data)
    assert_same_index(pickle.loads(content), small_index(n=50))
