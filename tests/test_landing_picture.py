"""The picture of the first page: drawn by today's code, and true."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import landing_picture
import pytest
from written_pages import ROOT

import quiver

PICTURE = ROOT / "docs" / "landing.svg"


@pytest.fixture(scope="module")
def drawn():
    if quiver.get_backend().name == "reference":
        pytest.skip("only the reference is here: the same picture, slowly")
    return landing_picture.walked()


def test_the_picture_is_that_of_todays_code(drawn):
    told = "python tools/landing_picture.py docs/landing.svg draws it anew"
    assert PICTURE.read_text("utf-8") == landing_picture.picture(drawn), told


def test_what_is_ringed_is_nearest_and_was_seen(drawn):
    nearest, _ = quiver.exact_knn(
        drawn.rows, [landing_picture.QUERY], landing_picture.K, metric="euclidean"
    )
    assert drawn.found == nearest.ravel().tolist()
    assert {*drawn.found} <= {*drawn.seen}
    assert {*drawn.expanded} <= {*drawn.seen}


def test_the_page_tells_the_numbers_of_the_picture(drawn):
    page = (ROOT / "docs" / "index.md").read_text("utf-8")
    looked = f"{len(drawn.seen)} of {landing_picture.N_ROWS} rows"
    assert looked in page
    assert looked in landing_picture.title(drawn)


def test_the_picture_is_small_and_has_words():
    assert PICTURE.stat().st_size < 40_000
    (title,) = ET.parse(PICTURE).iter("{http://www.w3.org/2000/svg}title")
    assert title.text
