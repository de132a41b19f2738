"""Build a wheel with kernels for every Python here, and test each as its users get it.

python tools/make_wheels.py                        # every Python that is found
python tools/make_wheels.py python3.12 python3.13  # these

Needs `dist` as `make sdist` leaves it: the source, from which all is built, and the
wheel without kernels. Each wheel is repaired where auditwheel is, installed into
an environment in which no compiler can be found, and put to the tests that
``[tool.cibuildwheel]`` names, away from the checkout. Then tests/test_wheels.py looks
at what they are.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RULES = PROJECT["tool"]["cibuildwheel"]
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"
CHECKS = ("wheels", "second_install")


def main(arguments: list[str]) -> None:
    (source,) = DIST.glob("*.tar.gz")
    (pure,) = DIST.glob("*-none-any.whl")
    with tempfile.TemporaryDirectory() as folder:
        for number, python in enumerate(arguments or pythons_here()):
            print(f"== {python}", flush=True)
            own = Path(folder) / str(number)
            try_wheel(python, build(python, source, own), own)
        own = Path(folder) / "pure"
        print(f"== {pure.name}", flush=True)
        bin_folder = try_wheel(sys.executable, pure, own)
        checks = [ROOT / "tests" / f"test_{name}.py" for name in CHECKS]
        run(bin_folder / "pytest", "--slow", *checks, QUIVER_DIST=str(DIST))


def pythons_here() -> Iterator[str]:
    """Yield this Python, and one of each other version for which there is a wheel."""
    yield sys.executable
    own = f"cp{sys.version_info.major}{sys.version_info.minor}"
    for selector in RULES["build"]:
        tag = selector.removesuffix("-*")
        name = f"python{tag[2]}.{tag[3:]}"
        found = shutil.which(name)
        # One of a version manager may be there and refuse to run.
        if tag != own and found and not subprocess.call([found, "-c", ""]):
            yield found


def build(python: str, source: Path, folder: Path) -> Path:
    """Return the repaired wheel, built from the source as pip does it for a user."""
    settings = [
        f"-Csetup-args={word}" for word in RULES["config-settings"]["setup-args"]
    ]
    raw = folder / "raw"
    pip = [environment(python, folder / "build") / "python", "-m", "pip"]
    run(*pip, "wheel", "--no-deps", *settings, "-w", raw, source)
    (wheel,) = raw.iterdir()
    if not shutil.which("auditwheel"):
        return Path(shutil.copy(wheel, DIST))
    repaired = folder / "repaired"
    run("auditwheel", "repair", "--wheel-dir", repaired, wheel)
    (wheel,) = repaired.iterdir()
    return Path(shutil.copy(wheel, DIST))


def try_wheel(python: str, wheel: Path, folder: Path) -> Path:
    """Install the wheel where nothing can be compiled, and run the tests there."""
    bin_folder = environment(python, folder / "installed")
    alone = {"PATH": str(bin_folder), "CC": "false"}
    extras = ",".join(RULES["test-extras"])
    pip = [bin_folder / "python", "-m", "pip", "install", "--quiet"]
    run(*pip, "--only-binary", ":all:", f"{wheel}[{extras}]", **alone)
    is_pure = wheel.name.endswith("-none-any.whl")
    # Without kernels it finds a problem, that the reference is alone.
    run(bin_folder / "quiver", "doctor", folder=folder, status=int(is_pure), **alone)
    for name in RULES["test-sources"]:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    program, *words = shlex.split(RULES["test-command"])
    if is_pure:
        words = [word for word in words if not word.startswith("--require-backends")]
    run(bin_folder / program, *words, folder=folder, **alone)
    return bin_folder


def environment(python: str, folder: Path) -> Path:
    run(python, "-m", "venv", folder)
    return folder / SCRIPTS


def run(
    *command: object, folder: Path | None = None, status: int = 0, **variables: str
) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env={**os.environ, **variables})
    if done.returncode != status:
        msg = f"{shlex.join(words)} ended with {done.returncode}"
        raise SystemExit(msg)


if __name__ == "__main__":
    main(sys.argv[1:])
