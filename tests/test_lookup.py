"""Ids: any 64-bit integer but -1; vectors by id; membership."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from rows import normal_rows
from small_index import saved, small_index

import quiver
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.lookup import RowsById

POINTS = normal_rows(6, 5, seed=1)
IDS = {
    "rows": None,
    "ascending": [-9, -2, 0, 5, 2**40, 2**63 - 1],
    "unordered": [7, -(2**63), 3, 2**63 - 1, -2, 0],
    "unsigned": np.array([2**64 - 2, 5, 2**63, 2**63 + 7, 0, 9], dtype=np.uint64),
    "python hashes": [2**64 - 2, 5, 2**63, 2**63 + 7, 0, 9],
    "objects of a data frame": np.array([2, -5, 2**62, 7, 0, 9], dtype=object),
    "small unsigned": np.array([9, 200, 255, 0, 1, 2], dtype=np.uint8),
}


def build(ids: Any) -> quiver.Index:
    return quiver.Index.build(POINTS, ids=ids, backend="reference")


@pytest.mark.parametrize("name", IDS)
def test_ids_of_every_kind_come_back_from_search_file_and_lookup(
    tmp_path, name
) -> None:
    ids = IDS[name]
    index = build(ids)
    index.save(tmp_path / "ids.quiver")
    given = np.arange(6) if ids is None else ids
    for found in (index, quiver.open(tmp_path / "ids.quiver", verify="full")):
        result = found.search(POINTS, 1)
        bits = result.ids[:, 0]
        assert bits.dtype == np.int64
        unsigned = name in ("unsigned", "python hashes")
        back = bits.view(np.uint64) if unsigned else bits
        assert back.tolist() == [int(id_) for id_ in given]
        np.testing.assert_array_equal(found.get(given), POINTS)
        np.testing.assert_array_equal(found.get(result.ids), POINTS[:, None])
        for row, id_ in enumerate(given):
            np.testing.assert_array_equal(found.get(id_), POINTS[row])
            assert id_ in found
        assert found.check(full=True).ok


def test_a_vector_by_id_is_a_copy() -> None:
    index = build(None)
    index.get(2)[:] = 0
    index.get([2, 3])[:] = 0
    np.testing.assert_array_equal(index.vectors, POINTS)


@pytest.mark.parametrize("cold", ["memory", "mmap"])
@pytest.mark.parametrize("cold_dtype", ["float32", "float16"])
def test_cold_vectors_are_found_by_id(tmp_path, cold, cold_dtype) -> None:
    path, _ = saved(tmp_path, cold_dtype=cold_dtype)
    index = quiver.open(path, cold=cold, backend="reference")
    stored = small_index().vectors.astype(cold_dtype).astype(np.float32)
    np.testing.assert_array_equal(index.get([8993, 9000]), stored[[1, 0]])
    found = index.get(8986)
    np.testing.assert_array_equal(found, stored[2])
    assert (found.shape, found.dtype) == ((5,), np.float32)
    assert index.get([]).shape == (0, 5)


@pytest.mark.parametrize(
    ("ids", "error", "word"),
    [
        (77, InvalidArgumentError, "got 77"),
        ([3, 77, 78], InvalidArgumentError, "got 77, 78; "),
        ([[3, 77], [78, 79], [80, 81]], InvalidArgumentError, "79 and 2 more that"),
        (-1, InvalidArgumentError, "got -1, the mark of a place left empty"),
        (2**64, InvalidArgumentError, "64 bits"),
        ("3", InvalidTypeError, "integers"),
        (3.0, InvalidTypeError, "integers"),
        (None, InvalidTypeError, "integers"),
        (True, InvalidTypeError, "integers"),
    ],
)
def test_an_unknown_id_is_an_error_that_names_it(ids, error, word) -> None:
    with pytest.raises(error, match=word):
        build(IDS["unordered"]).get(ids)


@pytest.mark.parametrize(
    "stranger",
    [1, -1, 2**63, 2**64, "3", 3.0, None, True, [3, 7], [], np.uint64(2**64 - 1)],
)
def test_whatever_is_no_id_is_not_in_the_index(stranger) -> None:
    assert stranger not in build([7, 2**63 - 1, 3, -5, -2, 0])


def test_threads_find_the_same_rows_from_the_first_call_on() -> None:
    ids = np.random.default_rng(2).permutation(20_000).astype(np.int64) * 3 - 999
    lookup = RowsById(ids)
    start, wrong = threading.Barrier(8), []

    def look_up() -> None:
        start.wait()
        if not np.array_equal(ids[lookup.rows(ids[::-1])], ids[::-1]):
            wrong.append(threading.current_thread().name)

    threads = [threading.Thread(target=look_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert wrong == []
