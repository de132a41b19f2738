"""The page of an explanation as text: sound, complete, offline, safe."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import quiver


@pytest.fixture(scope="module")
def explanations():
    points = np.random.default_rng(9).normal(size=(300, 16))
    params = quiver.BuildParams(max_degree=6, ef_construction=12)
    index = quiver.Index.build(points, params=params, backend="reference")
    queries = np.random.default_rng(10).normal(size=(3, 16))
    return [index.explain(query, k=6, ef=9, n_rerank=6) for query in queries]


VOID = {"meta", "link", "input", "br", "circle", "line", "path"}


class Page(HTMLParser):
    """Counts elements, checks nesting, and keeps what would need a network."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.outside: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.outside += [
            value
            for name, value in attrs
            if name in ("src", "href") and not value.startswith("data:")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_needs_no_network_and_draws_every_row_seen(explanations):
    for e in explanations:
        page = Page(e.to_html())
        assert not page.open
        assert not page.outside
        n_links = sum(len(hop.newly_seen) for hop in e.hops)
        assert page.counts["line"] == n_links
        seen = set(e.entry_points).union(*(hop.newly_seen for hop in e.hops))
        nodes = seen.union(true.id for true in e.true_neighbours)
        assert page.counts["circle"] == len(nodes) + len(e.points)
        assert "@" not in re.sub(r"@\d+", "", e.to_html().partition("<style>")[0])


def test_a_hostile_label_stays_text(explanations):
    hostile = "</script><script>alert(1)</script> & @steps@ <b>"
    e = explanations[0]
    labels = dict.fromkeys((id_ for id_, _, _ in e.points), hostile)
    html = e.to_html(labels)
    assert "<script>alert" not in html
    assert Page(html).counts["script"] == 2
    start = html.index('id="steps">') + len('id="steps">')
    steps = json.loads(html[start : html.index("</script>", start)])
    assert steps[0]["node"] == f"{e.entry_point}: {hostile}"
