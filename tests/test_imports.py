"""What importing quiver brings along, each time in a fresh process."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path

import quiver

PACKAGE = Path(quiver.__file__).parent
OPTIONAL = ("numba", "llvmlite", "typer", "rich", "h5py", "matplotlib")
FOREIGN = (*OPTIONAL, "scipy", "hypothesis", "pytest")


def module_names() -> list[str]:
    paths = [path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py")]
    dotted = (".".join(path.with_suffix("").parts) for path in paths)
    # Importing a __main__ module would run the program.
    return sorted(
        name.removesuffix(".__init__")
        for name in dotted
        if not name.endswith("__main__")
    )


def run_python(code: str) -> str:
    search_path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", search_path + code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_quiver_brings_neither_an_extra_nor_a_kernel() -> None:
    loaded = run_python("import quiver; print(*sys.modules)").split()
    assert "quiver.index" in loaded
    assert not {name.split(".")[0] for name in loaded}.intersection(FOREIGN)
    kernels = ("_simd", "_numba", "numba_backend", "cython_backend")
    assert not [name for name in loaded if any(part in name for part in kernels)]


def test_listing_names_is_what_loads_a_backend_not_choosing_one() -> None:
    code = "import quiver; quiver.get_backend('reference'); print(*sys.modules)"
    assert "numba" not in run_python(code).split()


IMPORT_EACH = f"""
import importlib, sys
import quiver

# `import quiver.x` begins with `import quiver`, so every import starts from there.
first = {{m: dict(vars(sys.modules[m])) for m in sys.modules if m.startswith("quiver")}}
for name in {module_names()!r}:
    for loaded in [m for m in sys.modules if m.startswith("quiver")]:
        # Compiled modules load once.
        if loaded not in first and str(sys.modules[loaded].__file__).endswith(".py"):
            del sys.modules[loaded]
    for known, content in first.items():
        vars(sys.modules[known]).clear()
        vars(sys.modules[known]).update(content)
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Where an extra is absent, its absence is the only error allowed.
        if error.name.split(".")[0] not in {OPTIONAL!r}:
            print(name, error)
    except Exception as error:
        print(name, repr(error))
"""


def test_every_module_imports_on_its_own() -> None:
    assert not run_python(IMPORT_EACH)


def test_public_names_exist() -> None:
    assert quiver.__all__ == sorted(quiver.__all__)
    assert all(hasattr(quiver, name) for name in quiver.__all__)


def test_a_star_import_shadows_no_builtin() -> None:
    assert not {*quiver.__all__}.intersection(dir(builtins))
    code = "from quiver import *; import builtins; assert open is builtins.open"
    run_python(f"{code}; assert Index; import quiver; quiver.open")
