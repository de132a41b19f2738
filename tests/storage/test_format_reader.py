"""The second reader as a program, as the page on the format offers it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import format_reader
import pytest
from small_index import saved


def run_reader(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", format_reader.__file__, str(path)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300)


def test_a_sound_file_is_said_to_be_sound(tmp_path):
    path, _ = saved(tmp_path)
    done = run_reader(path)
    assert done.stdout == f"{path} is sound: 12 vectors of 5 dimensions\n"
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        (0, "the eight magic bytes"),
        (64, "header of its CRC"),
        (-1, "vectors of its CRC"),
    ],
)
def test_a_damaged_file_breaks_a_named_rule_and_exits_with_1(tmp_path, place, rule):
    path, data = saved(tmp_path)
    damaged = bytearray(data)
    damaged[place] ^= 1
    path.write_bytes(damaged)
    done = run_reader(path)
    assert done.stderr == f"{path} breaks a rule: {rule}\n"
    assert done.stdout == ""
    assert done.returncode == 1


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    done = run_reader(tmp_path / "nothing.quiver")
    assert "nothing.quiver cannot be read: No such file or directory" in done.stderr
    assert done.returncode == 1
