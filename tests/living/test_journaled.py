"""A journaled index is, after any end, the one that its operations made."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from isolated_run import run_isolated
from living_model import DIM, SHAPE, digest, untidy_pool

import quiver
from quiver._typing import Metric
from quiver.conformance.hazards import METRICS
from quiver.errors import FileAccessError, FileFormatError, LockError
from quiver.storage.journal import HEAD, Journal

POOL = untidy_pool(300, seed=6)


def based(folder: Path, metric: Metric = "euclidean") -> Path:
    path = folder / "base.quiver"
    quiver.Index.build(POOL[:100], metric=metric, params=SHAPE).save(path)
    return path


def change(index: quiver.Index) -> None:
    """Carry out every kind of operation once."""
    index.add(POOL[100:150])
    index.remove(range(0, 40, 2), consolidate="manual")
    index.update([1, 120], POOL[200:202], consolidate="manual")
    index.consolidate()
    index.remove(3)
    index.add(POOL[150:160], range(500, 510), consolidate="manual")
    index.consolidate(refit=True)
    index.repair()


def journal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.journal")


@pytest.mark.parametrize("metric", METRICS)
def test_opening_repeats_every_operation_to_the_same_bytes(
    metric: Metric, tmp_path: Path
) -> None:
    path = based(tmp_path, metric)
    index = quiver.open(path, journal=True)
    change(index)
    expected = digest(index)
    base = path.read_bytes()
    for _ in range(2):
        del index
        assert path.read_bytes() == base
        index = quiver.open(path, journal=True)
        assert index.version == 8
        assert digest(index) == expected
    # Without a journal the file is what was saved.
    assert quiver.open(path).version == 0


def test_saving_empties_the_journal_and_the_next_operation_is_its_first(
    tmp_path: Path,
) -> None:
    path = based(tmp_path)
    index = quiver.open(path, journal=True)
    change(index)
    index.save(tmp_path / "elsewhere.quiver")
    assert journal_of(path).stat().st_size > 10 * HEAD.size
    index.save(path)
    assert journal_of(path).stat().st_size == HEAD.size
    index.add(POOL[:1], [7777])
    del index
    again = quiver.open(path, journal=True)
    assert again.version == 9
    assert 7777 in again


def test_a_journal_that_the_file_is_ahead_of_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = based(tmp_path)
    index = quiver.open(path, journal=True)
    change(index)
    # As if the process had ended between the save and the emptying.
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "restart", lambda *_: None)
        index.save(path)
    expected = digest(index)
    assert journal_of(path).stat().st_size > HEAD.size
    del index
    index = quiver.open(path, journal=True)
    assert digest(index) == expected
    assert journal_of(path).stat().st_size == HEAD.size


def test_a_journal_of_another_index_is_refused(tmp_path: Path) -> None:
    path = based(tmp_path)
    index = quiver.open(path, journal=True)
    change(index)
    del index
    quiver.Index.build(POOL[7:90], metric="euclidean", params=SHAPE).save(path)
    with pytest.raises(FileFormatError, match="operations on another file"):
        quiver.open(path, journal=True)


def test_a_file_changed_without_its_journal_does_not_pass_for_saved(
    tmp_path: Path,
) -> None:
    path = based(tmp_path)
    base = path.read_bytes()
    journaled = quiver.open(path, journal=True)
    journaled.add(POOL[100:101], ids=[8000])
    del journaled
    other = quiver.open(path)
    other.remove(3)
    other.save(path)
    kept = journal_of(path).read_bytes()
    with pytest.raises(
        FileFormatError, match="put that file back, or move the journal"
    ):
        quiver.open(path, journal=True)
    assert journal_of(path).read_bytes() == kept
    path.write_bytes(base)
    assert 8000 in quiver.open(path, journal=True)


def test_a_save_that_failed_leaves_a_journal_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = based(tmp_path)
    index = quiver.open(path, journal=True)
    index.add(POOL[100:110])
    with monkeypatch.context() as patched:
        patched.setattr("os.replace", failing)
        with pytest.raises(FileAccessError):
            index.save(path)
    index.remove(3)
    expected = digest(index)
    del index
    assert digest(quiver.open(path, journal=True)) == expected


def failing(*_: object) -> None:
    raise OSError(28, "no room")


@pytest.mark.parametrize("n_bytes", [1, 20, 36, 40, 300])
def test_a_torn_last_record_never_took_place(tmp_path: Path, n_bytes: int) -> None:
    path = based(tmp_path)
    index = quiver.open(path, journal=True)
    index.add(POOL[100:105])
    whole = journal_of(path).stat().st_size
    index.add(POOL[105:115])
    del index
    os.truncate(journal_of(path), whole + n_bytes)
    index = quiver.open(path, journal=True)
    assert index.version == 1
    assert journal_of(path).stat().st_size == whole
    index.add(POOL[105:106], [99_999])
    del index
    assert 99_999 in quiver.open(path, journal=True)


def test_blocks_never_written_hold_no_record(tmp_path: Path) -> None:
    path = based(tmp_path)
    quiver.open(path, journal=True).add(POOL[100:105])
    with journal_of(path).open("ab") as file:
        file.write(bytes(4096))
    assert quiver.open(path, journal=True).version == 1


def test_every_changed_byte_but_of_the_last_record_is_refused(tmp_path: Path) -> None:
    path = based(tmp_path)
    index = quiver.open(path, journal=True)
    index.remove([1, 2], consolidate="manual")
    first = journal_of(path).stat().st_size
    index.add(POOL[100:101])
    del index
    kept = journal_of(path).read_bytes()
    for at in range(first):
        spoilt = bytearray(kept)
        spoilt[at] ^= 0x40
        journal_of(path).write_bytes(spoilt)
        with pytest.raises(FileFormatError, match=r"journal: byte \d+: found"):
            quiver.open(path, journal=True)
    for at in range(len(kept) - 8, len(kept)):
        spoilt = bytearray(kept)
        spoilt[at] ^= 0x40
        journal_of(path).write_bytes(spoilt)
        assert quiver.open(path, journal=True).version == 1


def test_only_one_index_keeps_a_journal(tmp_path: Path) -> None:
    path = based(tmp_path)
    index = quiver.open(path, journal=True)
    with pytest.raises(LockError, match="keeps this journal"):
        quiver.open(path, journal=True)
    # Copies of it are without one.
    for copied in (index.snapshot(), pickle.loads(pickle.dumps(index))):
        copied.add(POOL[100:101])
    assert journal_of(path).stat().st_size == HEAD.size
    del index, copied
    assert quiver.open(path, journal=True).version == 0


def test_an_operation_the_disk_does_not_take_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = based(tmp_path)
    index = quiver.open(path, journal=True)
    index.add(POOL[100:101])
    before, size = index.state, journal_of(path).stat().st_size

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("quiver.storage.journal.force", full)
        with pytest.raises(FileAccessError, match="cannot write the journal"):
            index.add(POOL[101:110])
    assert index.state is before
    assert journal_of(path).stat().st_size == size
    index.add(POOL[101:110])
    expected = digest(index)
    del index
    assert digest(quiver.open(path, journal=True)) == expected


def test_a_file_that_is_not_there_gets_no_journal(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        quiver.open(tmp_path / "none.quiver", journal=True)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_journal_file_is_begun(tmp_path: Path) -> None:
    path = based(tmp_path)
    journal_of(path).write_bytes(b"")
    quiver.open(path, journal=True).add(POOL[100:101])
    assert quiver.open(path, journal=True).version == 1


def test_an_index_filled_from_nothing_is_repeated_too(tmp_path: Path) -> None:
    path = tmp_path / "empty.quiver"
    quiver.Index.create(DIM, params=SHAPE).save(path)
    index = quiver.open(path, journal=True)
    rows = np.random.default_rng(0).normal(size=(1100, DIM))
    for start in range(0, 1100, 550):
        index.add(rows[start : start + 550])
    expected = digest(index)
    del index
    assert digest(quiver.open(path, journal=True)) == expected


def test_the_journal_lies_beside_the_file_that_a_link_names(tmp_path: Path) -> None:
    path = based(tmp_path)
    link = tmp_path / "link.quiver"
    link.symlink_to(path)
    assert Journal(link).path == journal_of(path)


@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
def test_a_process_killed_at_any_call_leaves_the_operation_done_or_not(
    tmp_path: Path,
) -> None:
    lines = run_isolated("kill_during_change.py", tmp_path).splitlines()
    words, before, after = zip(*(line.split() for line in lines), strict=True)
    assert words == ("kill", "kill_halfway")
    # Writing and forcing the record: before that it is not done, after it is.
    assert all(int(n) > 0 for n in before + after)
