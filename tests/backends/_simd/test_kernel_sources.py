"""The C sources themselves, before any kernel runs: what the compiler must say."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from quiver.backends.targets import TARGETS, Target

SOURCES = Path(__file__).parents[3] / "quiver" / "backends" / "_simd"
HEADERS = sorted(path.name for path in SOURCES.glob("*.h"))
COMPILER = shutil.which("gcc") or shutil.which("clang")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SCALAR = next(target for target in TARGETS if target.name == "scalar")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs GCC or Clang")


def compiler_for(target: Target) -> str | None:
    """Return the compiler of this processor, or Debian's cross-compiler."""
    if target.cpu_family in ("any", platform.machine()):
        return COMPILER
    return shutil.which(f"{target.cpu_family}-linux-gnu-gcc")


def compile_source(
    name: str, *flags: str, target: Target = SCALAR
) -> subprocess.CompletedProcess[str]:
    """Let the compiler read one source to its end, without writing anything."""
    command = [
        *(str(compiler_for(target)), "-std=c11", "-fsyntax-only", "-x", "c", *flags),
        f"-DQUIVER_TARGET={target.name}",
        f'-DQUIVER_SIMD_HEADER="{target.header}"',
        *target.flags,
        str(SOURCES / name),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def skip_unless_built(target: Target) -> None:
    compiler = compiler_for(target)
    if compiler is None:
        pytest.skip(f"needs a compiler for {target.cpu_family}")
    command = [compiler, *target.flags, "-fsyntax-only", "-x", "c", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this compiler does not build {target.name}")


def read_by(target: Target) -> set[str]:
    """Return a target's header and those that it includes."""
    text = (SOURCES / target.header).read_text("utf-8")
    return {target.header, *re.findall(r'#include "(\w+\.h)"', text)}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_target_compiles_without_a_warning(target):
    skip_unless_built(target)
    done = compile_source("kernels.c", *WARNINGS, target=target)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("header", HEADERS)
def test_every_header_compiles_alone(header):
    target = next((target for target in TARGETS if header in read_by(target)), SCALAR)
    skip_unless_built(target)
    # A header alone leaves functions unused that the kernels use.
    done = compile_source(header, *WARNINGS, "-Wno-unused", target=target)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast"])
def test_flags_that_would_change_bits_are_refused(flag):
    done = compile_source("kernels.c", flag)
    assert done.returncode != 0
    assert "without -ffast-math" in done.stderr


def test_a_target_that_breaks_the_contract_does_not_compile(tmp_path):
    # The declarations of simd.h are compared with what the header defines.
    header = (SOURCES / SCALAR.header).read_text("utf-8")
    right = "INLINE floats4 linear4(ints4 x, int32_t factor, int32_t offset)"
    assert right in header
    wrong = right.replace("int32_t offset", "int16_t offset")
    (tmp_path / "simd_wrong.h").write_text(header.replace(right, wrong), "utf-8")
    target = Target("wrong", "simd_wrong.h", "any")
    flags = (f"-I{tmp_path}", f"-I{SOURCES}")
    done = compile_source("kernels.c", *flags, target=target)
    assert done.returncode != 0
    assert "linear4" in done.stderr
