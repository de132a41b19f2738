"""Tell whether the package `quiver` that is installed here is ours, and whole.

Another distribution, `quiver` (plots of direction fields), installs into the same
folder ``quiver/``. Whichever comes later overwrites ``__init__.py`` and leaves the
rest, and uninstalling one takes that file from the other; pip does not say a word. This
module relies on the standard library only: whatever else is broken, it must import.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

DISTRIBUTION = "quiver-ann"
PACKAGE = "quiver"
REMEDY = (
    f"pip uninstall {PACKAGE} && pip install --force-reinstall --no-deps {DISTRIBUTION}"
)
FOLDER = Path(__file__).parent


class Installation(NamedTuple):
    """What the metadata of the installed distributions say about the package.

    Attributes
    ----------
    folder : str
        Where this package lies.
    version : str or None
        Of the distribution `quiver-ann` that lies beside it; None where there is none,
        as in a checkout.
    others : list of str
        Other distributions with files in the same folder.
    n_files : int
        Files whose hash was compared.
    damaged : list of str
        Those that are missing or not as installed.
    """

    folder: str
    version: str | None
    others: list[str]
    n_files: int
    damaged: list[str]


def inspect_installation() -> Installation:
    """Compare the package with what the distributions beside it have installed."""
    own, others = None, []
    for distribution in metadata.distributions(path=[str(FOLDER.parent)]):
        if distribution.name == DISTRIBUTION:
            own = distribution
        elif _claims_package(distribution):
            others.append(f"{distribution.name} {distribution.version}")
    hashes = {} if own is None else _recorded_hashes(own)
    return Installation(
        folder=str(FOLDER),
        version=None if own is None else own.version,
        others=sorted(others),
        n_files=len(hashes),
        damaged=[name for name, digest in hashes.items() if _digest(name) != digest],
    )


def is_ours(package: object) -> bool:
    """Tell whether the imported package was made by our ``__init__.py``."""
    return "register_backend" in getattr(package, "__all__", ())


def explain_damage() -> str:
    """Return one sentence: what is wrong with the package, and what to type."""
    found = inspect_installation()
    culprit = " and ".join(found.others) or "something else"
    return (
        f"the package {PACKAGE!r} in {found.folder} is not (only) that of "
        f"{DISTRIBUTION}: {culprit} has put its own files there or taken ours away. "
        f"Type: {REMEDY}"
    )


def explain_import(error: ImportError) -> None:
    """Raise an error that says what to do, if the import that failed was our own."""
    if (error.name or "").partition(".")[0] == PACKAGE:
        raise ImportError(explain_damage(), name=error.name) from error


def _claims_package(distribution: metadata.Distribution) -> bool:
    return any(file.parts[0] == PACKAGE for file in distribution.files or ())


def _recorded_hashes(distribution: metadata.Distribution) -> dict[str, str]:
    """Return the SHA-256 of our files by name; pip records no hash of a cache."""
    return {
        str(file): file.hash.value
        for file in distribution.files or ()
        if file.parts[0] == PACKAGE and file.hash is not None
    }


def _digest(name: str) -> str | None:
    try:
        content = (FOLDER.parent / name).read_bytes()
    except OSError:
        return None
    return urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
