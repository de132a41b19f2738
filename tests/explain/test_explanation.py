"""Explanation: its recall, its text and its document, of a walk made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import quiver
from quiver.explain.explanation import (
    SHOWN_IDS,
    Explanation,
    Found,
    Hop,
    TrueNeighbor,
)

WALK = Explanation(
    k=2,
    ef=10,
    n_rerank=4,
    horizon=None,
    metric="euclidean",
    code_distance="estimates",
    entry_point=7,
    entry_points=(7, 8, 9),
    distance_computations=12,
    hops=(Hop(1, 7, 0.25, (1, 2), (9,), tuple(range(SHOWN_IDS)), (0.5,) * 8),),
    found=(Found(7, 1.0, 0, None, 2), Found(1, 2.0, 1, 7, 1)),
    true_neighbours=(
        TrueNeighbor(7, 1.0, "found", "it is first"),
        TrueNeighbor(3, 2.0, "tied", "row 1 is as far"),
        TrueNeighbor(4, 2.0, "never seen", "no link"),
        TrueNeighbor(5, 2.5, "lost in re-rank", "place 5"),
    ),
    points=((7, 0.0, 1.0),),
    query_point=(0.5, 0.5),
)


def test_ties_count_as_found_in_the_recall_but_are_told() -> None:
    assert WALK.recall == 0.5
    assert str(WALK).splitlines()[-4:] == [
        "true neighbours missed: 3 of 4",
        "  3: 2.0000; tied: row 1 is as far",
        "  4: 2.0000; never seen: no link",
        "  5: 2.5000; lost in re-rank: place 5",
    ]


def test_the_answer_names_where_each_row_was_met() -> None:
    lines = str(WALK).splitlines()
    assert lines[1] == "1 hops, 12 code distances, recall@4 0.50"
    assert "hop 0: start at 7, the nearest entry point of 3" in lines
    assert "  7: 1.0000; place 2; hop 0, entry point" in lines
    assert "  1: 2.0000; place 1; hop 1, from 7" in lines


def test_a_horizon_is_told_where_there_is_one() -> None:
    assert str(WALK).startswith("search for k=2 with ef=10, n_rerank=4, euclidean\n")
    ended = str(replace(WALK, horizon=1.05))
    assert ended.startswith("search for k=2 with ef=10, n_rerank=4, horizon=1.05, eu")


@pytest.mark.parametrize(
    ("n", "shown"),
    [(2, "0 1"), (8, "0 1 2 3 4 5 6 7"), (10, "0 1 2 3 4 5 6 7 … (2 more)")],
)
def test_a_long_beam_is_cut_with_a_count(n: int, shown: str) -> None:
    hop = WALK.hops[0]
    hop = replace(hop, beam=tuple(range(n)), beam_distances=(0.5,) * n)
    assert (
        f"hop 1: expand 7 at 0.25; sees 2 new, 1 dropped; beam {shown}"
        in str(replace(WALK, hops=(hop,))).splitlines()
    )


def test_the_document_is_json_and_has_every_id_and_the_recall() -> None:
    read = json.loads(json.dumps(WALK.to_dict(), allow_nan=False))
    assert read["recall"] == 0.5
    assert read["hops"][0]["beam"] == list(range(SHOWN_IDS))
    assert read["found"][0]["seen_from"] is None
    assert read["true_neighbours"][2]["fate"] == "never seen"


def test_the_old_name_of_a_true_neighbor_works_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match="is now TrueNeighbor") as caught:
        assert quiver.explain.TrueNeighbour is TrueNeighbor
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="no attribute 'Neighbour'"):
        _ = quiver.explain.Neighbour
