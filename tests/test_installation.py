"""A package of the same name in the same folder is found, and the remedy named."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest

import quiver
from quiver.installation import DISTRIBUTION, REMEDY

PACKAGE = Path(quiver.__file__).parent
LEFT_OUT = shutil.ignore_patterns("__pycache__", "demo_data", "*.so")


def install(folder: Path, name: str, version: str, files: list[str]) -> None:
    """Write the metadata an installer writes for files that lie in the folder."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    with (info / "RECORD").open("w", newline="") as record:
        for file in files:
            content = (folder / file).read_bytes()
            digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
            csv.writer(record).writerow([file, f"sha256={digest}", len(content)])


def install_ours(folder: Path) -> None:
    shutil.copytree(PACKAGE, folder / "quiver", ignore=LEFT_OUT, dirs_exist_ok=True)
    files = [
        path.relative_to(folder).as_posix()
        for path in (folder / "quiver").rglob("*.py")
        if path.name != "plotter.py"
    ]
    install(folder, DISTRIBUTION, quiver.__version__, files)
    # Compiling every kernel for every test would take minutes.
    (folder / "numba.py").write_text("raise ImportError('left out by the test')")


def install_foreign(folder: Path) -> None:
    """Do what the other distribution's wheel does: an empty init and a module."""
    (folder / "quiver").mkdir(exist_ok=True)
    (folder / "quiver" / "__init__.py").write_text("")
    (folder / "quiver" / "plotter.py").write_text("class FieldPlotter: pass\n")
    install(folder, "quiver", "0.1", ["quiver/__init__.py", "quiver/plotter.py"])


def uninstall_foreign(folder: Path) -> None:
    (folder / "quiver" / "__init__.py").unlink()
    (folder / "quiver" / "plotter.py").unlink()
    shutil.rmtree(folder / "quiver-0.1.dist-info")


def run(folder: Path, *command: str, alone: bool = False):
    """Run Python with that folder in front of all others, or with no other."""
    others = [] if alone else [path for path in sys.path if path]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), *others]),
        "QUIVER_BACKEND": "reference",
    }
    return subprocess.run(
        [sys.executable, "-S", *command],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        cwd=folder,
        timeout=120,
    )


def run_quiver(folder: Path, *arguments: str, alone: bool = False):
    """Do what the script `quiver` does."""
    script = "from quiver.cli import main; main()"
    return run(folder, "-c", script, *arguments, alone=alone)


def examine(folder: Path) -> dict:
    ended = run_quiver(folder, "doctor", "--json")
    return json.loads(ended.stdout) | {"exit_code": ended.returncode}


def test_a_whole_installation_is_found_intact(tmp_path):
    install_ours(tmp_path)
    found = examine(tmp_path)["installation"]
    assert found["folder"] == "<temporary>"
    assert found["version"] == quiver.__version__
    assert found["others"] == found["damaged"] == []
    assert found["n_files"] == len(list((tmp_path / "quiver").rglob("*.py")))


def test_an_installation_before_ours_is_named_though_all_works(tmp_path):
    install_foreign(tmp_path)
    install_ours(tmp_path)
    assert run(tmp_path, "-c", "import quiver; quiver.Index").returncode == 0
    document = examine(tmp_path)
    assert document["installation"]["others"] == ["quiver 0.1"]
    assert document["installation"]["damaged"] == []
    assert not document["ok"]
    assert document["exit_code"] == 1
    assert "quiver 0.1 installs into the same folder" in document["problems"][0]
    assert REMEDY in document["problems"][0]


@pytest.mark.parametrize("arguments", [["doctor"], ["info", "x.quiver"], ["--help"]])
def test_an_installation_after_ours_is_one_line_from_every_command(tmp_path, arguments):
    install_ours(tmp_path)
    install_foreign(tmp_path)
    ended = run_quiver(tmp_path, *arguments)
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: the package 'quiver' in ")
    assert DISTRIBUTION in line
    assert "quiver 0.1" in line
    assert line.endswith(REMEDY)


def test_our_init_gone_with_the_other_package_is_one_line_too(tmp_path):
    install_foreign(tmp_path)
    install_ours(tmp_path)
    uninstall_foreign(tmp_path)
    # Without an init the folder is a namespace, which any other `quiver` would hide.
    ended = run_quiver(tmp_path, "doctor", alone=True)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.endswith(REMEDY)


@pytest.mark.parametrize("content", [None, "", "raise ImportError(name='quiver.x')"])
def test_the_first_use_says_what_to_type_where_a_module_of_ours_is_not_ours(
    tmp_path, content
):
    install_ours(tmp_path)
    module = tmp_path / "quiver" / "index.py"
    module.unlink() if content is None else module.write_text(content)
    ended = run(tmp_path, "-c", "from quiver import Index")
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("ImportError: the package 'quiver' in ")
    assert last.endswith(REMEDY)


def test_what_is_missing_and_not_ours_keeps_its_own_error(tmp_path):
    install_ours(tmp_path)
    code = "import sys; sys.modules['numpy'] = None; import quiver"
    ended = run(tmp_path, "-c", code)
    assert ended.stderr.splitlines()[-1].startswith("ModuleNotFoundError")
    assert "numpy" in ended.stderr.splitlines()[-1]


def test_files_that_are_not_as_installed_are_counted_and_named(tmp_path):
    install_ours(tmp_path)
    with (tmp_path / "quiver" / "pages" / "svg.py").open("a") as file:
        file.write("# edited\n")
    (tmp_path / "quiver" / "py.typed").unlink()
    document = examine(tmp_path)
    assert document["installation"]["damaged"] == ["quiver/pages/svg.py"]
    assert document["exit_code"] == 1
    assert any(
        "1 of" in line and "quiver/pages/svg.py" in line
        for line in document["problems"]
    )


def test_two_versions_mixed_are_a_problem(tmp_path):
    install_ours(tmp_path)
    info = tmp_path / f"quiver_ann-{quiver.__version__}.dist-info"
    metadata = (info / "METADATA").read_text()
    (info / "METADATA").write_text(metadata.replace(quiver.__version__, "9.9"))
    assert any(
        "two versions are mixed" in line for line in examine(tmp_path)["problems"]
    )
