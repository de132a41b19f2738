"""Whoever reads a changed index sees one version of it, and live rows alone."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from living_model import DIM, SHAPE, draw_index, untidy_pool
from rows import normal_rows

import quiver
from quiver.conformance.hazards import METRICS
from quiver.errors import InvalidArgumentError
from quiver.reference.keys import NO_ID

POOL = untidy_pool(400, seed=5)
QUERIES = normal_rows(30, DIM, seed=8)


@pytest.fixture(params=METRICS)
def index(request: pytest.FixtureRequest) -> quiver.Index:
    """Return an index with dead rows, copies of these, zeros and wide lists."""
    index = draw_index(request.param, POOL[:200])
    index.remove([3, *range(20, 50)], consolidate="manual")
    index.add(POOL[200:260], consolidate="manual")
    return index


def test_check_is_content_and_says_how_many_rows_are_dead(index: quiver.Index) -> None:
    report = index.check(full=True)
    assert report.ok, str(report)
    assert "229 of 260, the others were removed" in str(report)


def test_check_refuses_live_bits_past_the_last_row(index: quiver.Index) -> None:
    live = index.state.live.copy()
    live[-1] |= np.uint64(1) << np.uint64(63)
    spoilt = quiver.Index(replace(index.state, live=live), index.backend)
    failed = [line.name for line in spoilt.check().lines if not line.passed]
    assert failed == ["live rows"]


def test_few_rows_out_of_reach_are_told_but_pass_until_they_are_linked() -> None:
    rows = normal_rows(2000, DIM)
    how = {"metric": "euclidean", "params": SHAPE, "encoding": quiver.Encoding()}
    index = quiver.Index.build(rows, **how)
    index.add(rows[:1] + 1)
    lists = index.neighbors.copy()
    lists[lists == 2000] = NO_ID
    lists.sort(axis=1)
    index.state = replace(index.state, neighbors=lists)
    line = next(x for x in index.check().lines if x.name == "reachability")
    assert line.passed
    assert "1 rows cannot be reached, first row 2000, until consolidate()" in (
        line.detail
    )
    index.consolidate()
    assert "all 2001 rows from the entry point" in str(index.check())
    # In a tidy graph nothing excuses it.
    lists = index.neighbors.copy()
    lists[lists == 2000] = NO_ID
    lists.sort(axis=1)
    index.state = replace(index.state, neighbors=lists)
    line = next(x for x in index.check().lines if x.name == "reachability")
    assert not line.passed


def test_the_truth_of_an_evaluation_is_that_of_live_rows(index: quiver.Index) -> None:
    found = quiver.evaluate(index, QUERIES, ef=[400])
    assert found.points[0].recall.mean == 1.0
    ids, _ = index.search(QUERIES, k=10, ef=400, n_rerank=400)
    given = quiver.evaluate(index, QUERIES, ef=[400], ground_truth=ids)
    assert given.points[0].recall.mean == 1.0
    even = quiver.evaluate(index, QUERIES, ef=[400], filter=lambda ids: ids % 2 == 0)
    assert even.points[0].recall.mean == 1.0


def test_an_explanation_finds_its_neighbours_among_live_rows(
    index: quiver.Index,
) -> None:
    explained = index.explain(QUERIES[0], k=10, ef=400)
    found = index.search(QUERIES[0], k=10, ef=400)
    assert [x.id for x in explained.true_neighbours] == found.ids.tolist()
    assert explained.distance_computations == int(found.stats.distance_computations)
    assert len(explained.hops) == int(found.stats.hops)
    assert explained.recall == 1.0


@pytest.mark.parametrize("k", [3, 40])
def test_a_radius_holds_the_live_rows_within_it(index: quiver.Index, k: int) -> None:
    live = np.asarray(index.vectors)
    rows, distances = quiver.exact_knn(live, QUERIES, len(live), metric=index.metric)
    radius = distances[:, k - 1]
    found = index.search_radius(QUERIES, radius, confidence=10, ef=400)
    assert found.version == index.version == 2
    for number, (ids, _) in enumerate(found):
        is_within = distances[number] <= radius[number]
        assert ids.tolist() == index.ids[rows[number, is_within]].tolist()


def test_a_radius_and_pages_need_no_graph() -> None:
    index = quiver.Index.create(DIM, "euclidean")
    assert list(index.pages(QUERIES[0])) == []
    assert len(index.search_radius(QUERIES, 10.0).ids) == 0
    index.add(POOL[:30])
    index.remove([4])
    assert sum(len(ids) for ids, _ in index.pages(QUERIES[0], size=4)) == 29
    found = index.search_radius(QUERIES[:1], 1e6).ids.tolist()
    assert sorted(found) == [row for row in range(30) if row != 4]


def test_an_index_without_a_graph_looks_at_every_row_and_has_no_walk() -> None:
    index = quiver.Index.create(DIM, "cosine", backend="reference")
    assert index.search(QUERIES, k=3).counts.tolist() == [0] * 30
    assert index.check(full=True).ok
    index.add(POOL[:30])
    found = index.search(QUERIES, k=3)
    assert found.counts.tolist() == [3] * 30
    assert (found.stats.hops == 0).all()
    assert (found.stats.distance_computations == 0).all()
    assert index.check(full=True).ok
    assert quiver.evaluate(index, QUERIES, ef=[10]).points[0].recall.mean == 1.0
    with pytest.raises(InvalidArgumentError, match="has no walk to explain"):
        index.explain(QUERIES[0])


def test_writers_take_turns() -> None:
    index = draw_index("euclidean", POOL[100:150])
    rows = normal_rows(80, DIM, seed=2)

    def write(start: int) -> None:
        for row in range(start, start + 20):
            index.add(rows[row : row + 1], [1000 + row])

    writers = [threading.Thread(target=write, args=(at,)) for at in (0, 20, 40, 60)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert index.version == 80
    np.testing.assert_array_equal(index.get(range(1000, 1080)), rows)
    assert index.check(full=True).ok


def test_drift_tells_how_far_the_rows_have_moved() -> None:
    rows = normal_rows(1500, DIM)
    index = draw_index("euclidean", rows[:1000])
    assert index.drift() < 1e-6
    index.add(rows[1000:] + 3)
    index.remove(range(1000))
    # Every coordinate has moved by 3, where their usual distance is about 1.
    assert 2.5 < index.drift() < 3.5
    index.consolidate(refit=True)
    assert index.drift() < 1e-6
    assert index.check(full=True).ok
    # A single far row must not make all others look near.
    index.add(np.full((1, DIM), 1e6))
    assert index.drift() < 0.1
    assert quiver.Index.create(DIM).drift() == 0.0
