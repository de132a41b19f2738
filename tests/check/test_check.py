"""The certificate: sound indexes pass, and each broken promise fails its own line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_index import saved, saved_with_copies, small_index

import quiver
from quiver.conformance import hazards
from quiver.reference.keys import NO_ID


def damaged(n: int = 120, **parts: object) -> quiver.Index:
    """Return a copy of a sound index with some parts replaced."""
    sound = small_index(n=n, dim=20, metric="euclidean")
    return quiver.Index(replace(sound.state, **parts), sound.backend)


def failed(index: quiver.Index, *, full: bool = False) -> list[str]:
    index.backend = quiver.get_backend()  # The fastest: answers do not depend on it.
    report = index.check(full=full)
    assert ("NOT SOUND" in str(report).splitlines()[-1]) != report.ok
    return [line.name for line in report.lines if not line.passed]


def verdict(index: quiver.Index, *, full: bool = False) -> str:
    return str(index.check(full=full)).splitlines()[-1]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("paper", [False, True])
@pytest.mark.parametrize("metric", hazards.METRICS)
def test_a_built_index_is_sound(metric, paper, full):
    index = small_index(n=120, dim=20, metric=metric, paper=paper)
    assert failed(index, full=full) == []
    n_checks = 11 if full else 10
    assert verdict(index, full=full) == f"sound: {n_checks} of {n_checks} checks passed"


@pytest.mark.parametrize("cold", ["memory", "mmap"])
@pytest.mark.parametrize("cold_dtype", ["float32", "float16"])
def test_an_opened_index_is_sound(tmp_path, cold, cold_dtype):
    path, _ = saved(tmp_path, n=120, dim=20, cold_dtype=cold_dtype)
    index = quiver.open(path, cold=cold, backend="reference")
    assert failed(index, full=True) == []


def test_the_verdict_names_what_was_not_read(tmp_path):
    # A file's checksum is that of all vectors, so a sample cannot prove it.
    large, _ = saved(tmp_path, n=420, dim=20, metric="euclidean")
    for cold, unread in (
        ("memory", "220 of 420 vectors"),
        ("mmap", "220 of 420 vectors, the vectors' checksum"),
    ):
        index = quiver.open(large, cold=cold)
        assert verdict(index) == (
            "sound: 10 of 10 checks passed; "
            f"not read: {unread} (full=True or --full reads all)"
        )
        assert index.check().left_out != ()
        assert verdict(index, full=True) == "sound: 11 of 11 checks passed"
        assert index.check(full=True).left_out == ()


def test_the_verdict_on_rounded_vectors_says_that_codes_were_not_compared(tmp_path):
    path, _ = saved(tmp_path, n=120, dim=20, cold_dtype="float16")
    index = quiver.open(path)
    for full, n_checks in ((False, 9), (True, 10)):
        assert verdict(index, full=full) == (
            f"sound: {n_checks} of {n_checks} checks passed; codes not compared: "
            "the vectors were rounded to float16 after coding"
        )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_indexes_are_sound(n):
    assert failed(small_index(n=n), full=True) == []


def test_duplicates_and_zero_vectors_are_sound():
    vectors = np.zeros((50, 4), dtype=np.float32)
    vectors[:20] = 1
    for metric in hazards.METRICS:
        index = quiver.Index.build(vectors, metric=metric, backend="reference")
        assert failed(index, full=True) == []


def test_rows_that_need_no_walk_are_counted(tmp_path):
    index = quiver.open(saved_with_copies(tmp_path)[0])
    assert failed(index, full=True) == []
    detail = "all 7 rows from the entry point; 5 copies or zero vectors need no walk"
    assert detail in str(index.check())


def test_a_row_that_another_wrongly_answers_for_fails_reachability(tmp_path):
    state = quiver.open(saved_with_copies(tmp_path)[0]).state
    pairs = state.unlinked[state.unlinked[:, 0] != NO_ID]
    stranger = np.setdiff1d(np.arange(state.n), state.unlinked)[-1]
    wrong = np.array([[stranger, pairs[0, 1]]], dtype=np.uint32)
    others = state.unlinked[state.unlinked[:, 1] != pairs[0, 1]]
    unlinked = np.concatenate([others, wrong])
    unlinked = unlinked[np.lexsort((unlinked[:, 1], unlinked[:, 0]))]
    index = quiver.Index(replace(state, unlinked=unlinked), quiver.get_backend())
    line = next(one for one in index.check().lines if one.name == "reachability")
    assert not line.passed
    assert f"row {pairs[0, 1]} is no copy of row {stranger}" in line.detail


def test_a_zero_vector_outside_cosine_and_a_row_outside_fail_the_graph():
    for pair in ([NO_ID, 5], [3, 120]):
        assert failed(damaged(unlinked=np.array([pair], dtype=np.uint32))) == ["graph"]


def changed(array: np.ndarray, place: object, value: object) -> np.ndarray:
    copy = array.copy()
    copy[place] = value
    return copy


def test_a_broken_graph_fails_and_is_not_walked():
    neighbors = small_index(n=120, dim=20, metric="euclidean").neighbors
    for value in (120, 2**31, 0):
        index = damaged(neighbors=changed(neighbors, (0, 0), value))
        assert failed(index) == ["graph"]
        assert "self-search" not in str(index.check())


def test_an_unreachable_row_is_counted():
    neighbors = small_index(n=120, dim=20, metric="euclidean").neighbors
    index = damaged(neighbors=np.full_like(neighbors, NO_ID))
    assert "reachability" in failed(index)
    assert "119 rows cannot be reached, first row" in str(index.check())


def test_a_graph_of_too_few_edges_is_reached_but_not_walked_well():
    ring = np.full((420, 4), NO_ID, dtype=np.uint32)
    ring[:, 0] = np.roll(np.arange(420), -1)
    index = damaged(n=420, neighbors=ring, entry_points=np.zeros(1, dtype=np.uint32))
    assert failed(index) == ["walks"]
    index.repair()
    assert failed(index, full=True) == []
    sound = small_index(n=420, dim=20, metric="euclidean")
    np.testing.assert_array_equal(index.neighbors, sound.neighbors)


def test_an_entry_point_outside_or_repeated_fails():
    for rows in ([120], [0, 2**32 - 1], [5, 3, 5]):
        index = damaged(entry_points=np.array(rows, dtype=np.uint32))
        assert failed(index) == ["entry points"]


def test_broken_ids_sizes_and_mean_fail():
    sound = small_index(n=120, dim=20, metric="euclidean")
    assert failed(damaged(ids=np.zeros(120, dtype=np.int64))) == ["ids"]
    assert failed(damaged(vectors=sound.vectors[:119])) == ["sizes"]
    mean = changed(sound.transform.mean, 3, np.nan)
    assert failed(damaged(transform=sound.transform._replace(mean=mean))) == [
        "transform"
    ]


def test_codes_of_other_vectors_fail():
    other = small_index(n=120, dim=20, metric="euclidean", seed=5)
    index = damaged(vectors=other.vectors)
    assert failed(index) == ["codes again"]
    assert "row 0 is not the code of its vector" in str(index.check())


def test_one_changed_vector_fails_only_the_full_check():
    # The quick check takes 200 rows of 420: every other, and not row 51.
    sound = small_index(n=420, dim=20, metric="euclidean")
    index = damaged(n=420, vectors=changed(sound.vectors, (51, 3), 9.0))
    assert failed(index) == []
    assert failed(index, full=True) == ["codes again"]
    assert "row 51 is not" in str(index.check(full=True))


def test_a_vector_that_is_not_finite_fails():
    sound = small_index(n=120, dim=20, metric="euclidean")
    index = damaged(vectors=changed(sound.vectors, (119, 3), np.nan))
    assert "self-search" in failed(index)
    assert "cold vectors" in failed(index, full=True)


def test_a_flipped_bit_in_mapped_vectors_fails_the_full_check(tmp_path):
    path, data = saved(tmp_path, n=120, dim=20)
    index = quiver.open(path, cold="mmap", backend="reference")
    assert failed(index, full=True) == []
    with path.open("r+b") as file:
        file.seek(len(data) - 5)
        file.write(bytes([data[-5] ^ 1]))
    assert "cold vectors" in failed(index, full=True)
