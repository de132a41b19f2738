"""A Python for aarch64 with NumPy and quiver in a folder, and quiver's tests by it.

Debian's packages for arm64 are unpacked, not installed; NumPy and pytest come as wheels
from PyPI. Meson compiles the extension as on an aarch64 machine, except that the compiler
is the cross one and Python runs under QEMU.
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
GUEST, SITE, PYTHON = BUILD / "root", BUILD / "site", BUILD / "python"
TESTS = ("tests/backends/test_oracle_equality.py", "tests/backends/test_golden.py")
DEBIAN = ("python3", "libpython3-dev")
BUILDERS = ("meson>=1.3", "ninja", "cython>=3.1")
PACKAGES = ("numpy>=2.0", "pytest>=8", "hypothesis>=6.100", "pytest-timeout>=2.3")

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
"""An apt of its own, which knows nothing as installed and changes nothing here."""

CROSS = """\
[binaries]
c = '{compiler}'
strip = 'aarch64-linux-gnu-strip'
cython = '{cython}'
python = '{python}'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
"""


def run_tests(arguments: list[str]) -> int:
    """Let the guest run tests on every processor; return pytest's exit code."""
    if shutil.which("apt-get") is None:
        msg = "only apt-get can fetch a Python for aarch64"
        raise Unavailable(msg)
    if not PYTHON.exists():
        unpack_python()
    build_quiver()
    for processor in PROCESSORS:
        print(f"== {processor}", flush=True)
        command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        selected = arguments or [*TESTS, "-k", "cython"]
        environment = {**os.environ, "QEMU_CPU": processor, "PYTHONPATH": str(SITE)}
        done = subprocess.run(
            [*command, *selected], cwd=ROOT / "tests", env=environment, check=False
        )
        if done.returncode != 0:
            return done.returncode
    return 0


def unpack_python() -> None:
    """Fetch and unpack Python and what it needs, NumPy and pytest."""
    apt = BUILD / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "conf").write_text(APT.format(apt))
    environment = {**os.environ, "APT_CONFIG": str(apt / "conf")}
    for words in (["update"], ["install", "-y", "--download-only", *DEBIAN]):
        done = subprocess.run(
            ["apt-get", *words], env=environment, capture_output=True, check=False
        )
        if done.returncode != 0:
            msg = f"apt-get {words[0]} for arm64: {done.stderr.decode().strip()}"
            raise Unavailable(msg)
    for package in sorted(apt.glob("cache/archives/*.deb")):
        run("dpkg-deb", "-x", package, GUEST)
    platforms = [f"--platform=manylinux_2_{glibc}_aarch64" for glibc in (17, 28)]
    kind = ["--only-binary=:all:", "--implementation=cp", "--python-version=3.11"]
    install(SITE, *platforms, *kind, *PACKAGES)
    install(BUILD / "builders", *BUILDERS)
    PYTHON.write_text(
        f'#!/bin/sh\nexec {EMULATOR} -L {GUEST} {GUEST}/usr/bin/python3 "$@"\n'
    )
    PYTHON.chmod(0o755)


def install(folder: Path, *requirements: str) -> None:
    """Install packages into a folder."""
    pip = sys.executable, "-m", "pip", "install", "--quiet", "--upgrade"
    run(*pip, "--target", folder, *requirements)
