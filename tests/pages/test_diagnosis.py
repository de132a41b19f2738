"""The page of a diagnosis: complete, and sound on its own."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from diagnosed import needs_kernels
from rows import skewed_rows

import quiver


@pytest.fixture(scope="module")
def diagnosis() -> quiver.Diagnosis:
    return quiver.diagnose(skewed_rows(1000, 32), metric="euclidean", sample=500)


@needs_kernels
def test_the_page_needs_nothing_from_outside(diagnosis: quiver.Diagnosis) -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[tuple[str, dict]] = []

        def handle_starttag(self, tag: str, attrs: list) -> None:
            self.found.append((tag, dict(attrs)))

    tags = Tags()
    tags.feed(diagnosis.to_html())
    names = [tag for tag, _ in tags.found]
    # Forecast, distances, four fidelity curves, four plane densities.
    assert names.count("svg") == 10
    assert not {"script", "img", "link", "iframe"} & set(names)
    assert not any("href" in attrs or "src" in attrs for _, attrs in tags.found)
