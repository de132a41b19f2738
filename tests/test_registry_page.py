"""The README on the page of a package registry: no link is relative there."""

from __future__ import annotations

import re

from registry_page import README, make_absolute

FILES, PICTURES = "https://example.org/files/", "https://example.org/raw"


def test_links_and_pictures_go_below_their_own_address():
    page = "![p](docs/p.png) [t](docs/tutorial.md#x) "
    page += "[a](https://arxiv.org/abs/1) [h](#here)"
    assert make_absolute(page, FILES, PICTURES) == (
        "![p](https://example.org/raw/docs/p.png) "
        "[t](https://example.org/files/docs/tutorial.md#x) "
        "[a](https://arxiv.org/abs/1) [h](#here)"
    )


def test_every_relative_link_of_the_readme_names_a_file_and_becomes_absolute():
    page = README.read_text(encoding="utf-8")
    made = make_absolute(page, FILES, PICTURES)
    targets = re.findall(r"\]\(([^)]+)\)", made)
    assert all(re.match(r"https://|#", target) for target in targets)
    ours = [target for target in targets if target.startswith((FILES, PICTURES))]
    assert ours
    for target in ours:
        path = target.removeprefix(FILES).removeprefix(f"{PICTURES}/").partition("#")[0]
        assert (README.parent / path).is_file()
