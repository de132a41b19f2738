"""Explanations: the walk shown is the walk taken, and each miss has its true reason."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from quick import QUICK_BACKEND
from rows import normal_rows
from spoiled_rows import long_rows

import quiver
from quiver.encoding import encode_queries
from quiver.errors import InvalidArgumentError
from quiver.reference.keys import NO_ID, key_ids
from quiver.search import scan
from quiver.validation.arrays import as_vectors

N, DIM = 400, 24
CODES = quiver.Encoding()


@pytest.fixture(scope="module")
def points():
    return normal_rows(N, DIM, seed=9)


@pytest.fixture(scope="module")
def questions():
    return normal_rows(12, DIM, seed=10)


def build(points, backend=QUICK_BACKEND, **options):
    params = quiver.BuildParams(max_degree=6, ef_construction=12)
    ids = np.arange(len(points)) * 7 + 5
    return quiver.Index.build(
        points, ids=ids, params=params, backend=backend, **options
    )


@pytest.fixture(scope="module")
def built(points):
    # Only 2 bits rank these few rows wrongly enough for every fate to occur.
    return build(points, encoding=quiver.Encoding())


@pytest.fixture(scope="module")
def explanations(built, questions):
    return [built.explain(q, k=8, ef=9, n_rerank=8) for q in questions]


def links(index, row):
    """Return the rows that a row has edges to."""
    near = index.neighbors[row]
    return near[near != NO_ID]


def test_every_backend_gives_the_same_explanation(backend, built, questions):
    index = quiver.Index(built.state, backend)
    for question in questions[:3]:
        expected = built.explain(question, k=5, ef=16, n_rerank=9)
        assert index.explain(question, k=5, ef=16, n_rerank=9) == expected


@pytest.mark.parametrize(
    ("metric", "encoding"),
    [
        ("cosine", quiver.Encoding()),
        ("euclidean", quiver.Encoding()),
        ("inner_product", quiver.Encoding()),
        ("cosine", quiver.Encoding.paper()),
        ("euclidean", quiver.Encoding(query="symmetric")),
    ],
    ids=["cosine", "euclidean", "inner product", "paper", "symmetric"],
)
def test_the_final_beam_is_the_backend_s_own(backend, points, metric, encoding):
    index = build(points[:80], backend.name, metric=metric, encoding=encoding)
    explanation = index.explain(points[90], k=4, ef=9)
    query = as_vectors(points[90:91], "query", metric=metric)
    beams = backend.search(
        index.codes,
        index.neighbors,
        encode_queries(index.state, index.backend, query),
        index.state.entry_points,
        9,
    )
    assert explanation.hops[-1].beam == tuple(index.ids[key_ids(beams.keys[0])])
    assert len(explanation.hops) == beams.hops[0]
    assert explanation.distance_computations == beams.distance_computations[0]
    answer = index.search(points[90], k=4, ef=9)
    assert [found.id for found in explanation.found] == answer.ids.tolist()
    distances = [found.distance for found in explanation.found]
    assert distances == answer.distances.tolist()


@pytest.mark.parametrize(
    ("metric", "encoding", "meaning"),
    [
        ("cosine", quiver.Encoding(), "estimates of twice the cosine distance"),
        ("euclidean", quiver.Encoding(), "estimates of the squared Euclidean distance"),
        ("inner_product", quiver.Encoding(), "twice the estimated inner product"),
        ("cosine", quiver.Encoding.paper(), "4·dim less the dot product of two codes"),
    ],
    ids=["cosine", "euclidean", "inner product", "paper"],
)
def test_text_page_and_document_say_what_code_distances_are(
    points, metric, encoding, meaning
):
    index = build(points[:80], metric=metric, encoding=encoding)
    explanation = index.explain(points[90], k=2)
    assert meaning in str(explanation)
    assert meaning in explanation.to_html()
    assert meaning in explanation.to_dict()["code_distance"]


def test_the_hops_tell_one_consistent_story(built, explanations):
    rows = {int(id_): row for row, id_ in enumerate(built.ids)}
    for e in explanations:
        assert e.entry_point == e.hops[0].node
        assert e.entry_points == tuple(built.ids[built.state.entry_points])
        seen, beam = set(e.entry_points), set(e.entry_points)
        assert e.entry_point in seen
        for number, hop in enumerate(e.hops, 1):
            assert hop.number == number
            assert hop.node in beam
            row = built.neighbors[rows[hop.node]]
            linked = set(built.ids[row[row != NO_ID]])
            assert set(hop.newly_seen) <= linked
            assert not seen.intersection(hop.newly_seen)
            seen.update(hop.newly_seen)
            assert beam.union(hop.newly_seen) - set(hop.beam) == set(hop.dropped)
            assert list(hop.beam_distances) == sorted(hop.beam_distances)
            beam = set(hop.beam)
        assert beam <= {hop.node for hop in e.hops}
        assert e.distance_computations == len(seen)


def test_each_answer_says_where_it_was_met(explanations):
    for e in explanations:
        for found in e.found:
            assert e.hops[-1].beam[found.beam_place - 1] == found.id
            if found.seen_from is None:
                assert found.id in e.entry_points
                assert found.seen_in_hop == 0
            else:
                hop = e.hops[found.seen_in_hop - 1]
                assert found.id in hop.newly_seen
                assert found.seen_from == hop.node


def test_every_fate_is_the_true_one(explanations):
    fates = []
    for e in explanations:
        seen = set(e.entry_points).union(*(hop.newly_seen for hop in e.hops))
        answer = {found.id for found in e.found}
        reranked = e.hops[-1].beam[: e.n_rerank]
        for true in e.true_neighbours:
            expected = "found"
            if true.id not in answer:
                expected = "lost in re-rank"
                if true.id not in e.hops[-1].beam:
                    expected = "dropped from the beam"
                if true.id not in seen:
                    expected = "never seen"
                assert true.id not in reranked
            assert true.fate == expected
            fates.append(true.fate)
    # The effort is small so that every way to miss a neighbour occurs.
    assert set(fates) == {
        *("found", "never seen", "dropped from the beam", "lost in re-rank")
    }


def test_every_stage_that_loses_a_neighbor_is_the_true_one(built, questions):
    rows = {int(id_): row for row, id_ in enumerate(built.ids)}
    codes = scan(built.state, built.backend, np.float32(questions))
    stages = set()
    # The efforts are small so that every stage loses one.
    efforts = [(question, 8, 9) for question in range(12)]
    for question, k, ef in [*efforts, *((question, 20, 20) for question in range(12))]:
        e = built.explain(questions[question], k=k, ef=ef, n_rerank=k)
        seen = set(e.entry_points).union(*(hop.newly_seen for hop in e.hops))
        linked = {row for one in seen for row in links(built, rows[one]).tolist()}
        for true in e.true_neighbours:
            unseen = "walk" if rows[true.id] in linked else "graph"
            if codes[question, rows[true.id]] >= e.hops[-1].beam_distances[-1]:
                unseen = "code"
            assert (
                true.stage
                == {
                    "found": None,
                    "tied": None,
                    "never seen": unseen,
                    "dropped from the beam": "beam",
                    "lost in re-rank": "re-rank",
                }[true.fate]
            )
            stages.add(true.stage)
    assert stages == {None, "code", "graph", "walk", "beam", "re-rank"}


def test_reasons_carry_the_numbers(explanations):
    patterns = {
        "never seen": r"no node expanded links to it; its code distance \S+ "
        r"(is beyond the beam's last \S+ anyway|would have had a place in the beam, "
        r"(and \d+ rows seen but not expanded link to it|but no row seen links to it))",
        "dropped from the beam": r"first seen in hop \d+, out of the beam in hop \d+: "
        r"9 rows seen had smaller code distances than its \S+",
        "lost in re-rank": r"first seen in hop \d+, place (9|10) of the final beam, "
        r"of which the first 8 are re-ranked",
        "found": r"in the answer; first seen in hop \d+, place \d+ of .*",
    }
    for e in explanations:
        for true in e.true_neighbours:
            assert re.fullmatch(patterns[true.fate], true.reason), true.reason


def test_a_long_entry_point_is_found_without_a_place_in_the_beam():
    index = build(long_rows(N, DIM, n_long=12), metric="inner_product", encoding=CODES)
    explanations = [
        index.explain(query, k=4, ef=4) for query in normal_rows(12, DIM, seed=8)
    ]
    outside = [
        (e, found) for e in explanations for found in e.found if not found.beam_place
    ]
    assert outside
    for e, found in outside:
        assert found.id in e.entry_points
        assert found.id not in e.hops[-1].beam
        assert f"{found.id}: {found.distance:.4f}; no place; hop 0" in str(e)
        reasons = {true.id: true.reason for true in e.true_neighbours}
        if found.id in reasons:
            assert reasons[found.id].endswith("but re-ranked for its length")


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_copies_and_zero_vectors_of_the_answer_are_explained_too(metric, points):
    rows = points[:60].copy()
    rows[20:26], rows[30:33] = rows[3], 0
    index = build(rows, metric=metric, encoding=CODES)
    for question in (rows[3], points[70]):
        # All but a few rows, so that the zero vectors belong to the answer.
        explanation = index.explain(question, k=58, ef=60)
        answer = index.search(question, k=58, ef=60)
        found = {one.id: one for one in explanation.found}
        assert list(found) == answer.ids.tolist()
        assert [one.distance for one in found.values()] == answer.distances.tolist()
        host = found[index.ids[3]]
        for copy in index.ids[20:26].tolist():
            assert found[copy].equal_to == host.id
            assert found[copy].beam_place == host.beam_place
            assert f"{copy}: {host.distance:.4f}; place" in str(explanation)
        assert host.equal_to is None
        reasons = {true.id: true.reason for true in explanation.true_neighbours}
        assert f"equal to {host.id}: first seen" in reasons[int(index.ids[20])]
        zeros = [found[one] for one in index.ids[30:33].tolist() if one in found]
        assert zeros
        if metric == "cosine":
            assert {one.seen_in_hop for one in zeros} == {None}
            assert "a zero vector, met by no walk" in str(explanation)
            assert "no walk meets it" in reasons[zeros[0].id]
        assert "None" not in explanation.to_html().partition("<h2>")[2]


def test_recall_is_that_of_the_search(built, points, questions, explanations):
    _, true = quiver.exact_knn(points, questions, 8)
    result = built.search(questions, k=8, ef=9, n_rerank=8)
    expected = quiver.recall_at_k(result.distances, true)
    assert np.mean([e.recall for e in explanations]) == pytest.approx(expected)


def test_a_tie_is_a_hit_and_no_miss(points):
    doubled = np.repeat(points[:20], 4, axis=0)
    explanation = build(doubled).explain(points[3], k=2, ef=2)
    assert {true.fate for true in explanation.true_neighbours} <= {"found", "tied"}
    assert explanation.recall == 1.0


def test_an_index_of_one_row_can_be_explained(points):
    explanation = build(points[:1]).explain(points[1], k=3)
    assert [found.id for found in explanation.found] == [5]
    assert explanation.found[0].seen_from is None
    assert explanation.recall == 1.0
    assert "hop 0: start at 5, the nearest entry point of 1" in str(explanation)
    assert "hop 1: expand 5" in str(explanation)
    assert "<svg" in explanation.to_html()


def test_a_mapped_index_is_explained_like_one_in_memory(tmp_path, built, questions):
    built.save(tmp_path / "walk.quiver")
    mapped = quiver.open(tmp_path / "walk.quiver", cold="mmap", backend=QUICK_BACKEND)
    assert mapped.explain(questions[0], k=3) == built.explain(questions[0], k=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"query": np.zeros((2, DIM))}, r"query must be one vector .* \(2, 24\)"),
        ({"query": np.zeros(DIM + 1)}, "query must have 24 columns"),
        ({"query": np.full(DIM, np.nan)}, "query must be finite"),
        ({"ef": 3}, "ef must be >= k, got ef=3, k=10"),
        ({"k": 0}, "k must be in 1 … "),
    ],
)
def test_a_wrong_argument_is_named(built, options, message):
    query = options.pop("query", np.zeros(DIM))
    with pytest.raises(quiver.errors.InvalidArgumentError, match=message):
        built.explain(query, **options)


def test_the_document_survives_json_and_the_text_tells_the_same(explanations):
    for e in explanations:
        document = json.loads(json.dumps(e.to_dict(), allow_nan=False))
        assert len(document["hops"]) == len(e.hops)
        assert document["recall"] == e.recall
        text = str(e)
        for hop in e.hops:
            assert f"hop {hop.number}: expand {hop.node} at" in text
        for true in e.true_neighbours:
            assert (true.reason in text) == (true.fate != "found")


def test_the_command_prints_the_api_s_explanation(tmp_path, built, questions):
    pytest.importorskip("typer", reason="needs the extra `cli`")
    pytest.importorskip("rich", reason="needs the extra `cli`")
    from typer.testing import CliRunner

    from quiver.cli.app import app

    built.save(tmp_path / "walk.quiver")
    np.save(tmp_path / "queries.npy", questions)
    (tmp_path / "texts.txt").write_text("\n".join(f"text {i}" for i in range(7 * N)))
    common = ["explain", tmp_path / "walk.quiver", tmp_path / "queries.npy"]

    def run(*arguments):
        return CliRunner().invoke(app, [str(part) for part in (*common, *arguments)])

    expected = built.explain(questions[2], k=4, ef=12, horizon=1.2)
    chosen = ("--row", 2, "-k", 4, "--ef", 12, "--horizon", 1.2)
    assert str(expected) in run(*chosen).stdout
    document = json.loads(run(*chosen, "--json").stdout)
    assert document == json.loads(json.dumps(expected.to_dict()))
    page = tmp_path / "walk.html"
    made = run(*chosen, "--html", page, "--texts", tmp_path / "texts.txt")
    assert made.exit_code == 0
    best = expected.found[0].id
    assert f'"{best}": "text {best}"' in page.read_text("utf-8")
    refused = run("--row", 12)
    assert refused.exit_code == 1
    assert "row must be in 0 … 11, got 12" in refused.stderr


def test_a_filtered_search_is_explained_by_the_rows_that_may_answer(points, questions):
    index = build(np.repeat(points, 8, axis=0) + 0.01 * normal_rows(8 * N, DIM))
    marks = np.arange(index.n) % 10 != 3
    for question in questions[:3]:
        explanation = index.explain(question, k=4, ef=9, filter=marks)
        found = index.search(question, k=4, ef=9, filter=marks)
        assert [one.id for one in explanation.found] == found.ids.tolist()
        assert explanation.distance_computations == found.stats.distance_computations
        assert len(explanation.hops) == found.stats.hops
        allowed = set(index.ids[marks].tolist())
        for hop in explanation.hops:
            assert allowed.issuperset([*hop.beam, *hop.dropped])
        rows = np.flatnonzero(marks)
        true, _ = quiver.exact_knn(index.vectors[rows], question[None], 4)
        expected = index.ids[rows[true[0]]].tolist()
        assert [one.id for one in explanation.true_neighbours] == expected


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_walk_to_a_horizon_is_explained_as_it_is_searched(points, questions, metric):
    index = build(points, metric=metric, encoding=quiver.Encoding(fill=False))
    fates = set()
    for question in questions:
        effort = {"k": 8, "ef": 40, "horizon": 1.0}
        explanation = index.explain(question, **effort)
        found = index.search(question, **effort)
        assert [one.id for one in explanation.found] == found.ids.tolist()
        assert len(explanation.hops) == found.stats.hops
        assert explanation.distance_computations == found.stats.distance_computations
        last = explanation.hops[-1]
        far = max(last.beam_distances[7], 0)
        kept = {
            one
            for one, d in zip(last.beam, last.beam_distances, strict=True)
            if d <= far
        }
        assert {one.id for one in explanation.found} <= kept
        for true in explanation.true_neighbours:
            is_beyond = true.id in last.beam and true.id not in kept
            assert (true.fate == "beyond the horizon") == is_beyond
            if is_beyond:
                assert re.fullmatch(
                    r"first seen in hop \d+, in the beam, but its code distance \S+ "
                    "is too far to be kept",
                    true.reason,
                )
            fates.add((true.fate, true.reason[-7:]))
    assert ("beyond the horizon", "be kept") in fates
    assert ("never seen", " anyway") in fates


def test_inner_product_has_no_horizon_to_explain(points):
    index = build(points, metric="inner_product", encoding=CODES)
    with pytest.raises(InvalidArgumentError, match="horizon must be None under"):
        index.explain(points[0], horizon=1.1)


def test_a_filter_whose_rows_are_all_measured_leaves_nothing_to_explain(built):
    with pytest.raises(InvalidArgumentError, match=r"measures all of these 2, which"):
        built.explain(np.ones(DIM), filter=[5, 12])


def test_a_row_has_its_own_place_though_a_removed_one_had_its_id():
    rows = normal_rows(400, 8, seed=4)
    rows[8] = rows[7]
    index = build(rows, metric="euclidean", encoding=CODES)
    moved = rows[7] + np.float32(0.1)
    own = int(index.ids[7])
    index.update([own], moved[None])
    found = index.explain(moved, k=2, ef=12).found
    assert (found[0].id, found[0].beam_place) == (own, 1)
