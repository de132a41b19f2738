"""The page as text: aligned, without color, so that it survives being pasted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Fact = tuple[str, str]


def page(document: dict[str, Any]) -> str:
    """Return what a person reads of the document that `command.examine` makes."""
    parts = [
        ("", _about_python(document)),
        ("computer", _about_computer(document)),
        ("backends", _about_backends(document)),
        ("self-test against the reference", _about_trials(document)),
    ]
    lines = [f"quiver {document['version']}"]
    for title, facts in parts:
        lines += [title] * bool(title) + _aligned(facts)
    lines += [f"problem: {problem}" for problem in document["problems"]]
    return "\n".join(lines + ["Nothing is wrong."] * document["ok"])


def _aligned(facts: Iterable[Fact]) -> list[str]:
    told = [(name, value) for name, value in facts if value]
    width = max((len(name) for name, _ in told), default=0)
    return [f"  {name:<{width}}  {value}" for name, value in told]


def _about_python(document: dict[str, Any]) -> list[Fact]:
    found = document["installation"]
    lock = "" if document["gil"] else ", free-threaded"
    intact = found["n_files"] - len(found["damaged"])
    files = f"{intact} of {found['n_files']} as installed"
    return [
        ("python", f"{document['implementation']} {document['python']}{lock}"),
        ("numpy", document["numpy"]),
        ("besides", ", ".join(f"{n} {v}" for n, v in document["packages"].items())),
        ("settings", " ".join(f"{n}={v}" for n, v in document["settings"].items())),
        ("folder", found["folder"]),
        ("files", files if found["n_files"] else "not installed by pip: a checkout"),
    ]


def _about_computer(document: dict[str, Any]) -> list[Fact]:
    quota = document["quota"]
    limit = "" if quota is None else f", quota {quota}"
    system = f"{document['machine']} {document['kernel']} {document['libc']}"
    threads = f"{document['threads']} of {document['processors']} processors{limit}"
    return [
        ("system", system.rstrip()),
        ("processor", document["processor"]),
        ("features", " ".join(document["features"])),
        ("threads", threads),
        ("huge pages", document["huge_pages"] or ""),
    ]


def _about_backends(document: dict[str, Any]) -> list[Fact]:
    cache = document["numba_cache"] or "none" if document["numba_runs"] else ""
    return [
        ("compiled kernels", document["extension"]),
        *((info["name"], _in_words(info, document)) for info in document["backends"]),
        ("numba's cache", cache),
    ]


def _in_words(info: dict[str, Any], document: dict[str, Any]) -> str:
    if not info["available"]:
        reason = info["reason"]
        return str(reason).removeprefix(f"backend {info['name']!r} cannot run here: ")
    is_default = info["name"] == document["default_backend"]
    return "runs, used by default" if is_default else "runs"


def _about_trials(document: dict[str, Any]) -> list[Fact]:
    trials = [
        (trial["backend"], f"{trial['cases']} cases, {trial['mismatches']} differ")
        for trial in document["self_test"]
    ]
    return trials or [("none", "the reference is alone")]
