"""Paths that are no ordinary file, and files too hungry for memory."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from forge import Forgery
from refusals import refusal
from rows import normal_rows
from small_index import saved, small_index

import quiver
from quiver.errors import FileAccessError, FileFormatError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="special files of POSIX")
NOBODY = 65534


def run_script(script: str, *args: object, timeout: float = 300) -> str:
    """Run a script in a fresh process that a hang cannot outlive."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_no_regular_file(path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected a regular file"):
        quiver.open(path, backend="reference")


def test_a_folder_is_refused(tmp_path):
    assert_no_regular_file(tmp_path)


@pytest.mark.timeout(120)
def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.quiver")
    assert_no_regular_file(tmp_path / "pipe.quiver")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_an_endless_device_is_refused_at_once(path):
    assert_no_regular_file(Path(path))


def test_a_link_is_followed_and_a_broken_or_circular_one_is_named(tmp_path):
    path, _ = saved(tmp_path)
    good, broken, circle = (tmp_path / name for name in ("good", "broken", "circle"))
    good.symlink_to(path)
    broken.symlink_to(tmp_path / "nothing")
    circle.symlink_to(circle)
    assert quiver.open(good, backend="reference").n == 12
    for link, number in ((broken, errno.ENOENT), (circle, errno.ELOOP)):
        with pytest.raises(FileAccessError) as caught:
            quiver.open(link)
        assert caught.value.errno == number
        assert str(link) in str(caught.value)


AS_NOBODY = """
import os, sys
import quiver
path, user = sys.argv[1], int(sys.argv[2])
index = quiver.Index.build([[1.0, 2.0], [3.0, 4.0]], backend="reference")
if os.getuid() == 0:
    os.setuid(user)
for act in (lambda: quiver.open(path), lambda: index.save(path)):
    try:
        act()
    except quiver.errors.FileAccessError as error:
        print(error.errno)
"""


def test_an_unreadable_file_in_a_read_only_folder_is_a_typed_error(tmp_path):
    path, data = saved(tmp_path)
    path.chmod(0)
    tmp_path.chmod(0o555)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    try:
        numbers = run_script(AS_NOBODY, path, NOBODY).split()
    finally:
        tmp_path.chmod(0o755)
        path.chmod(0o644)
    assert numbers == [str(errno.EACCES)] * 2
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == [path.name]


def test_saving_into_a_missing_folder_or_onto_a_folder_is_a_typed_error(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "none" / "x.quiver", tmp_path / "folder"):
        with pytest.raises(FileAccessError, match="cannot save"):
            small_index().save(path)
    assert os.listdir(tmp_path) == ["folder"]


def test_an_empty_and_a_foreign_file_are_refused(tmp_path):
    path = tmp_path / "x.quiver"
    assert "a file of 0 bytes" in str(refusal(path, b""))
    assert "magic" in str(refusal(path, b"\x93NUMPY\x01\0" + bytes(500)))


@pytest.mark.parametrize(
    ("name", "start", "words"),
    [
        ("x.npy", b"\x93NUMPY\x01\0", ("a NumPy array", "read_vectors")),
        ("x.h5", b"\x89HDF\r\n\x1a\n", ("an HDF5 file", "read_vectors")),
        ("x.npz", b"PK\x03\x04", ("a zip archive", "np.load")),
        ("x.pkl", b"\x80\x05\x95", ("a pickle", "index.save")),
        ("x.faiss", b"IxF2", ("an index of faiss", "reconstruct_n")),
        ("x.parquet", b"PAR1", ("a Parquet file", "read_vectors")),
        ("x.arrow", b"ARROW1", ("an Arrow file", "read_vectors")),
        ("x.db", b"SQLite format 3\0", ("an SQLite database", "select")),
        ("x.fvecs", b"\x80\x00\x00\x00", ("a file of vectors", "read_vectors")),
    ],
)
@pytest.mark.parametrize("size", [20, 500])
def test_a_file_of_another_kind_is_told_apart(tmp_path, name, start, words, size):
    error = str(refusal(tmp_path / name, start + bytes(size)))
    for word in ("magic", *words):
        assert word in error


OPEN_IN_LITTLE_MEMORY = """
import resource, sys
import quiver
path, room = sys.argv[1], int(sys.argv[2])
quiver.open, quiver.get_backend("reference")  # Loaded before memory is short.
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
try:
    quiver.open(path, backend="reference")
except quiver.errors.FileFormatError as error:
    print(error)
"""

HUNGRY = {
    "many rows": {"n": 2**32 - 2},
    "many dimensions": {"dim": 65536},
    "many edges": {"params": {"max_degree": 512}},
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("name", HUNGRY)
def test_a_header_that_asks_for_more_than_the_file_allocates_nothing(tmp_path, name):
    path, data = saved(tmp_path)
    forgery = Forgery.of(data)
    for key, value in HUNGRY[name].items():
        if isinstance(value, dict):
            forgery.header[key].update(value)
        else:
            forgery.header[key] = value
    path.write_bytes(forgery.pack())
    assert "section table" in run_script(OPEN_IN_LITTLE_MEMORY, path, 8 << 20)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_opening_needs_less_than_twice_the_file(tmp_path):
    vectors = normal_rows(4000, 1000, seed=0)
    params = quiver.BuildParams(max_degree=2, ef_construction=2)
    path = tmp_path / "large.quiver"
    quiver.Index.build(vectors, params=params).save(path)
    script = OPEN_IN_LITTLE_MEMORY + "\nprint('opened')"
    assert "opened" in run_script(script, path, 2 * path.stat().st_size)
