"""Installed again after a change, the new kernels are loaded, not an earlier build."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from quiver.backends import sources

ROOT = Path(__file__).parents[1]
NEEDED = ("pyproject.toml", "meson.build", "meson.options", "LICENSE", "README.md")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "demo_data")
ONE_TARGET = '    Target("scalar", "simd_portable.h", "any"),\n'
# With a stand-in for NumPy, which would have to be installed as well.
ASK = """
import importlib.util, json, pathlib, sys, types
sys.modules["numpy"] = types.ModuleType("numpy")
(package,) = pathlib.Path(sys.prefix).rglob("site-packages/quiver")
(path,) = (package / "backends" / "_simd").glob("bindings.*[!i]")
spec = importlib.util.spec_from_file_location("bindings", path)
bindings = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bindings)
version = (package / "_version.py").read_text()
print(json.dumps([bindings.SOURCES, version.split('"')[-2]]))
"""


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of the sources, with one target, so that it compiles soon."""
    if not (ROOT / "meson.build").exists():
        pytest.skip("needs a checkout")
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "quiver", folder / "quiver", ignore=LEFT_OUT)
    for name in NEEDED:
        shutil.copy(ROOT / name, folder)
    targets = folder / "quiver" / "backends" / "targets.py"
    text = targets.read_text("utf-8")
    targets.write_text(
        re.sub(
            r"(TARGETS = \(\n).*?^\)", rf"\g<1>{ONE_TARGET})", text, flags=re.M | re.S
        )
    )
    return folder


@pytest.fixture(params=["pip", "uv"])
def install(request, tmp_path):
    """Return a function that installs a folder, and one that asks what is installed."""
    tool = shutil.which("uv") if request.param == "uv" else "pip"
    if tool is None:
        pytest.skip("uv is not installed")
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    start = [python, "-m", "pip"] if tool == "pip" else [tool, "pip"]
    end = [] if tool == "pip" else ["--python", python]

    def run(folder):
        words = ["install", "--no-deps", "-Csetup-args=-Dext=enabled", *end, folder]
        subprocess.run([*start, *words], check=True, cwd=tmp_path)
        answer = subprocess.check_output([python, "-c", ASK], cwd=tmp_path)
        return tuple(json.loads(answer))

    return run


def digest_of(checkout, monkeypatch):
    monkeypatch.setattr(sources, "_FOLDER", checkout / "quiver" / "backends")
    return sources._digest(sources._sources())


@pytest.mark.slow
def test_the_kernels_are_those_of_the_last_change(checkout, install, monkeypatch):
    first, _ = install(checkout)
    assert first == digest_of(checkout, monkeypatch)
    with (checkout / "quiver/backends/_simd/portable.h").open("a") as header:
        header.write("#define CHANGED 1\n")
    version = checkout / "quiver" / "_version.py"
    version.write_text(version.read_text("utf-8").replace('"0.', '"9.'))
    second, told = install(checkout)
    assert second == digest_of(checkout, monkeypatch) != first
    assert told.startswith("9.")
