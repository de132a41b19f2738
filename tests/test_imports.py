"""What importing quiver brings along, each time in a fresh process."""

from __future__ import annotations

import ast
import builtins
import subprocess
import sys
from pathlib import Path

import pytest

import quiver

PACKAGE = Path(quiver.__file__).parent
OPTIONAL = (
    *("numba", "llvmlite", "typer", "rich", "h5py", "matplotlib"),
    *("pyarrow", "zarr", "ray"),
    *("sklearn", "scipy", "joblib"),
    *("langchain_core", "haystack", "llama_index", "fsspec"),
    *("fastapi", "starlette", "uvicorn"),
)
FOREIGN = (*OPTIONAL, "hypothesis", "pytest")
IMPORTERS = ("import_module", "__import__")

# Where quiver is imported after its modules: for a broken installation, an extra that
# may be missing, the compiled part, and a page that few ask for.
LATE_IMPORTS = {
    "quiver/__init__.py:_load",
    "quiver/auditing/record.py:to_html",
    "quiver/auditing/record.py:to_markdown",
    "quiver/backends/cython_backend.py:load_bindings",
    "quiver/cli/__init__.py:_run_without_extra",
    "quiver/cli/__init__.py:main",
    "quiver/cli/lab.py:lab",
    "quiver/cli/serve.py:serve",
    "quiver/diagnosis/record.py:to_html",
    "quiver/explain/explanation.py:to_html",
}
BY_STRING = {
    "quiver/__init__.py",
    "quiver/backends/loading.py",
    "quiver/doctor/kernels.py",
    "quiver/parallel/progress.py",
}


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


def test_import_quiver_loads_numpy_and_itself() -> None:
    code = """
import importlib.util, numpy, typing, warnings
before = {*sys.modules}
import quiver
print(*sorted({*sys.modules} - before))
"""
    assert run_python(code).split() == ["quiver", "quiver._version"]


def test_an_index_brings_neither_an_extra_nor_a_kernel() -> None:
    loaded = run_python("import quiver; quiver.Index; print(*sys.modules)").split()
    assert "quiver.index" in loaded
    assert not {name.split(".")[0] for name in loaded}.intersection(FOREIGN)
    kernels = ("_simd", "_numba", "numba_backend", "cython_backend")
    assert not [name for name in loaded if any(part in name for part in kernels)]


def test_shards_are_loaded_when_they_are_asked_for() -> None:
    loaded, later = (
        run_python(f"import quiver; {code}; print(*sys.modules)").split()
        for code in ("quiver.Index", "quiver.ShardedIndex")
    )
    assert "quiver.sharding.sharded" in later
    assert not {"quiver.sharding", "multiprocessing"}.intersection(loaded)


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


@pytest.mark.slow
def test_every_module_imports_on_its_own() -> None:
    assert not run_python(IMPORT_EACH)


def imports_quiver(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        names = [node.module or "quiver"] if isinstance(node, ast.ImportFrom) else []
    return any(name.partition(".")[0] == "quiver" for name in names)


def sources() -> dict[str, ast.Module]:
    """Return the syntax tree of every module by its path."""
    return {
        path.relative_to(PACKAGE.parent).as_posix(): ast.parse(path.read_text("utf-8"))
        for path in PACKAGE.rglob("*.py")
    }


def test_quiver_is_imported_inside_a_function_only_for_a_reason() -> None:
    late = {
        f"{path}:{function.name}"
        for path, tree in sources().items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if any(map(imports_quiver, ast.walk(function)))
    }
    assert late == LATE_IMPORTS


def test_no_import_is_for_type_checkers_alone() -> None:
    """It would hide a circle."""
    nodes = [node for tree in sources().values() for node in ast.walk(tree)]
    imported = {node.name for node in nodes if isinstance(node, ast.alias)}
    assert "cached_property" in imported
    assert "TYPE_CHECKING" not in imported


def test_a_module_is_imported_by_a_string_only_where_it_may_be_missing() -> None:
    callers = {
        path
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if getattr(node, "id", getattr(node, "attr", "")) in IMPORTERS
    }
    assert callers == BY_STRING


def test_public_names_exist() -> None:
    assert quiver.__all__ == sorted(quiver.__all__)
    assert all(hasattr(quiver, name) for name in quiver.__all__)
    assert {*quiver.__all__} <= {*dir(quiver)}


def test_what_is_loaded_late_is_what_a_type_checker_imports() -> None:
    imports = [
        node
        for node in ast.walk(ast.parse(Path(quiver.__file__).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.col_offset == 4
    ]
    told = {alias.name: node.module for node in imports for alias in node.names}
    assert told == quiver._HOME_OF
    assert told.keys() - {"open"} == {*quiver.__all__}


def test_a_module_is_an_attribute_as_if_it_had_been_imported() -> None:
    code = "import quiver; print(quiver.errors.__name__, quiver.storage.__name__)"
    assert run_python(code).split() == ["quiver.errors", "quiver.storage"]


def test_a_name_that_is_nowhere_is_an_attribute_error() -> None:
    assert not hasattr(quiver, "no_such_name")
    assert not hasattr(quiver, "__no_such_name__")


def test_a_star_import_shadows_no_builtin() -> None:
    assert not {*quiver.__all__}.intersection(dir(builtins))
    code = "from quiver import *; import builtins; assert open is builtins.open"
    run_python(f"{code}; assert Index; import quiver; quiver.open")
