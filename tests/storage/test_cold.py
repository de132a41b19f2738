"""Cold vectors: on the disk or at half precision, the answers are those of memory."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from small_index import answers, saved, small_index

import quiver
from quiver.conformance.hazards import METRICS
from quiver.storage.cold import as_float32
from quiver.storage.mapped import MappedFile

COLD = ("memory", "mmap")


@pytest.mark.parametrize("kernels", ["auto", "reference"])
@pytest.mark.parametrize("cold", COLD)
@pytest.mark.parametrize("metric", METRICS)
def test_float16_answers_are_those_of_the_rounded_vectors(
    tmp_path, metric, cold, kernels
):
    path, _ = saved(tmp_path, n=60, dim=20, metric=metric, cold_dtype="float16")
    found = quiver.open(path, cold=cold, verify="full", backend=kernels)
    exact = small_index(n=60, dim=20, metric=metric).vectors
    rounded = exact.astype(np.float16).astype(np.float32)
    opened = quiver.open(path, backend=kernels)
    twin = quiver.Index(replace(opened.state, vectors=rounded), opened.backend)
    queries = np.random.default_rng(3).normal(size=(66, 20))
    for one in (found.search(queries), found.search(queries, k=60, ef=60)):
        other = twin.search(queries, k=one.ids.shape[1], ef=max(64, one.ids.shape[1]))
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_array_equal(one.distances, other.distances)
    assert found.vectors.cold_dtype == "float16"
    assert found.memory_report().vectors == 60 * 20 * 2


def test_cold_rows_are_read_in_small_batches_with_the_same_answer(
    tmp_path, monkeypatch
):
    case = {"n": 200, "dim": 20, "metric": "euclidean"}
    path, _ = saved(tmp_path, **case)
    index = quiver.open(path, cold="mmap", backend="reference")
    queries = np.random.default_rng(4).normal(size=(30, 20))
    whole = index.search(queries, k=5, ef=40)
    again = index.search(queries, k=5, ef=40)  # In place: nothing missed.
    monkeypatch.setattr("quiver.search.GATHER_BYTES", 5000)
    index = quiver.open(path, cold="mmap", backend="reference")
    parts = index.search(queries, k=5, ef=40)
    memory = small_index(**case).search(queries, k=5, ef=40)
    for other in (again, parts, memory):
        np.testing.assert_array_equal(whole.ids, other.ids)
        np.testing.assert_array_equal(whole.distances, other.distances)


@pytest.mark.skipif(os.name != "posix", reason="announcing is POSIX advice")
@pytest.mark.parametrize("cold_dtype", ["float32", "float16"])
def test_rows_that_miss_the_page_cache_are_announced(tmp_path, monkeypatch, cold_dtype):
    path, _ = saved(tmp_path, n=200, dim=20, cold_dtype=cold_dtype)
    index = quiver.open(path, cold="mmap", backend="reference")
    expected = answers(index)
    blocks, announced = [0], []

    def read_a_block() -> int:
        blocks[0] += 1
        return blocks[0]

    announce = MappedFile._announce
    monkeypatch.setattr(
        MappedFile,
        "_announce",
        lambda self, rows: announced.append(rows) or announce(self, rows),
    )
    # A batch is announced if the one before it missed; read in place if it did not.
    steps = ((read_a_block, 0), (read_a_block, 1), (lambda: 0, 2), (lambda: 0, 2))
    for counter, n_announced in steps:
        monkeypatch.setattr("quiver.storage.mapped.blocks_read", counter)
        for part, twin in zip(answers(index), expected, strict=True):
            np.testing.assert_array_equal(part, twin)
        assert len(announced) == n_announced
    assert (np.diff(announced[0]) > 0).all()


def test_every_half_is_widened_exactly():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(2, -1)
    found, expected = as_float32(halves), halves.astype(np.float32)
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("cold", COLD)
@pytest.mark.parametrize("cold_dtype", ["float32", "float16"])
def test_cold_vectors_are_indexed_like_an_array(tmp_path, cold, cold_dtype):
    path, _ = saved(tmp_path, n=20, cold_dtype=cold_dtype)
    vectors = quiver.open(path, cold=cold, backend="reference").vectors
    twin = small_index(n=20).vectors.astype(cold_dtype).astype(np.float32)
    assert vectors.shape == twin.shape
    assert vectors.dtype == twin.dtype
    assert len(vectors) == 20
    for key in (3, -1, slice(2, 5), np.array([7, 7, -2]), twin[:, 0] > 0):
        np.testing.assert_array_equal(vectors[key], twin[key])
        assert vectors[key].dtype == np.float32
    np.testing.assert_array_equal(np.asarray(vectors), twin)
