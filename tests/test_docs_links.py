"""Every link of every page leads somewhere, and to every page leads a link.

Nothing is fetched: `make links` asks other sites, where there is a network.
"""

from __future__ import annotations

import pytest
from written_pages import faults, pages, unreached

LINKED = """\
# Home

[up](#home) [there](docs/a.page.md#two-words--more-of-it) ![a dot](dot.svg)
<a href="docs/a.page.md#the-same-1">again</a> <https://example.org/a_(b)>
`[no](link.md)` [`code`](docs/a.page.md#named)

```text
[no](link.md)
```
"""
THERE = """\
# There

## Two words: & `more` of [it](../README.md)

### The same

### The same

<a id="named"></a>

#### Too deep for Sphinx
"""


@pytest.fixture
def folder(tmp_path):
    """Return a repository of three pages in which all is well."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "dot.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "README.md").write_text(LINKED, encoding="utf-8")
    (tmp_path / "docs/a.page.md").write_text(THERE, encoding="utf-8")
    contents = "# Pages\n\n```{toctree}\n:maxdepth: 1\n\na.page\n```\n"
    (tmp_path / "docs/index.md").write_text(contents, encoding="utf-8")
    return tmp_path


def test_every_link_and_every_anchor_of_every_page_exists():
    assert faults() == []


def test_to_every_page_leads_a_way_from_the_landing_pages():
    assert unreached() == set()


def test_pages_are_found():
    assert len(pages()) > 60


def test_what_is_well_is_no_fault(folder):
    assert faults(folder) == []
    assert unreached(folder) == set()


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("[x](docs/no.page.md)", "docs/no.page.md: no such file"),
        ("[x](docs/a.page.md#gone)", "docs/a.page.md#gone: no such heading"),
        ("[x](#gone)", "#gone: no such heading"),
        ("[x](dot.svg#home)", "dot.svg#home: no such heading"),
        ("[x](docs/a.page.md#too-deep-for-sphinx)", "sphinx: no such heading"),
        ("[x](docs/a.page.md#the-same-2)", "the-same-2: no such heading"),
        ("[two\nlines](docs/no.page.md)", "docs/no.page.md: no such file"),
        ("[![x](gone.svg)](dot.svg)", "gone.svg: no such file"),
        ("[x]\n\n[x]: docs/no.page.md", "docs/no.page.md: no such file"),
        ('<img src="gone.svg" alt="x">', "gone.svg: no such file"),
        ("```{include} gone.md\n```", "gone.md: no such file"),
        ("```{toctree}\n\nGone <docs/no.page>\n```", "docs/no.page.md: no such file"),
        ("[x](../outside.md)", "../outside.md: no such file"),
        ("[x]()", "leads nowhere"),
        ("![](dot.svg)", "dot.svg: has no words"),
        ("[x](http://example.org)", "must be https"),
        ("http://example.org", "must be https"),
        ("[x](https://example)", "no well-formed host"),
        ("[x](https:/example.org)", "no well-formed host"),
        ("[x](ftp://example.org)", "must be https or relative"),
    ],
)
def test_a_planted_fault_is_told(folder, planted, told):
    page = folder / "README.md"
    page.write_text(f"{LINKED}\n{planted}\n", encoding="utf-8")
    assert [told in fault for fault in faults(folder)] == [True]


def test_a_page_that_nothing_leads_to_is_told(folder):
    lost = "# Lost\n\n[home](../README.md) [itself](lost.page.md)\n"
    (folder / "docs/lost.page.md").write_text(lost, encoding="utf-8")
    assert faults(folder) == []
    assert unreached(folder) == {"docs/lost.page.md"}
