"""The documentation builds without a warning, and its tables are those of the code."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
TABLES = {
    "measure_encodings": DOCS / "algorithm" / "measured.md",
    "measure_parameters": DOCS / "measured_parameters.md",
}


@pytest.mark.slow
def test_the_pages_build_without_a_warning(tmp_path):
    for module in ("sphinx", "numpydoc", "myst_parser", "pydata_sphinx_theme"):
        pytest.importorskip(module, reason="needs the extra `docs`")
    pytest.importorskip("matplotlib", reason="needs the extra `docs`")
    built = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E"),
            *("-b", "html", "-d", tmp_path / "doctrees", DOCS, tmp_path / "html"),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=500,
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "html" / "algorithm" / "prune.html").exists()


@pytest.mark.figures
@pytest.mark.parametrize("script", TABLES)
def test_the_measured_tables_are_those_of_the_code(script, capsys):
    importlib.import_module(script).main()
    assert capsys.readouterr().out == TABLES[script].read_text("utf-8")
