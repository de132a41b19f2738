"""What is in the source and the wheels of a release, by name, tag, content and size.

`make wheel` names the folder by ``QUIVER_DIST``. Without it, the slow tests make
what needs no compiler themselves.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tomllib
from email.parser import Parser
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
DIST = os.environ.get("QUIVER_DIST")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PURE = "py3-none-any"
PYTHONS = r"(?P<own>cp31[1-4])-(?P=own)|cp314-cp314t"
LINUX = r"(manylinux|musllinux)(\d{4}|(_\d+){2})_(x86_64|aarch64)"
SYSTEMS = rf"{LINUX}|macosx(_\d+){{2}}_(x86_64|arm64)|win_amd64"
BINARY = re.compile(rf"({PYTHONS})-({SYSTEMS})")
SHARED = {".so", ".pyd"}
# No test, no source in C or Cython, nothing that Python or Numba has kept.
SUFFIXES = {".py", ".pyi", ".typed", ".npy", ".txt", ".md", *SHARED}
SUFFIXES |= {".html", ".css", ".js", ".svg"}
DEMO = "quiver/datasets/demo_data/"
MOST_BYTES = 3 * 2**20


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Return a folder with a source and a wheel at least."""
    if DIST is not None:
        return Path(DIST)
    pytest.skip("no wheels were made: see `make wheel`")


@pytest.fixture
def wheels(dist):
    found = {path: ZipFile(path) for path in sorted(dist.glob("*.whl"))}
    assert found
    yield found
    for wheel in found.values():
        wheel.close()


@pytest.fixture
def source_names(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as source:
        return {name.partition("/")[2] for name in source.getnames()}


def tag_of(path: Path) -> str:
    return path.stem.split("-", 2)[2]


def package(wheel: ZipFile) -> set[str]:
    files = (name for name in wheel.namelist() if not name.endswith("/"))
    return {name for name in files if name.startswith("quiver/")}


def info(wheel: ZipFile, name: str):
    (path,) = (n for n in wheel.namelist() if n.endswith(f".dist-info/{name}"))
    return Parser().parsestr(wheel.read(path).decode())


def installed_sources() -> set[str]:
    """Return what of the checkout a wheel holds, whatever else lies in it."""
    kernels = ROOT / "quiver" / "backends" / "_simd"
    named = ("__init__.py", "bindings.pyi")
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "quiver").rglob("*")
        if path.suffix in SUFFIXES - SHARED
        if path.parent != kernels or path.name in named
    }


def test_wheels_are_for_the_pythons_that_are_supported():
    rules = PROJECT["tool"]["cibuildwheel"]
    versions = re.findall(
        r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"])
    )
    tags = {f"cp{version.replace('.', '')}-*" for version in versions}
    assert {*rules["build"]} == tags | {"cp314t-*"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("platform", "arch", "systems"),
    [
        ("linux", "x86_64", ("manylinux_x86_64", "musllinux_x86_64")),
        ("linux", "aarch64", ("manylinux_aarch64", "musllinux_aarch64")),
        ("macos", "x86_64", ("macosx_x86_64",)),
        ("macos", "arm64", ("macosx_arm64",)),
        ("windows", "AMD64", ("win_amd64",)),
    ],
)
def test_cibuildwheel_reads_which_wheels_to_build(platform, arch, systems):
    if (program := shutil.which("cibuildwheel")) is None:
        pytest.skip("cibuildwheel is not installed: see `make wheel`")
    options = ["--print-build-identifiers", "--platform", platform, "--archs", arch]
    printed = subprocess.check_output([program, *options, ROOT], encoding="utf-8")
    pythons = [s.removesuffix("*") for s in PROJECT["tool"]["cibuildwheel"]["build"]]
    expected = {python + system for python in pythons for system in systems}
    assert {*printed.split()} == expected


def test_a_wheel_is_for_any_python_or_for_one_of_those_supported(wheels):
    for path in wheels:
        tag = tag_of(path)
        systems = tag.split("-")[-1].split(".")
        expanded = [f"{tag.rpartition('-')[0]}-{system}" for system in systems]
        assert tag == PURE or all(BINARY.fullmatch(one) for one in expanded), path.name


def test_its_name_and_what_it_says_of_itself_agree(wheels):
    for path, wheel in wheels.items():
        said = info(wheel, "WHEEL")
        assert said["Root-Is-Purelib"] == str(tag_of(path) == PURE).lower()
        assert {tag.split("-")[0] for tag in said.get_all("Tag")} == {
            tag_of(path).split("-")[0]
        }
        assert info(wheel, "METADATA")["Version"] == PROJECT["project"]["version"]


def test_it_holds_the_package_and_nothing_else(wheels):
    for path, wheel in wheels.items():
        held = {n for n in package(wheel) if PurePosixPath(n).suffix not in SHARED}
        assert held == installed_sources(), path.name
        others = {name.split("/")[0] for name in wheel.namelist()} - {"quiver"}
        assert all(name.endswith(".dist-info") for name in others)


def test_it_has_kernels_if_and_only_if_its_tag_says_so(wheels):
    for path, wheel in wheels.items():
        shared = [n for n in package(wheel) if PurePosixPath(n).suffix in SHARED]
        assert len(shared) == (tag_of(path) != PURE), path.name
        assert all(name.startswith("quiver/backends/_simd/bind") for name in shared)


def test_licence_types_and_demo_data_come_along(wheels):
    for wheel in wheels.values():
        names = wheel.namelist()
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
        assert "quiver/py.typed" in names
        assert f"{DEMO}vectors.npy" in names


def test_without_the_demo_set_it_is_small(wheels):
    for path, wheel in wheels.items():
        members = [m for m in wheel.infolist() if not m.filename.startswith(DEMO)]
        assert sum(member.compress_size for member in members) <= MOST_BYTES, path.name


def test_the_source_has_all_it_is_built_and_tested_from(source_names):
    assert installed_sources() <= source_names
    needed = {"pyproject.toml", "meson.build", "meson.options", "LICENSE", "README.md"}
    needed |= {f"quiver/backends/_simd/{n}" for n in ("kernels.c", "bindings.pyx")}
    assert needed | {"tests/conftest.py", "tools/gate.py", "Makefile"} <= source_names
    assert not [n for n in source_names if re.search(r"\.(so|pyd|pyc|nbi|nbc)$", n)]
