"""Compile for aarch64 and run it here, where cross-compiler and QEMU are installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gate_metrics import Unavailable

from quiver.backends.targets import TARGETS, Target

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "quiver" / "backends" / "_simd"
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
PACKAGES = "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
NATIVE = [target for target in TARGETS if target.cpu_family in ("any", "aarch64")]
FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror")
"""As in meson.build: optimised, one rounding per operation."""

PROCESSORS = {"max": {"dotprod"}, "cortex-a53": set()}
"""Processors of QEMU, and the features they have of those that targets need."""


COUNTING = "neoverse-n1"
"""Instructions are counted on it: the C library has other code where there is SVE."""


def check_tools() -> None:
    """Raise unless all that is needed is installed."""
    missing = [name for name in (COMPILER, EMULATOR) if shutil.which(name) is None]
    if missing:
        msg = f"{' and '.join(missing)} not installed: apt-get install {PACKAGES}"
        raise Unavailable(msg)


LACKING = 3
"""Exit code of replay.c where the processor lacks a feature."""


class Replayed(NamedTuple):
    """What replay.c did with a file: its exit code and what it printed."""

    code: int
    lines: list[str]


def build_replay(
    program: Path,
    targets: Sequence[Target] = NATIVE,
    compiler: Sequence[str] = (COMPILER,),
    linked: Sequence[str] = ("-static",),
) -> Path:
    """Compile and link replay.c and the kernels of all targets."""
    objects = []
    for target in targets:
        objects.append(program.with_name(f"{target.name}.o"))
        defined = (
            f"-DQUIVER_TARGET={target.name}",
            f'-DQUIVER_SIMD_HEADER="{target.header}"',
        )
        command = [*compiler, *FLAGS, *target.flags, *defined, "-c"]
        run(*command, SOURCES / "kernels.c", "-o", objects[-1])
    table = "".join(
        f"TARGET({target.name},{''.join(f'NEEDS({f})' for f in target.features)})"
        for target in targets
    )
    command = [*compiler, *FLAGS, f"-I{SOURCES}", f"-DQUIVER_TARGETS={table}"]
    sources = HERE / "replay.c", SOURCES / "targets.c", *linked
    run(*command, *sources, *objects, "-lm", "-o", program)
    return program


def replay(program: Path, target: str, calls: Path, *emulator: str) -> Replayed:
    """Let a target make the calls of a file, under an emulator if one is told."""
    command = [*emulator, program, target, calls]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Replayed(done.returncode, (done.stdout + done.stderr).splitlines())


def build_counter(folder: Path) -> Path:
    """Compile the plug-in of QEMU that counts instructions."""
    plugin = folder / "count.so"
    run("cc", *FLAGS[:2], "-shared", "-fPIC", HERE / "count.c", "-o", plugin)
    return plugin


def count(program: Path, plugin: Path, target: str, calls: Path) -> list[int]:
    """Return the instructions of every call of a file."""
    emulator = EMULATOR, "-plugin", plugin, "-cpu", COUNTING
    command = [*emulator, program, target, calls]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        msg = f"this QEMU cannot count: {done.stderr.strip() or done.stdout.strip()}"
        raise Unavailable(msg)
    return [int(line) for line in done.stderr.split()]


def compiler_version() -> str:
    """Return the name and version of the cross-compiler."""
    return run(COMPILER, "--version").partition("\n")[0]


def run(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    """Run a command and return what it prints; print its errors if it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()
    return done.stdout
