"""Compile the C kernels as other systems do, and run them where that can be done here.

    PYTHONPATH=tools python -P -m portable

Zig, a package of PyPI, is Clang with the headers and C libraries of many systems;
Debian has compilers of its own for some. Where programs of a system run here, or under
an emulator that is installed, every target makes calls that the reference answered, as
`python -m aarch64 replay` does. What is not installed is said, and is no fault. Zig's
own runtime knows of no instruction set of x86-64, so that programs by it refuse there
all but the portable kernels; those of the other compilers run them all.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from aarch64 import emulate
from aarch64.recorded import record_hazards
from gate_metrics import Unavailable

from quiver.backends.targets import TARGETS, Target


class ForZig(Target):
    """A target in the words of Zig, which has names of its own for processors."""

    @property
    def flags(self) -> tuple[str, ...]:
        """What tells it to use the features."""
        if self.cpu_family == "aarch64":
            return ("+".join(["-mcpu=generic", *self.features]),)
        return super().flags


class System(NamedTuple):
    """What the kernels are compiled for, and by what.

    Attributes
    ----------
    triple : str
        Processor family, system and C library, as Zig names them.
    compiler : str
        A program that compiles for this system, or empty for Zig.
    """

    triple: str
    compiler: str = ""

    @property
    def family(self) -> str:
        """The processor family."""
        return self.triple.partition("-")[0]

    @property
    def targets(self) -> list[Target]:
        """The targets that its processors may run."""
        kind = Target if self.compiler else ForZig
        return [kind(*t) for t in TARGETS if t.cpu_family in ("any", self.family)]


# A Windows of its own, which asks nothing and says nothing.
BUILD = Path(__file__).parents[1] / "build"
SILENT = ("WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=")
WINE = ("env", f"WINEPREFIX={BUILD / 'wine'}", *SILENT, "wine")

HERE = f"{platform.machine()}-linux"
SYSTEMS = (
    *map(System, ("x86_64-linux-musl", "aarch64-linux-musl")),
    *map(System, ("x86_64-macos", "aarch64-macos")),
    *map(System, ("x86_64-windows-gnu", "aarch64-windows-gnu")),
    System("x86-linux-musl"),
    System(f"{HERE}-gnu", "clang"),
    System(f"{HERE}-musl", "musl-gcc"),
    System("x86_64-windows-gnu", "x86_64-w64-mingw32-gcc"),
)


def main() -> int:
    """Try every system; return the exit code."""
    n_wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        calls = Path(folder) / "calls"
        print(f"{record_hazards(calls)} calls, answered by the reference", flush=True)
        for system in SYSTEMS:
            told = f"{system.triple}, {system.compiler or 'Zig'}"
            try:
                n_wrong += count_wrong(system, calls, told)
            except Unavailable as reason:
                print(f"{told}: {reason}", flush=True)
            except subprocess.CalledProcessError:
                print(f"{told}: does not compile", flush=True)
                n_wrong += 1
    return 1 if n_wrong else 0


def count_wrong(system: System, calls: Path, told: str) -> int:
    """Compile all targets and let them make the calls; return how many were wrong."""
    program = calls.with_name("replay.exe")
    # A Mac's C library cannot be linked statically.
    linked = [] if "-macos" in system.triple else ["-static"]
    emulate.build_replay(program, system.targets, compiler_for(system), linked)
    print(f"{told}: compiles {' '.join(t.name for t in system.targets)}", flush=True)
    runner = runner_of(system)
    n_wrong = 0
    for target in system.targets:
        done = emulate.replay(program, target.name, calls, *runner)
        may_lack = done.code == emulate.LACKING and target.features
        n_wrong += not (done.code == 0 or may_lack)
        found = ["all equal"] if done.code == 0 else done.lines[-10:]
        print(f"{told}, {target.name}: {'; '.join(found)}", flush=True)
    return n_wrong


def compiler_for(system: System) -> list[str]:
    """Return how the compiler of a system is called."""
    is_linux = platform.system() == "Linux"  # On a Mac, clang is another.
    if system.compiler and is_linux and shutil.which(system.compiler):
        return [system.compiler]
    if not system.compiler and find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", "-target", system.triple]
    msg = f"{system.compiler or 'ziglang'} is not installed"
    raise Unavailable(msg)


def runner_of(system: System) -> list[str]:
    """Return what runs programs of a system here; nothing for its own."""
    is_linux = "-linux-" in system.triple and platform.system() == "Linux"
    if is_linux and system.family == platform.machine():
        return []
    if is_linux and shutil.which(f"qemu-{system.family}"):
        return [f"qemu-{system.family}"]
    if system.triple == "x86_64-windows-gnu" and shutil.which("wine"):
        BUILD.mkdir(exist_ok=True)
        return [*WINE]
    msg = "nothing here runs its programs"
    raise Unavailable(msg)


if __name__ == "__main__":
    raise SystemExit(main())
