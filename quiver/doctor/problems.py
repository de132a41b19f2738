"""What of the facts is a problem, each with what to type."""

from __future__ import annotations

from typing import Any

from quiver.installation import DISTRIBUTION, REMEDY

_SHOWN_FILES = 3


def find_problems(document: dict[str, Any]) -> list[str]:
    """Return a sentence with the remedy for everything that is wrong."""
    return [
        *_package_problems(document["installation"], document["version"]),
        *_kernel_problems(document),
        *(_inequality(trial) for trial in document["self_test"] if trial["mismatches"]),
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
            "or where there is a C compiler: pip install --force-reinstall --no-deps "
            f"--no-binary {DISTRIBUTION} {DISTRIBUTION}"
        )
    if document["numba_runs"] and document["numba_cache"] is None:
        problems.append(
            "numba compiles anew in every process: it has no folder to write to. "
            "Set NUMBA_CACHE_DIR to one"
        )
    return problems


def _inequality(trial: dict[str, Any]) -> str:
    return (
        f"backend {trial['backend']!r} is not the reference: {trial['mismatches']} of "
        f"{trial['cases']} cases differ, first {trial['first_mismatch']}. Use another "
        "by QUIVER_BACKEND, and report this page"
    )
