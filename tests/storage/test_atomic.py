"""Saving that fails: the old file or the new one, whole; nothing left behind."""

from __future__ import annotations

import errno
import os
import threading
from itertools import groupby

import pytest
from faulty_os import FaultyOS, failing
from isolated_run import run_isolated, start_isolated
from small_index import SCALE, answers, saved, small_index

import quiver
from quiver.errors import FileAccessError, FileFormatError, LockError
from quiver.storage.atomic import replacing, temp_path, write_all

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
# What the saving of the small index asks of the system, runs of writes shortened.
PHASES = ["open", "ftruncate", "fchmod", "dup", "lseek", "write"]
PHASES += ["lseek", "write", "fsync", "close", "replace", "open", "fsync", "close"]
N_CALLS = 26
# An index that was changed has two sections more, each after its padding.
N_CALLS_CHANGED = N_CALLS + 4


def test_bytes_reach_the_disk_before_the_name_does(tmp_path, monkeypatch):
    path, _ = saved(tmp_path)
    faulty = FaultyOS()
    faulty.install(monkeypatch)
    small_index().save(path)
    assert [name for name, _ in groupby(faulty.calls)] == PHASES
    assert len(faulty.calls) == N_CALLS


def test_a_process_killed_at_any_call_leaves_the_old_or_the_new_file(tmp_path):
    lines = run_isolated("kill_during_save.py", tmp_path).splitlines()
    replaced = N_CALLS_CHANGED - 4  # The calls up to and with the rename.
    assert lines == [
        f"kill {replaced} {N_CALLS_CHANGED - replaced}",
        f"kill_halfway {replaced - 1} {N_CALLS_CHANGED - replaced + 1}",
    ]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("at", range(N_CALLS))
def test_a_failing_call_raises_and_leaves_the_old_file(
    tmp_path, monkeypatch, at, number
):
    path, old = saved(tmp_path, seed=1)
    faulty = FaultyOS(at, failing(number))
    with monkeypatch.context() as patch:
        faulty.install(patch)
        with pytest.raises(FileAccessError) as caught:
            small_index(seed=2).save(path)
    assert caught.value.errno == number
    assert caught.value.filename == str(path)
    # Only what follows the rename can fail with the new file in place.
    assert (path.read_bytes() == old) == (at < N_CALLS - 4)
    assert os.listdir(tmp_path) == [path.name]
    quiver.open(path, verify="full", backend="reference")


@pytest.mark.parametrize("length", [1, 7, 100])
def test_short_writes_are_continued(tmp_path, monkeypatch, length):
    path, data = saved(tmp_path)

    class ShortWrites(FaultyOS):
        def write(self, fd, content):
            return os.write(fd, content[:length])

    with monkeypatch.context() as patch:
        ShortWrites().install(patch)
        small_index().save(path)
    assert path.read_bytes() == data


def test_a_disk_that_takes_no_byte_is_an_error_not_a_loop(tmp_path, monkeypatch):
    path, data = saved(tmp_path)
    write_nothing = FaultyOS(5, lambda *_: 0)
    with monkeypatch.context() as patch:
        write_nothing.install(patch)
        with pytest.raises(FileAccessError, match="took no byte"):
            small_index().save(path)
    assert write_nothing.calls[5] == "write"
    assert path.read_bytes() == data


def test_a_limit_of_the_real_system_is_a_typed_error(tmp_path):
    # RLIMIT_FSIZE makes the kernel itself refuse, as a full disk would.
    path, data = saved(tmp_path)
    limits = [0, 1, 100, 1000, len(data) - 1]
    out = run_isolated("save_under_limits.py", path, *limits)
    assert out.split() == [str(errno.EFBIG)] * len(limits)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == [path.name]


def test_failed_saves_leak_no_descriptor(tmp_path, monkeypatch):
    path, _ = saved(tmp_path)
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc") else 0
    for at in range(N_CALLS):
        with monkeypatch.context() as patch:
            FaultyOS(at, failing(errno.EIO)).install(patch)
            with pytest.raises(FileAccessError):
                small_index().save(path)
    for size in range(0, 6000, 100):
        os.truncate(path, min(size, path.stat().st_size))
        with pytest.raises(FileFormatError):
            quiver.open(path, cold="mmap", backend="reference")
    after = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc") else 0
    assert after == before


def test_ctrl_c_during_a_save_leaves_the_old_file(tmp_path, monkeypatch):
    path, old = saved(tmp_path, seed=1)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for at in range(N_CALLS - 5):
        with monkeypatch.context() as patch:
            FaultyOS(at, interrupt).install(patch)
            with pytest.raises(KeyboardInterrupt):
                small_index(seed=2).save(path)
        assert path.read_bytes() == old
        assert os.listdir(tmp_path) == [path.name]


def test_a_stale_temp_file_is_taken_over(tmp_path):
    path, data = saved(tmp_path)
    temp_path(path).write_bytes(b"x" * 100_000)
    small_index().save(path)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == [path.name]


def test_a_temp_file_cut_short_is_refused_by_its_first_byte(tmp_path, monkeypatch):
    path, _ = saved(tmp_path)
    torn = []

    def keep(name: str, real: object, args: tuple[object, ...]) -> None:
        torn.append(temp_path(path).read_bytes())
        failing(errno.EIO)(name, real, args)

    for at in range(6, N_CALLS - 8):
        with monkeypatch.context() as patch:
            FaultyOS(at, keep).install(patch)
            with pytest.raises(FileAccessError):
                small_index().save(path)
    for content in torn:
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match="magic"):
            quiver.open(path, backend="reference")


def test_a_second_writer_gets_a_lock_error(tmp_path):
    path, data = saved(tmp_path)
    with replacing(path) as fd:
        with pytest.raises(LockError, match="another writer") as caught:
            small_index(seed=2).save(path)
        assert str(temp_path(path)) in str(caught.value)
        quiver.open(path, backend="reference")
        write_all(fd, b"first")
    assert path.read_bytes() == b"first"
    small_index().save(path)
    assert path.read_bytes() == data


def test_writers_at_once_never_show_a_reader_half_a_file(tmp_path):
    path, _ = saved(tmp_path, seed=1)
    rounds = 60 * SCALE
    writers = [start_isolated("save_often.py", path, seed, rounds) for seed in (1, 2)]
    n_read = 0
    while any(writer.poll() is None for writer in writers):
        assert quiver.open(path, verify="full", backend="reference").n == 12
        n_read += 1
    n_saved = 0
    for writer in writers:
        out, errors = writer.communicate(timeout=300)
        assert writer.returncode == 0, errors
        counts = [int(word) for word in out.split()]
        assert sum(counts) == rounds
        n_saved += counts[0]
    assert n_read > 0
    assert n_saved > 0
    assert os.listdir(tmp_path) == [path.name]


def test_threads_that_save_at_once_are_told_apart(tmp_path):
    path, data = saved(tmp_path)
    outcomes: list[str] = []

    def save() -> None:
        for _ in range(40):
            try:
                small_index().save(path)
                outcomes.append("saved")
            except LockError:
                outcomes.append("locked")

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 160
    assert "saved" in outcomes
    assert path.read_bytes() == data
    answers(quiver.open(path, backend="reference"))
