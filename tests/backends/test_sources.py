"""A compiled part that was made of other sources is refused, in a checkout."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from quiver.backends import cython_backend, sources


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder of backends with one source."""
    (tmp_path / "_simd").mkdir()
    (tmp_path / "_simd" / "kernels.h").write_text("#define LINE 64\n")
    (tmp_path / "targets.py").write_text("TARGETS = ()\n")
    monkeypatch.setattr(sources, "_FOLDER", tmp_path)
    return tmp_path


def digest():
    return sources._digest(sources._sources())


def test_an_extension_made_of_these_sources_is_taken(folder):
    sources.check_made_of_these_sources(digest())


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("_simd/kernels.h", "#define LINE 32\n"),
        ("_simd/new.pxi", ""),
        ("_simd/meson.build", "flags = []\n"),
        ("targets.py", "TARGETS = ('scalar',)\n"),
    ],
)
def test_one_made_before_a_change_is_refused_with_the_remedy(folder, file, content):
    made_of = digest()
    (folder / file).write_text(content)
    with pytest.raises(ImportError, match=r"other sources .* build them anew"):
        sources.check_made_of_these_sources(made_of)


def test_one_too_old_to_say_is_refused(folder, monkeypatch):
    old = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "quiver.backends._simd.bindings", old)
    monkeypatch.setattr("quiver.backends._simd.bindings", old, raising=False)
    with pytest.raises(ImportError, match="other sources"):
        cython_backend.load_bindings.__wrapped__()


def test_files_that_no_kernel_is_made_of_change_nothing(folder):
    made_of = digest()
    (folder / "_simd" / "bindings.cpython-311.so").write_bytes(b"old")
    (folder / "_simd" / "bindings.pyi").write_text("")
    sources.check_made_of_these_sources(made_of)


def test_an_installed_package_has_no_sources_to_compare_with(folder):
    (folder / "_simd" / "kernels.h").unlink()
    sources.check_made_of_these_sources("")


def test_the_build_is_given_one_line_of_c():
    printed = subprocess.run(
        [sys.executable, sources.__file__], capture_output=True, encoding="utf-8"
    )
    assert printed.stdout == f'const char quiver_sources[] = "{digest()}";\n'
