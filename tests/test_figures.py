"""The documentation's pictures: all there, all shown, the same from the same code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="needs the extra `plot`")

from make_figures import FIGURES, make_figures

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.slow
def test_every_picture_is_drawn_the_same_twice(tmp_path):
    for attempt in ("once", "again"):
        make_figures(tmp_path / attempt)
    for name in FIGURES:
        once = (tmp_path / "once" / f"{name}.svg").read_bytes()
        assert b"</svg>" in once
        assert once == (tmp_path / "again" / f"{name}.svg").read_bytes()


def test_every_picture_is_shown_and_none_is_missing():
    pages = [page.read_text("utf-8") for page in (DOCS / "algorithm").glob("*.md")]
    shown = {name for page in pages for name in re.findall(r"figures/(\w+)\.svg", page)}
    assert shown == set(FIGURES)
