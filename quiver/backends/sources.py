"""The sources of the compiled kernels as one number, so that a stale build is noticed.

In a checkout an extension from an earlier build may lie beside sources that have
changed since, and would compute what they once said. An installed package has no
sources, and nothing to compare. The build runs this file as a program and compiles
what it prints; see ``_simd/meson.build``.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

_FOLDER = Path(__file__).parent
_SUFFIXES = {".c", ".h", ".pyx", ".pxd", ".pxi", ".build"}


def check_made_of_these_sources(digest: str) -> None:
    """Raise ImportError unless these are the sources beside it, if there are any.

    Parameters
    ----------
    digest : str
        What the extension says of itself; empty if it is too old to say it.
    """
    if sources := _sources():
        if digest == _digest(sources):
            return
        msg = (
            "the compiled kernels were made of other sources than those beside them: "
            "build them anew, or delete the shared object in quiver/backends/_simd"
        )
        raise ImportError(msg)


def _sources() -> list[Path]:
    found = (_FOLDER / "_simd").iterdir()
    return sorted(path for path in found if path.suffix in _SUFFIXES)


def _digest(sources: list[Path]) -> str:
    """Return a number of names and contents, and of the list of targets."""
    total = sha256()
    for path in [_FOLDER / "targets.py", *sources]:
        total.update(path.name.encode() + sha256(path.read_bytes()).digest())
    return total.hexdigest()


if __name__ == "__main__":
    print(f'const char quiver_sources[] = "{_digest(_sources())}";')
