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


VOID = {"meta", "link", "input", "br"}


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


def walk_of(html):
    start = html.index('id="walk">') + len('id="walk">')
    return json.loads(html[start : html.index("</script>", start)])


def test_the_page_needs_no_network_and_holds_what_it_draws(explanations):
    for e in explanations:
        page = Page(e.to_html())
        assert not page.open
        assert not page.outside
        assert page.counts["script"] == 2
        assert "@" not in re.sub(r"@\d+", "", e.to_html().partition("<style>")[0])
        assert not re.findall(r"@\w+@", e.to_html())


def test_every_row_seen_and_every_true_neighbor_is_drawn(explanations):
    for e in explanations:
        walk = walk_of(e.to_html())
        seen = set(e.entry_points).union(*(hop.newly_seen for hop in e.hops))
        true = {one.id for one in e.true_neighbours}
        drawn = {int(node["id"]): node for node in walk["nodes"]}
        assert drawn.keys() == seen | true
        assert {id_ for id_, node in drawn.items() if node["true"]} == true
        assert {id_ for id_, node in drawn.items() if node["seen"] is None} == (
            true - seen
        )
        assert drawn.keys() <= {int(id_) for id_, _, _ in walk["points"]}
        assert len(walk["points"]) == len(e.points)
        for hop, told in zip(e.hops, walk["hops"], strict=True):
            assert drawn[hop.node]["expanded"] == hop.number
            assert [int(id_) for id_ in told["seen"]] == list(hop.newly_seen)
            assert {drawn[id_]["seen"] for id_ in hop.newly_seen} <= {hop.number}
            assert {drawn[id_]["dropped"] for id_ in hop.dropped} <= {hop.number}
            beam = [(int(id_), distance) for id_, distance in told["beam"]]
            assert beam == [*zip(hop.beam, hop.beam_distances, strict=True)][:12]


def test_a_missed_neighbor_is_told_with_what_lost_it(explanations):
    for e in explanations:
        walk = walk_of(e.to_html())
        for one, told in zip(e.true_neighbours, walk["true"], strict=True):
            assert told == {
                "id": str(one.id),
                "shown": f"{one.distance:.4f}",
                "fate": one.fate,
                "stage": one.stage,
                "reason": one.reason,
            }
        for one, told in zip(e.found, walk["answer"], strict=True):
            assert (told["id"], told["place"]) == (str(one.id), one.beam_place)
            assert (told["shown"], told["hop"]) == (
                f"{one.distance:.4f}",
                one.seen_in_hop,
            )


def test_a_hostile_label_stays_text(explanations):
    hostile = "</script><script>alert(1)</script> & @walk@ <b>"
    e = explanations[0]
    labels = dict.fromkeys((id_ for id_, _, _ in e.points), hostile)
    html = e.to_html(labels)
    assert "<script>alert" not in html
    assert Page(html).counts["script"] == 2
    assert walk_of(html)["labels"][str(e.entry_point)] == hostile


def test_an_id_of_64_bits_is_told_in_every_digit():
    points = np.random.default_rng(9).normal(size=(60, 8))
    ids = np.arange(60) + 2**62 + 1
    index = quiver.Index.build(points, ids=ids, max_degree=6, backend="reference")
    walk = walk_of(index.explain(points[0], k=1).to_html())
    assert walk["answer"][0]["id"] == str(ids[0])
