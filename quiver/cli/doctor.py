"""The command ``doctor``: is this installation whole, and as fast as it can be."""

from __future__ import annotations

import os
import platform
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import typer
from rich.text import Text

import quiver
from quiver.cli.console import answers, notes, print_facts, print_json
from quiver.cli.options import JsonOption
from quiver.errors import QuiverError
from quiver.installation import DISTRIBUTION, REMEDY, inspect_installation
from quiver.parallel.workers import resolve_threads

_BINDINGS = "quiver.backends._simd.bindings"
_SHOWN_FILES = 3


def doctor(as_json: JsonOption = False) -> None:
    """Check this installation.

    The exit code is 0 if nothing is wrong with it and 1 otherwise.
    """
    with notes.status("loading every backend (the first time compiles some)"):
        document = examine()
    document["problems"] = find_problems(document)
    document["ok"] = not document["problems"]
    if as_json:
        print_json(document)
    else:
        _print_findings(document)
    raise typer.Exit(0 if document["ok"] else 1)


def examine() -> dict[str, Any]:
    """Return what is installed here and what runs, ready for JSON."""
    default, refusal = _default_backend()
    numba_runs, numba_cache = _numba()
    return {
        "version": quiver.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "installation": inspect_installation()._asdict(),
        "extension": _extension(),
        "backends": [info._asdict() for info in quiver.list_backends()],
        "default_backend": default,
        "default_refused": refusal,
        "numba_runs": numba_runs,
        "numba_cache": numba_cache,
        "threads": resolve_threads(None),
        "processors": os.cpu_count(),
    }


def find_problems(document: dict[str, Any]) -> list[str]:
    """Return a sentence with the remedy for everything that is wrong."""
    return [
        *_package_problems(document["installation"], document["version"]),
        *_kernel_problems(document),
    ]


def _package_problems(found: dict[str, Any], version: str) -> list[str]:
    problems = []
    if found["others"]:
        names = ", ".join(found["others"])
        problems.append(
            f"{names} installs into the same folder as {DISTRIBUTION}: each overwrites "
            f"files of the other, and uninstalling one breaks the other. Type: {REMEDY}"
        )
    if found["damaged"]:
        names = ", ".join(found["damaged"][:_SHOWN_FILES])
        problems.append(
            f"{len(found['damaged'])} of {found['n_files']} files are missing or not as"
            f" {DISTRIBUTION} installed them: {names}. Type: {REMEDY}"
        )
    if found["version"] not in (None, version):
        problems.append(
            f"the package says version {version}, its metadata {found['version']}: two "
            f"versions are mixed. Type: {REMEDY}"
        )
    return problems


def _kernel_problems(document: dict[str, Any]) -> list[str]:
    problems = []
    if document["default_refused"] is not None:
        problems.append(f"backend 'auto' is refused: {document['default_refused']}")
    if document["extension"] not in ("loaded", "not installed"):
        problems.append(f"the compiled kernels do not load: {document['extension']}")
    running = {info["name"] for info in document["backends"] if info["available"]}
    if running <= {"reference"}:
        problems.append(
            "only the slow reference runs here. Type: pip install 'quiver-ann[numba]', "
            "or reinstall where there is a C compiler"
        )
    if document["numba_runs"] and document["numba_cache"] is None:
        problems.append(
            "numba compiles anew in every process: it has no folder to write to. "
            "Set NUMBA_CACHE_DIR to one"
        )
    return problems


def _default_backend() -> tuple[str | None, str | None]:
    """Return what ``auto`` takes, or why it refuses."""
    try:
        return quiver.get_backend("auto").name, None
    except QuiverError as error:
        return None, str(error)


def _extension() -> str:
    """Return whether the compiled kernels load, or the reason why not."""
    if find_spec(_BINDINGS) is None:
        return "not installed"
    try:
        import_module(_BINDINGS)
    # A shared object can fail in any way: another Python, another libc, no memory.
    except Exception as error:
        return str(error)
    return "loaded"


def _numba() -> tuple[bool, str | None]:
    """Return whether numba runs, and the folder it can keep compiled kernels in."""
    try:
        quiver.get_backend("numba")
    except QuiverError:
        return False, None
    kernels = vars(import_module("quiver.backends._numba.distance")).values()
    paths = [kernel.stats.cache_path for kernel in kernels if hasattr(kernel, "stats")]
    usable = [path for path in paths if path and os.access(path, os.W_OK)]
    return True, usable[0] if usable else None


def _print_findings(document: dict[str, Any]) -> None:
    found = document["installation"]
    intact = found["n_files"] - len(found["damaged"])
    files = f"{intact} of {found['n_files']} as installed"
    facts = [
        ("python", f"{document['python']}, NumPy {document['numpy']}"),
        ("machine", document["machine"]),
        ("folder", found["folder"]),
        ("files", files if found["n_files"] else "not installed by pip: a checkout"),
        ("compiled kernels", document["extension"]),
        *((info["name"], _in_words(info, document)) for info in document["backends"]),
        ("threads", f"{document['threads']} of {document['processors']} processors"),
    ]
    if document["numba_cache"] is not None:
        facts.append(("numba's cache", document["numba_cache"]))
    print_facts(f"quiver {document['version']}", facts)
    for problem in document["problems"]:
        answers.print(Text(f"problem: {problem}", style="bold red"), soft_wrap=True)
    if document["ok"]:
        answers.print("Nothing is wrong.")


def _in_words(info: dict[str, Any], document: dict[str, Any]) -> str:
    if not info["available"]:
        reason = info["reason"]
        return str(reason).removeprefix(f"backend {info['name']!r} cannot run here: ")
    is_default = info["name"] == document["default_backend"]
    return "runs, used by default" if is_default else "runs"
