"""Each operation checks all it is given, then makes one version or none."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from living_model import DIM, SHAPE, draw_index
from rows import normal_rows

import quiver
from quiver.errors import CancelledError, InvalidArgumentError, InvalidTypeError

ROWS = normal_rows(120, DIM)


@pytest.fixture
def index() -> quiver.Index:
    """Return an index that was changed: ids 0 … 99 but for 7, of which 3 is new."""
    index = draw_index("euclidean", ROWS[:100])
    index.remove([3, 7], consolidate="manual")
    index.add(ROWS[100:101], [3], consolidate="manual")
    return index


REFUSED: dict[str, tuple[Callable[[quiver.Index], object], type[Exception], str]] = {
    "a known id": (
        lambda i: i.add(ROWS[:2], [500, 5]),
        InvalidArgumentError,
        r"new to the index, got 5; update\(\)",
    ),
    "an id twice": (
        lambda i: i.add(ROWS[:2], [500, 500]),
        InvalidArgumentError,
        "unique, got 500",
    ),
    "the mark of no id": (
        lambda i: i.add(ROWS[:1], [-1]),
        InvalidArgumentError,
        "must not hold -1",
    ),
    "too few ids": (
        lambda i: i.add(ROWS[:2], [500]),
        InvalidArgumentError,
        r"shape \(2,\)",
    ),
    "no vector": (
        lambda i: i.add(ROWS[0]),
        InvalidArgumentError,
        r"vectors\[None, :\]",
    ),
    "another dimension": (
        lambda i: i.add(np.ones((2, DIM + 1))),
        InvalidArgumentError,
        f"must have {DIM} columns like the index",
    ),
    "not finite": (
        lambda i: i.add(np.full((1, DIM), np.nan)),
        InvalidArgumentError,
        "finite",
    ),
    "a removed id": (lambda i: i.remove([7]), InvalidArgumentError, "index, got 7"),
    "an unknown id": (lambda i: i.remove([5, 888]), InvalidArgumentError, "got 888"),
    "removed twice": (
        lambda i: i.remove([5, 5]),
        InvalidArgumentError,
        "unique, got 5",
    ),
    "ids of text": (lambda i: i.remove(["5"]), InvalidTypeError, "must be integers"),
    "an unknown update": (
        lambda i: i.update([7], ROWS[:1]),
        InvalidArgumentError,
        "index, got 7",
    ),
    "too few vectors": (
        lambda i: i.update([5, 6], ROWS[:1]),
        InvalidArgumentError,
        r"shape \(1,\)",
    ),
    "no such mode": (
        lambda i: i.remove([5], consolidate="never"),
        InvalidArgumentError,
        "consolidate must be one of auto, manual",
    ),
    "no threads": (
        lambda i: i.add(ROWS[:1], threads=0),
        InvalidArgumentError,
        "threads",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_a_rule_is_named_and_changes_nothing(
    index: quiver.Index, name: str
) -> None:
    operation, error, message = REFUSED[name]
    before = index.state
    with pytest.raises(error, match=message):
        operation(index)
    assert index.state is before


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (7e4, "finite .* as float16, got 70000.0 in row 1"),
        (1e-6, "at most 1e-06 in row 1"),
    ],
)
def test_rows_that_a_file_of_halves_could_not_hold_are_refused(
    tmp_path: Path, value: float, message: str
) -> None:
    path = tmp_path / "halves.quiver"
    draw_index("euclidean", ROWS[:100]).save(path, cold_dtype="float16")
    index = quiver.open(path)
    rows = ROWS[100:103].copy()
    rows[1] = value
    before = index.state
    for change in (index.add, lambda vectors: index.update([1, 2, 3], vectors)):
        with pytest.raises(InvalidArgumentError, match=message):
            change(rows)
    assert index.state is before
    index.add(ROWS[100:103])
    index.save(path)
    assert len(quiver.open(path)) == 103


def test_ids_that_follow_the_largest_must_fit(index: quiver.Index) -> None:
    index.add(ROWS[:1], [2**63 - 1])
    with pytest.raises(InvalidArgumentError, match="no more can follow"):
        index.add(ROWS[:1])
    assert index.add(ROWS[:1], [-(2**63)]).tolist() == [-(2**63)]


def test_ids_not_given_follow_the_largest_in_the_index(index: quiver.Index) -> None:
    assert index.add(ROWS[:2]).tolist() == [100, 101]
    index.remove([101, 100])
    assert index.add(ROWS[:1]).tolist() == [100]
    assert quiver.Index.create(DIM).add(ROWS[:2]).tolist() == [0, 1]


def test_a_removed_id_may_be_given_again_and_names_the_new_vector(
    index: quiver.Index,
) -> None:
    np.testing.assert_array_equal(index.get(3), ROWS[100])
    index.add(ROWS[101:102], [7], consolidate="manual")
    index.remove(7, consolidate="manual")
    assert 7 not in index
    index.add(ROWS[102:103], [7], consolidate="manual")
    np.testing.assert_array_equal(index.get([7, 3]), ROWS[[102, 100]])
    assert index.search(ROWS[101], k=1, ef=200).ids[0] != 7
    assert index.search(ROWS[102], k=1, ef=200).ids[0] == 7


def test_nothing_to_do_is_no_version(index: quiver.Index) -> None:
    before = index.state
    assert index.add(np.empty((0, DIM))).tolist() == []
    index.remove([])
    index.update([], np.empty((0, DIM)))
    assert index.state is before
    index.consolidate()
    tidy = index.state
    index.consolidate()
    assert index.state is tidy
    assert index.version == before.version + 1


def test_every_operation_is_one_version_and_answers_name_theirs(
    index: quiver.Index,
) -> None:
    assert index.version == 2
    index.update([3, 5], ROWS[101:103], consolidate="manual")
    assert index.version == index.search(ROWS[0]).version == 3
    assert index.search(ROWS[:70]).version == 3
    # So many are gone that the operation consolidates: still one version.
    index.remove(index.ids[:40])
    assert index.state.is_tidy
    assert index.search(ROWS[:1]).version == 4


@pytest.mark.parametrize(("n_removed", "is_tidy"), [(25, False), (26, True)])
def test_more_than_a_fifth_of_removed_rows_are_consolidated(
    n_removed: int, is_tidy: bool
) -> None:
    index = draw_index("cosine", normal_rows(125, DIM))
    index.remove(range(n_removed))
    assert index.state.is_tidy is is_tidy
    assert (index.state.n == 125) is not is_tidy


@pytest.mark.parametrize("operation", ["add", "remove", "update", "consolidate"])
def test_a_refusal_of_progress_leaves_the_last_version(
    index: quiver.Index, operation: str
) -> None:
    given = {
        "add": (normal_rows(80, DIM, seed=3),),
        "remove": (index.ids[:60],),
        "update": (index.ids[:60], normal_rows(60, DIM, seed=4)),
        "consolidate": (),
    }
    before = index.state
    parts = [np.array(part) for part in arrays_of(before)]
    for n_allowed in (0, 1):
        with pytest.raises(CancelledError):
            getattr(index, operation)(*given[operation], progress=refuser(n_allowed))
        assert index.state is before
    # The last call of all, when everything is computed, is heard as well.
    with pytest.raises(CancelledError):
        getattr(index, operation)(
            *given[operation], progress=lambda done, total: done < total
        )
    assert index.state is before
    for part, twin in zip(parts, arrays_of(before), strict=True):
        np.testing.assert_array_equal(part, twin)
    # What was written beyond the last row before is of no version.
    twin = quiver.Index(before, index.backend)
    for one in (index, twin):
        getattr(one, operation)(*given[operation])
    for part, other in zip(arrays_of(index.state), arrays_of(twin.state), strict=True):
        np.testing.assert_array_equal(part, other)


def refuser(n_allowed: int) -> Callable[[int, int], bool]:
    """Return a progress callback that refuses after so many calls."""
    answers = iter([True] * n_allowed)
    return lambda _done, _total: next(answers, False)


def arrays_of(state: object) -> list[np.ndarray]:
    values = [getattr(state, field.name) for field in fields(state)]
    values += [state.codes.rows]
    return [value for value in values if isinstance(value, np.ndarray)]


def test_a_snapshot_stays_and_both_go_their_own_way(index: quiver.Index) -> None:
    index.add(ROWS[101:103])
    snapshot, other = index.snapshot(), copy.copy(index)
    before = snapshot.search(ROWS[:20])
    index.add(ROWS[103:110])
    other.add(ROWS[110:117])
    for one, added in ((index, ROWS[103:110]), (other, ROWS[110:117])):
        np.testing.assert_array_equal(one.get(range(102, 109)), added)
        assert one.check(full=True).ok
    after = snapshot.search(ROWS[:20])
    assert after.version == before.version == 3
    np.testing.assert_array_equal(after.ids, before.ids)
    assert len(snapshot) == 101


def test_a_changed_index_is_pickled_and_goes_on(index: quiver.Index) -> None:
    twin = pickle.loads(pickle.dumps(index))
    for one in (index, twin):
        one.add(ROWS[101:110])
    assert twin.version == index.version
    np.testing.assert_array_equal(twin.neighbors, index.neighbors)


def test_repair_builds_the_vectors_that_are_left(index: quiver.Index) -> None:
    rows, ids = np.asarray(index.vectors), index.ids
    index.repair()
    encoding = index.encoding
    how = {"metric": "euclidean", "params": SHAPE, "encoding": encoding, "ids": ids}
    built = quiver.Index.build(rows, **how)
    np.testing.assert_array_equal(index.neighbors, built.neighbors)
    np.testing.assert_array_equal(index.codes.rows, built.codes.rows)
    assert index.version == 3


def test_a_bare_index_is_repaired_to_itself() -> None:
    index = quiver.Index.create(DIM)
    index.repair()
    index.add(ROWS[:5])
    index.repair()
    assert len(index) == 5
    assert index.check(full=True).ok
