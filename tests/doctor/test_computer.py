"""Facts are read where the system has them, and left out where it has not."""

from __future__ import annotations

import platform

import numpy as np
import pytest

from quiver.doctor import computer

X86 = "processor\t: 0\nmodel name\t: A Fine Processor @ 3GHz\nflags\t\t: sse2\n"
ARM = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"


@pytest.mark.parametrize(
    ("content", "name"),
    [(X86, "A Fine Processor @ 3GHz"), (ARM, "0x41 0xd40"), ("", ""), (None, "")],
)
def test_a_processor_has_its_name_or_its_numbers(tmp_path, content, name):
    path = tmp_path / "cpuinfo"
    if content is not None:
        path.write_text(content)
    assert computer._processor(path) == name


@pytest.mark.parametrize(
    ("content", "chosen"),
    [("always [madvise] never\n", "madvise"), ("", None), (None, None)],
)
def test_what_is_chosen_stands_in_brackets(tmp_path, content, chosen):
    path = tmp_path / "enabled"
    if content is not None:
        path.write_text(content)
    assert computer._chosen(path) == chosen


def test_versions_are_told_of_what_is_installed_only(monkeypatch):
    monkeypatch.setattr(computer, "PACKAGES", ("numpy", "no-such-package"))
    found = computer.describe_python()
    assert found["packages"] == {"numpy": np.__version__}
    assert found["python"] == platform.python_version()


def test_settings_are_told_if_they_are_set(monkeypatch):
    for name in computer.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QUIVER_BACKEND", "numba")
    assert computer.describe_python()["settings"] == {"QUIVER_BACKEND": "numba"}


def test_threads_are_at_most_the_processors():
    found = computer.describe_computer()
    assert 1 <= found["threads"] <= found["processors"]
