"""The command without typer and rich; this runs with and without them installed."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_the_command_says_what_to_install(missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from quiver.cli import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60
    )
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "pip install 'quiver-ann[cli]'" in ended.stderr


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
@pytest.mark.parametrize(
    ("command", "extra"), [(["shards", "serve", "none"], "serve"), (["lab"], "lab")]
)
def test_without_the_extra_what_serves_says_what_to_install(command, extra, missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"sys.argv[1:] = {command!r}\n"
        "from quiver.cli import main; main()"
    )
    pytest.importorskip("typer", reason="needs the extra `cli`")
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60
    )
    assert ended.returncode == 1
    assert f"pip install 'quiver-ann[{extra}]'" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
