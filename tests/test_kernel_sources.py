"""The C sources themselves, before any kernel runs: what the compiler must say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "quiver" / "backends" / "_simd"
COMPILER = shutil.which("gcc") or shutil.which("clang")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs GCC or Clang")


def compile_source(name: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Let the compiler read one source to its end, without writing anything."""
    command = [str(COMPILER), "-std=c11", "-fsyntax-only", *flags, str(SOURCES / name)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_kernels_compile():
    done = compile_source("kernels.c", "-DQUIVER_TARGET=scalar")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast"])
def test_flags_that_would_change_bits_are_refused(flag):
    done = compile_source("kernels.c", "-DQUIVER_TARGET=scalar", flag)
    assert done.returncode != 0
    assert "without -ffast-math" in done.stderr
