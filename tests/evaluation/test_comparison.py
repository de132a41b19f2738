"""Two benches told apart: exact intervals, and documents that are none refused."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quiver.errors import FileAccessError, FileFormatError, InvalidArgumentError
from quiver.evaluation.comparison import (
    FORMAT,
    _orders,
    _rank,
    compare,
    ratio_of,
    read_bench,
)


def document(turns=(100.0, 101.0, 99.0, 100.5, 99.5), factor=1.0, **changes):
    scaled = [factor * turn for turn in turns]
    return {
        "format": FORMAT,
        "quiver": "1",
        "processor": "x",
        "source": "demo set",
        "threads": 2,
        "metric": "cosine",
        "n": 100,
        "dim": 8,
        "n_queries": 10,
        "k": 10,
        "ef": 64,
        "n_rerank": None,
        "recall": {"mean": 0.95, "low": 0.9, "high": 0.99},
        "backends": [
            {"backend": "a", "turns": dict.fromkeys(("one", "all", "single"), scaled)}
        ],
        **changes,
    }


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 3), (4, 4), (5, 5), (3, 7)])
def test_orders_are_counted_as_all_of_them_listed_are(n, m):
    listed = np.zeros(n * m + 1)
    for places in itertools.combinations(range(n + m), n):
        listed[sum(places) - n * (n - 1) // 2] += 1
    assert np.array_equal(_orders(n, m), listed)


def test_ranks_are_those_of_published_tables():
    # Critical values of U, two-sided 5 %, plus one.
    assert [_rank(n, n) for n in (4, 5, 8, 10)] == [1, 3, 14, 24]
    assert _rank(3, 3) is None
    # Normal from 20 turns each on: 138 in the tables of 20 and 20, close by.
    assert _rank(20, 20) == 128
    assert abs(_rank(21, 20) - 135) <= 1


def test_ten_percent_are_found_and_nothing_is_found_in_noise():
    slowed = compare(document(), document(factor=0.9)).ratios
    assert [ratio.verdict for ratio in slowed] == ["slower"] * 3
    assert slowed[0].ratio == pytest.approx(0.9)
    assert slowed[0].low < 0.9 < slowed[0].high < 1
    assert [r.verdict for r in compare(document(), document()).ratios] == [
        "undecided"
    ] * 3
    assert compare(document(), document(factor=1.2)).ratios[0].verdict == "faster"


@given(
    st.lists(st.floats(1.0, 1e6), min_size=1, max_size=8),
    st.lists(st.floats(1.0, 1e6), min_size=1, max_size=8),
)
def test_the_other_way_round_is_the_reciprocal(first, second):
    there, back = (
        ratio_of("a", "one", first, second),
        ratio_of("a", "one", second, first),
    )
    assert there.low <= there.ratio * (1 + 1e-9)
    assert there.ratio <= there.high * (1 + 1e-9)
    assert there.ratio * back.ratio == pytest.approx(1.0)
    if there.low > 0:
        assert there.low * back.high == pytest.approx(1.0)


def test_three_turns_prove_nothing():
    ratio = ratio_of("a", "one", [1.0, 1.0, 1.0], [9.0, 9.0, 9.0])
    assert (ratio.low, ratio.high, ratio.verdict) == (0.0, np.inf, "undecided")


def test_what_else_differs_is_told():
    other = document(
        quiver="2",
        recall={"mean": 0.94},
        backends=[
            *document()["backends"],
            {**document()["backends"][0], "backend": "b"},
        ],
    )
    found = compare(document(), other)
    assert found.notes == (
        "quiver: 1 and 2",
        "recall differs: codes, graph or answers are not the same",
        "b was measured in the second alone",
    )
    assert found.recalls == (0.95, 0.94)
    assert {ratio.backend for ratio in found.ratios} == {"a"}


@pytest.mark.parametrize("name", ["metric", "n", "dim", "n_queries", "k", "ef"])
def test_different_work_is_not_compared(name):
    with pytest.raises(InvalidArgumentError, match=f"got {name} "):
        compare(document(), document(**{name: "other"}))


def test_a_document_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document()))
    assert read_bench(path) == document()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "must be a document"),
        (b"\xff\xfe", "must be a document"),
        (b"[" * 100_000, "must be a document"),
        (b"[]", "must be a document"),
        (b"{}", "must be a document"),
        (json.dumps(document(recall=None)).encode(), "recall must hold its mean"),
        (json.dumps(document(backends=[])).encode(), "at least one"),
        (json.dumps(document(backends=[1])).encode(), "must have its name"),
        (json.dumps(document(turns=[0.0])).encode(), "turns above 0"),
        (json.dumps(document(turns=[float("nan")])).encode(), "turns above 0"),
        (json.dumps(document(turns=[])).encode(), "turns above 0"),
        (
            json.dumps(
                {key: value for key, value in document().items() if key != "ef"}
            ).encode(),
            "ef must be given",
        ),
    ],
)
def test_what_is_no_such_document_is_refused(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_bytes(text)
    with pytest.raises(FileFormatError, match=message):
        read_bench(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileAccessError, match=r"no\.json"):
        read_bench(tmp_path / "no.json")
