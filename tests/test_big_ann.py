"""Runbooks of the streaming track: their files, what they do, and what is true then."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from big_ann import __main__ as commands
from big_ann.files import Nearest, read_nearest, write_nearest
from big_ann.generate import KINDS, by_cell
from big_ann.runbook import (
    NONE,
    Delete,
    Insert,
    Replace,
    Runbook,
    Search,
    assembled,
    read,
    walk,
    write,
)
from big_ann.truth import Truth, recall
from living_model import untidy_pool

from quiver.conformance.hazards import METRICS
from quiver.errors import FileFormatError

STEPS = (
    Insert(0, 6),
    Search(),
    Replace(1, 3, 8, 10),
    Delete(0, 2),
    Insert(0, 1),
    Search(),
)
BOOK = Runbook(6, STEPS)
RANGES = {"tags_start": 1, "tags_end": 3, "ids_start": 8, "ids_end": 10}
OFFSETS = np.array([0, 300, 310, 310, 1200])


def written(tmp_path: Path, **changed: object) -> Path:
    """Write `BOOK` with entries changed; None leaves one out."""
    path = tmp_path / "runbook.yaml"
    write(path, "mine", BOOK)
    entries = yaml.safe_load(path.read_text())["mine"]
    for key, entry in changed.items():
        entries[int(key[5:]) if key.startswith("step_") else key] = entry
    kept = {key: entry for key, entry in entries.items() if entry is not None}
    path.write_text(yaml.safe_dump({"mine": kept}))
    return path


def test_a_runbook_is_written_as_the_harness_reads_it(tmp_path):
    document = yaml.safe_load(written(tmp_path).read_text())
    assert document["mine"][1] == {"operation": "insert", "start": 0, "end": 6}
    assert document["mine"][2] == {"operation": "search"}
    assert document["mine"][3] == {"operation": "replace", **RANGES}
    assert document["mine"]["max_pts"] == 6
    assert read(tmp_path / "runbook.yaml", "mine", 10) == BOOK


def test_what_the_harness_keeps_beside_the_steps_is_left_alone(tmp_path):
    path = written(tmp_path, gt_url="https://example.org/mine")
    assert read(path, "mine", 10) == BOOK


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"step_2": None}, "numbered 1, 2, 3 …, got no step 2"),
        ({"step_1": None}, "got no step 1"),
        (
            {f"step_{number}": None for number in range(2, 7)},
            "one step at least must be a search, got 1 changes",
        ),
        ({"max_pts": None}, "max_pts must be an integer, got None"),
        ({"max_pts": 5}, "step 1 leaves 6 vectors, got max_pts=5"),
        ({"step_2": {"operation": "serach"}}, "step 2: .* did you mean 'search'"),
        ({"step_2": [{"operation": "search"}]}, "step 2: operation must be one of"),
        ({"step_2": {}}, "step 2: operation must be .*got None"),
        ({"step_1": {"operation": "insert", "start": 0}}, "step 1: end must be an int"),
        (
            {"step_4": {"operation": "delete", "start": 0.5, "end": 2}},
            "step 4: start must be an integer, got 0.5",
        ),
        (
            {"step_5": {"operation": "insert", "start": 9, "end": 11}},
            r"step 5 \(insert\) must name numbers in 0 … 10, .*got 9 … 11",
        ),
        (
            {"step_5": {"operation": "insert", "start": 8, "end": 8}},
            "from first to last . 1, got 8 … 8",
        ),
        (
            {"step_5": {"operation": "insert", "start": 1, "end": 3}},
            "must name tags that are not in the index, got 2",
        ),
        (
            {"step_4": {"operation": "delete", "start": 4, "end": 8}},
            "must name tags in the index, got 6",
        ),
        (
            {"step_3": {"operation": "replace", **RANGES, "ids_start": 7}},
            "must give each tag one vector, got 3 for 2",
        ),
        (
            {
                "step_4": {"operation": "delete", "start": 0, "end": 6},
                "step_5": {"operation": "search"},
            },
            "step 5 .search. must find a vector, got none",
        ),
    ],
)
def test_a_malformed_or_impossible_step_is_named(tmp_path, changed, message):
    path = written(tmp_path, **changed)
    with pytest.raises(FileFormatError, match=message) as caught:
        read(path, "mine", 10)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["mine: [1, 2", "mine: 3", "- mine", "", "\x00"])
def test_what_is_no_runbook_at_all_is_refused(tmp_path, text):
    path = tmp_path / "runbook.yaml"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"runbook\.yaml: must"):
        read(path, "mine", 10)


def test_another_data_set_is_named(tmp_path):
    with pytest.raises(FileFormatError, match="got mine; did you mean 'mine'"):
        read(written(tmp_path), "mien", 10)


def test_steps_of_different_kinds_are_never_equal():
    assert Insert(0, 5) == Insert(0, 5) != Delete(0, 5)


def test_every_tag_has_the_vector_it_was_given_last():
    versions = {number: vectors.tolist() for number, vectors in walk(BOOK, 10)}
    assert versions[1] == versions[2] == [0, 1, 2, 3, 4, 5, *[NONE] * 4]
    assert versions[3] == [0, 8, 9, 3, 4, 5, *[NONE] * 4]
    assert versions[4] == [NONE, NONE, 9, 3, 4, 5, *[NONE] * 4]
    assert versions[6] == versions[5] == [0, NONE, 9, 3, 4, 5, *[NONE] * 4]


def test_steps_without_effect_are_left_out_of_a_runbook():
    steps = [Search(), Insert(0, 0), Insert(0, 4), Search(), Delete(2, 2), Search()]
    assert assembled(steps) == Runbook(4, (Insert(0, 4), Search()))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_runbooks_that_can_be_carried_out(tmp_path, kind):
    for offsets in (OFFSETS, np.array([0, 0, 230]), np.arange(101) * 7):
        runbook = KINDS[kind](offsets, 3)
        assert runbook == KINDS[kind](offsets, 3)
        write(tmp_path / "book.yaml", "mine", runbook)
        assert read(tmp_path / "book.yaml", "mine", int(offsets[-1])) == runbook
        lives = [np.count_nonzero(v != NONE) for _, v in walk(runbook, offsets[-1])]
        assert max(lives) == runbook.max_pts
        assert isinstance(runbook.steps[-1], Search)


def test_the_kinds_do_what_their_names_say():
    books = {kind: make(OFFSETS, 0).steps for kind, make in KINDS.items()}
    used = {kind: {type(step) for step in steps} for kind, steps in books.items()}
    churn, change = {Insert, Delete, Search}, {Insert, Replace, Search}
    assert used["clustered"] == used["sliding-window"] == used["expiration"] == churn
    assert used["clustered-replace"] == used["random-replace"] == change
    assert used["expiration-replace"] == churn | change
    window = [step for step in books["sliding-window"] if not isinstance(step, Search)]
    assert window[:2] == [Insert(0, 6), Insert(6, 12)]
    assert window[-2:] == [Delete(594, 600), Insert(1194, 1200)]


def test_replacements_come_from_the_cluster_or_from_another():
    def clusters(kind: str) -> list[tuple[int, int]]:
        replaced = (s for s in KINDS[kind](OFFSETS, 0).steps if isinstance(s, Replace))
        firsts = [(step.tags_start, step.ids_start) for step in replaced]
        return [tuple(np.searchsorted(OFFSETS, pair, "right") - 1) for pair in firsts]

    assert all(tag == row for tag, row in clusters("clustered-replace"))
    assert any(tag != row for tag, row in clusters("random-replace"))


def test_rows_are_ordered_by_the_cluster_they_are_nearest_to():
    rng = np.random.default_rng(0)
    owners = rng.integers(0, 3, 200)
    vectors = (rng.normal(size=(200, 4)) + 100 * owners[:, None]).astype(np.float32)
    order, offsets = by_cell(vectors, 5)
    assert sorted(order.tolist()) == [*range(200)]
    assert offsets[0] == 0
    assert offsets[-1] == 200
    for start, end in pairwise(offsets.tolist()):
        assert len({*owners[order[start:end]].tolist()}) <= 1


@pytest.mark.parametrize("metric", METRICS)
def test_the_truth_is_that_of_the_vectors_the_tags_have(tmp_path, metric):
    pool = untidy_pool()
    base, queries = pool[:200], pool[200:]
    vector_of = np.full(200, NONE)
    vector_of[20:150] = np.arange(150, 20, -1)
    for truth in (Truth(base, queries, metric), Truth(base, queries, metric, tmp_path)):
        found = truth.at(7, vector_of)
        assert found.tags.shape == (40, 100)
        for query, tags, distances in zip(queries, *found, strict=True):
            exact = _distances(base[vector_of[20:150]], query, metric)
            np.testing.assert_allclose(distances, np.sort(exact)[:100], atol=1e-4)
            np.testing.assert_allclose(exact[tags - 20], distances, atol=1e-4)


def _distances(rows: np.ndarray, query: np.ndarray, metric: str) -> np.ndarray:
    rows, query = rows.astype(np.float64), query.astype(np.float64)
    if metric == "euclidean":
        return np.sqrt(np.square(rows - query).sum(axis=1))
    products = rows @ query
    if metric == "inner_product":
        return -products
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(query)
    return 1 - products / np.where(norms > 0, norms, 1)


def test_true_neighbors_are_kept_in_the_harness_form_and_not_computed_twice(tmp_path):
    base = untidy_pool()
    vector_of = np.arange(len(base))
    truth = Truth(base, base[:3], "euclidean", tmp_path)
    first = truth.at(12, vector_of)
    path = tmp_path / "step12.gt100"
    content = path.read_bytes()
    assert np.frombuffer(content, "<u4", 2).tolist() == [3, 100]
    tags = np.frombuffer(content, "<i4", 300, 8).reshape(3, 100)
    distances = np.frombuffer(content, "<f4", 300, 8 + 4 * 300).reshape(3, 100)
    np.testing.assert_array_equal(tags, first.tags)
    np.testing.assert_array_equal(distances, first.distances)
    write_nearest(path, first._replace(distances=first.distances + 1))
    np.testing.assert_array_equal(
        truth.at(12, vector_of).distances, first.distances + np.float32(1)
    )


def test_a_file_of_true_neighbors_that_cannot_be_is_refused(tmp_path):
    base = untidy_pool()
    vector_of = np.arange(len(base))
    truth = Truth(base, base[:3], "euclidean", tmp_path)
    path = tmp_path / "step1.gt100"
    truth.at(1, vector_of)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(FileFormatError, match="3 x 100 neighbors, got 2404"):
        truth.at(1, vector_of)
    path.write_bytes(b"")
    with pytest.raises(FileFormatError, match="0 x 0 neighbors, got 0"):
        read_nearest(path)
    path.unlink()
    truth.at(1, vector_of)
    gone = vector_of.copy()
    gone[truth.at(1, vector_of).tags[0, 0]] = NONE
    with pytest.raises(
        FileFormatError, match=r"step1\.gt100: must hold 100 of the tag"
    ):
        truth.at(1, gone)
    others = Truth(base, base[:4], "euclidean", tmp_path)
    with pytest.raises(FileFormatError, match="for each of 4 queries"):
        others.at(1, vector_of)


def test_recall_counts_ties_with_the_last_and_repeated_tags_once():
    tags = np.array([[3, 5, 7, 9], [1, 2, 3, 4]])
    distances = np.array([[0, 1, 1 + 5e-7, 2], [0, 1, 2, 3]], dtype=np.float32)
    true = Nearest(tags, distances)
    assert recall(np.array([[3, 7], [1, 2]]), true, 2) == 1
    assert recall(np.array([[3, 3], [1, 3]]), true, 2) == 0.5
    assert recall(np.array([[3, 9], [-1, -1]]), true, 2) == 0.25
    assert recall(np.array([[3, 5, 7, 9, 0], [4, 3, 2, 1, -1]]), true, 5) == 1


def test_the_commands_make_a_runbook_and_play_it(tmp_path, capsys):
    np.save(tmp_path / "base.npy", untidy_pool(1000))
    np.save(tmp_path / "queries.npy", untidy_pool(12, seed=9))
    out, truth = tmp_path / "out", tmp_path / "truth"
    made = [tmp_path / "base.npy", "clustered", out, "--name", "mine", "--cells", "4"]
    commands.main(["generate", *map(str, made)])
    assert "vectors at once" in capsys.readouterr().out
    played = [out / "base.fbin", tmp_path / "queries.npy", out / "runbook.yaml"]
    options = ["--name", "mine", "--truth", str(truth)]
    commands.main(["run", *map(str, played), *options])
    printed = capsys.readouterr().out.splitlines()
    searches = [line for line in printed if "| search |" in line]
    assert len(searches) == len([*truth.glob("step*.gt100")]) > 20
    assert printed[-1] == "Average recall@10: 1.00000"
