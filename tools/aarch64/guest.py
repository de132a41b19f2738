"""A Python for aarch64 with NumPy and quiver in a folder, and quiver's tests by it.

Debian's packages for arm64 are unpacked, not installed; NumPy and pytest come as wheels
from PyPI. Meson compiles the extension as on an aarch64 machine, except that the
compiler is the cross one and Python runs under QEMU.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from gate_metrics import Unavailable

from aarch64.emulate import COMPILER, EMULATOR, PROCESSORS, run

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "aarch64"
GUEST, SITE, PYTHON = BUILD / "root", BUILD / "site", BUILD / "python3"
BUILDERS, INSTALLED = BUILD / "builders", BUILD / "installed"
DEBIAN = ("python3", "libpython3-dev", "libstdc++6")
BUILD_REQUIREMENTS = ("meson>=1.3", "ninja", "cython>=3.1")
PACKAGES = ("numpy>=2.0", "pytest>=8", "hypothesis>=6.100", "pytest-timeout>=2.3")
TESTS = ("-k", "cython", "tests/backends/test_oracle_equality.py")

APT = """\
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Install-Recommends "0";
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State "{0}/state";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
"""
"""An apt of its own, which knows of nothing installed and changes nothing here."""

CROSS = """\
[binaries]
c = '{compiler}'
strip = 'aarch64-linux-gnu-strip'
python = '{python}'
[built-in options]
c_args = ['-idirafter', '{guest}/usr/include']
python.purelibdir = '/site'
python.platlibdir = '/site'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
"""


def run_tests(arguments: list[str]) -> int:
    """Let the guest run tests on every processor; return pytest's exit code."""
    if not PYTHON.exists():
        unpack_python()
    build_quiver()
    environment = {
        **os.environ,
        "PYTHONPATH": f"{INSTALLED / 'site'}:{SITE}",
        "HYPOTHESIS_PROFILE": "emulated",
    }
    pytest = PYTHON, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"
    for processor in PROCESSORS:
        print(f"== {processor}", flush=True)
        code = subprocess.run(
            [*pytest, *(arguments or TESTS)],
            cwd=ROOT,
            env={**environment, "QEMU_CPU": processor},
            check=False,
        ).returncode
        if code != 0:
            return code
    return 0


def unpack_python() -> None:
    """Fetch and unpack Python and what it needs, NumPy and pytest."""
    for package in download_packages():
        run("dpkg-deb", "-x", package, GUEST)
    install(BUILDERS, *BUILD_REQUIREMENTS)
    version = sorted(GUEST.glob("usr/bin/python3.*"))[0].name.removeprefix("python")
    platforms = [f"--platform=manylinux_2_{glibc}_aarch64" for glibc in (17, 28)]
    kind = "--only-binary=:all:", "--implementation=cp", f"--python-version={version}"
    install(SITE, *platforms, *kind, *PACKAGES)
    # Under its own folder, so that headers are found by their real paths.
    PYTHON.write_text(
        f"#!/bin/sh\nPYTHONHOME={GUEST}/usr exec {EMULATOR} -L {GUEST} "
        f'{GUEST}/usr/bin/python3 "$@"\n'
    )
    PYTHON.chmod(0o755)


def download_packages() -> list[Path]:
    """Return Debian's packages of Python for arm64 and of all that they need."""
    if shutil.which("apt-get") is None:
        msg = "only apt-get can fetch a Python for aarch64"
        raise Unavailable(msg)
    apt = BUILD / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "conf").write_text(APT.format(apt))
    environment = {**os.environ, "APT_CONFIG": str(apt / "conf")}
    for words in (["update"], ["install", "-y", "--download-only", *DEBIAN]):
        try:
            run("apt-get", *words, environment=environment)
        except subprocess.CalledProcessError as error:
            msg = f"Debian's packages for arm64 cannot be had: {error}"
            raise Unavailable(msg) from error
    return sorted(apt.glob("cache/archives/*.deb"))


def install(folder: Path, *requirements: str) -> None:
    """Install packages from PyPI into a folder."""
    pip = sys.executable, "-m", "pip", "install", "--quiet", "--upgrade"
    run(*pip, "--target", folder, *requirements)


def build_quiver() -> None:
    """Compile the extension and install quiver for the guest."""
    cross, build = BUILD / "cross.ini", BUILD / "meson"
    cross.write_text(CROSS.format(compiler=COMPILER, python=PYTHON, guest=GUEST))
    environment = {
        **os.environ,
        "PYTHONPATH": str(BUILDERS),
        "PATH": f"{BUILDERS / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "DESTDIR": str(INSTALLED),
    }
    for folder in (build, INSTALLED):
        shutil.rmtree(folder, ignore_errors=True)
    setup = "setup", build, ROOT, "--cross-file", cross, "-Dext=enabled"
    for words in (setup, ("install", "-C", build)):
        run("meson", *words, environment=environment)
