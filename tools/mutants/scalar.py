"""Mutants of the portable C kernels, each built into an extension of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from os import getpid
from pathlib import Path

from mutants.c_sites import described, planted, sites_in
from mutants.naming import UNCHANGED
from mutants.running import ORACLES, Mutant, NoMutantError

SOURCES = Path(__file__).parents[2] / "quiver" / "backends" / "_simd"
BINDINGS = "quiver.backends._simd.bindings"
HEADERS = (
    *("beam", "distance", "encode", "keys", "lanes", "layout", "merge", "portable"),
    *("prune", "rerank", "screen", "simd_portable", "transform", "walk"),
)
EQUALITY = "tests/backends/test_oracle_equality.py"
# What cannot be imported is no mutant that lives: without this all tests skip.
ONLY_SCALAR = "-k", "scalar", "--require-backends=cython-scalar"

BY_EQUALITY = "merge", "rerank", "screen"
"""Headers of which the other tests kill few mutants."""

_KERNEL_FLAGS = (
    # A test or two is all that most of them see: to optimize would take longer.
    "-O0",
    "-DQUIVER_TARGET=scalar",
    '-DQUIVER_SIMD_HEADER="simd_portable.h"',
)


class Built(MetaPathFinder):
    """Offers the compiled kernels from a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return the module if it is the one."""
        return spec_from_file_location(name, self.file) if name == BINDINGS else None


def compile_objects(folder: Path) -> None:
    """Compile what no mutant changes: the bindings, and what they say of the build."""
    bindings = folder / "bindings.c"
    _run(sys.executable, "-m", "cython", "-3", SOURCES / "bindings.pyx", "-o", bindings)
    _compile(bindings, folder, SOURCES, ["-O1"])
    table = "-DQUIVER_TARGETS=TARGET(scalar,)"
    _compile(SOURCES / "targets.c", folder, SOURCES, ["-O1", table])
    said = _run(sys.executable, SOURCES.parent / "sources.py")
    (folder / "sources.c").write_text(said, "utf-8")
    _compile(folder / "sources.c", folder, SOURCES, [])


def scalar_mutants(objects: Path) -> list[Mutant]:
    """Return the portable kernels unchanged, then every mutant of them."""
    mutants = []
    for header in HEADERS:
        text = (SOURCES / f"{header}.h").read_text("utf-8")
        tests, sites = _tests_of(header), sites_in(text)
        for site, change in zip(sites, described(text, sites), strict=True):
            install = partial(_install, objects, header, planted(text, site))
            mutants.append(Mutant(f"{header}.h", change, tests, install))
    unchanged = partial(_install, objects, header, text)
    return [Mutant(f"{header}.h", UNCHANGED, tests, unchanged), *mutants]


def _tests_of(header: str) -> tuple[str, ...]:
    """Return all tests, those that kill most of a header's mutants first."""
    first = (EQUALITY,) if header in BY_EQUALITY else ()
    return (*dict.fromkeys((*first, *ORACLES, EQUALITY)), *ONLY_SCALAR)


def _install(objects: Path, header: str, changed: str) -> None:
    """Build the extension with one header changed, and let it be imported."""
    sys.modules["numba"] = None  # type: ignore[assignment]
    folder = objects / str(getpid())
    folder.mkdir()
    for file in (*SOURCES.glob("*.h"), SOURCES / "kernels.c"):
        shutil.copy(file, folder)
    (folder / f"{header}.h").write_text(changed, "utf-8")
    try:
        _compile(folder / "kernels.c", folder, folder, _KERNEL_FLAGS)
    except subprocess.CalledProcessError as error:
        raise NoMutantError from error
    shared = [objects / f"{name}.o" for name in ("bindings", "targets", "sources")]
    built = folder / f"bindings{sysconfig.get_config_var('EXT_SUFFIX')}"
    _run("cc", "-shared", "-o", built, folder / "kernels.o", *shared, "-lm")
    sys.meta_path.insert(0, Built(built))


def _compile(source: Path, to: Path, headers: Path, flags: Sequence[str]) -> None:
    python = f"-I{sysconfig.get_path('include')}"
    always = "-std=c11", "-fPIC", "-ffp-contract=off", f"-I{headers}", python
    target = to / f"{source.stem}.o"
    _run("cc", "-c", source, "-o", target, *always, *flags)


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        [*map(str, command)], check=True, capture_output=True, text=True
    )
    return done.stdout
