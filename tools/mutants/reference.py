"""Mutants of the reference, each imported in the place of the module it was made of."""

from __future__ import annotations

import sys
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType

from mutants.naming import UNCHANGED
from mutants.python_sites import planted, sites_of
from mutants.running import ORACLES, Mutant

# Not `bounds` and `error`: their constants are measured on data, no oracle knows them.
# Not `answer`, `candidates`, `unlinked`: whole indexes test them, which takes too long.
MODULES = (
    *("codes", "distance", "encode", "keys", "lanes", "masks", "merge", "prune"),
    *("rerank", "screen", "search", "transform", "walk"),
)
BESIDE = {
    "search": ("tests/reference/test_walk.py",),
    "walk": ("tests/reference/test_screen.py",),
}
"""Tests of modules that lie elsewhere."""

OTHER_KERNELS = ("numba", "quiver.backends._simd.bindings")
"""What a process shall not find: it would only test what was not changed."""


class Planted(MetaPathFinder, Loader):
    """Offers one module, made of what was changed."""

    def __init__(self, name: str, code: CodeType, file: Path) -> None:
        self.name, self.code, self.file = name, code, file

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return the module if it is the one."""
        if name != self.name:
            return None
        return spec_from_loader(name, self, origin=str(self.file))

    def exec_module(self, module: ModuleType) -> None:
        """Run what was changed."""
        module.__file__ = str(self.file)
        exec(self.code, vars(module))


def reference_mutants() -> list[Mutant]:
    """Return the reference unchanged, then every mutant of it."""
    mutants = []
    for name in MODULES:
        file = package_folder() / "reference" / f"{name}.py"
        source, tests = file.read_text("utf-8"), _tests_of(name)
        for site, change in enumerate(sites_of(source)):
            install = partial(_install, file, source, site)
            mutants.append(Mutant(file.name, change, tests, install))
    every = tuple(dict.fromkeys(test for one in mutants for test in one.tests))
    unchanged = partial(_install, file, source, None)
    return [Mutant(file.name, UNCHANGED, every, unchanged), *mutants]


def package_folder() -> Path:
    """Return where quiver is, without importing it."""
    spec = find_spec("quiver")
    if spec is None or spec.origin is None:
        sys.exit("quiver is not installed")
    return Path(spec.origin).parent


def _tests_of(name: str) -> tuple[str, ...]:
    """Return the tests of a module, then those by what is no part of quiver."""
    own = Path("tests/reference") / f"test_{name}.py"
    first = [own.as_posix()] if own.exists() else []
    return (*first, *BESIDE.get(name, ()), *ORACLES)


def _install(file: Path, source: str, site: int | None) -> None:
    for name in OTHER_KERNELS:
        sys.modules[name] = None  # type: ignore[assignment]
    code = compile(planted(source, site), str(file), "exec")
    name = f"quiver.reference.{file.stem}"
    sys.meta_path.insert(0, Planted(name, code, file))
