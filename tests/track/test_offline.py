"""asv's pages open from a file: what they would fetch is beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="needs the extra `bench`")

import asv
from track.offline import without_server


def test_all_that_would_be_fetched_stands_in_a_script_before_it_is_asked_for(tmp_path):
    front = Path(asv.__file__).with_name("www") / "index.html"
    (tmp_path / "index.html").write_text(front.read_text("utf-8"), encoding="utf-8")
    fetched = {"index.json": {"project": "</script>"}, "graphs/a b/c.json": [[1, 2.0]]}
    for name, content in fetched.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    without_server(tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert page.index("jquery-") < page.index("published.js") < page.index('"asv.js"')
    first, _ = (tmp_path / "published.js").read_text("utf-8").split(";\n", 1)
    assert json.loads(first.removeprefix("var published = ")) == fetched


def test_a_page_that_fetches_otherwise_is_refused(tmp_path):
    (tmp_path / "index.html").write_text("<html></html>")
    with pytest.raises(ValueError, match=r"does not load asv\.js"):
        without_server(tmp_path)
