"""Cold vectors: on the disk or at half precision, the answers are those of memory."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from diagnosed import needs_kernels
from small_index import answers, byte_rows, saved, small_index

import quiver
from quiver.conformance.hazards import METRICS
from quiver.errors import InvalidArgumentError
from quiver.storage.cold import ColdVectors, as_kept, with_halves_widened
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
    monkeypatch.setattr("quiver.rerank.GATHER_BYTES", 5000)
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
    found, expected = with_halves_widened(halves), halves.astype(np.float32)
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


def built(rows: np.ndarray, metric: str, kernels: str = "auto") -> quiver.Index:
    return quiver.Index.build(rows, metric=metric, backend=kernels)


@pytest.mark.parametrize(
    "kernels", ["auto", pytest.param("reference", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("metric", METRICS)
def test_bytes_are_answered_as_the_same_numbers_in_float32(
    tmp_path, metric, dtype, kernels
):
    rows = byte_rows(dtype, n=150, dim=20)
    narrow, wide = built(rows, metric, kernels), built(rows.astype("f4"), metric)
    np.testing.assert_array_equal(narrow.codes.rows, wide.codes.rows)
    np.testing.assert_array_equal(narrow.neighbors, wide.neighbors)
    np.testing.assert_array_equal(narrow.state.unlinked, wide.state.unlinked)
    assert narrow.vectors.cold_dtype == dtype
    assert narrow.check(full=True).ok
    narrow.save(tmp_path / "bytes.quiver")
    opened = [
        quiver.open(tmp_path / "bytes.quiver", cold=cold, verify="full")
        for cold in COLD
    ]
    queries = [*np.random.default_rng(5).normal(0, 99, (66, 20)), *rows[:9]]
    expected = wide.search(queries, k=7)
    for index in (narrow, *opened):
        found = index.search(queries, k=7)
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.distances, expected.distances)
        assert index.memory_report().vectors == 150 * 20
        np.testing.assert_array_equal(index.get([3, 149]), rows[[3, 149]])
        assert index.get(3).dtype == np.float32


@pytest.mark.parametrize("cold", COLD)
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_bytes_are_read_where_they_are_and_copied_as_bytes_where_they_lie_apart(
    tmp_path, monkeypatch, dtype, cold
):
    # As in a .bvecs file: four bytes between rows, of an odd length.
    apart = np.zeros((120, 41), dtype)
    apart[:, 4:] = byte_rows(dtype, n=120, dim=37)
    apart.flags.writeable = False
    index = built(apart[:, 4:], "euclidean")
    assert np.shares_memory(index.vectors._stored, apart)
    index.save(tmp_path / "bytes.quiver")
    together = quiver.open(tmp_path / "bytes.quiver", cold=cold)
    monkeypatch.setattr("quiver.storage.mapped.blocks_read", lambda: 0)
    first = answers(together)
    gathered, gather = [], ColdVectors.gather
    monkeypatch.setattr(
        ColdVectors,
        "gather",
        lambda self, rows: gathered.append(gather(self, rows)) or gathered[-1],
    )
    for part, twin in zip(answers(together), first, strict=True):
        np.testing.assert_array_equal(part, twin)
    assert gathered == []
    for part, twin in zip(answers(index), first, strict=True):
        np.testing.assert_array_equal(part, twin)
    assert {rows.dtype.name for rows in gathered} == {dtype}


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_bytes_are_widened_and_narrowed_again_in_files(tmp_path, dtype):
    rows = byte_rows(dtype, n=40)
    index, paths = built(rows, "euclidean"), []
    for cold_dtype in (None, "float32", dtype):
        paths.append(tmp_path / f"{cold_dtype}.quiver")
        index.save(paths[-1], cold_dtype=cold_dtype)
        index = quiver.open(paths[-1], cold="mmap")
        np.testing.assert_array_equal(np.asarray(index.vectors), rows)
    assert isinstance(quiver.open(paths[1]).vectors, np.ndarray)
    assert paths[0].read_bytes() == paths[2].read_bytes()
    other = "int8" if dtype == "uint8" else "uint8"
    with pytest.raises(InvalidArgumentError, match=f"as {other}, got"):
        index.save(paths[0], cold_dtype=other)
    assert paths[0].read_bytes() == paths[2].read_bytes()


@needs_kernels
def test_bytes_are_explained_evaluated_and_repaired_as_they_are(tmp_path):
    rows = byte_rows("uint8", n=300, dim=12)
    narrow, wide = built(rows, "euclidean"), built(rows.astype("f4"), "euclidean")
    assert str(narrow.explain(rows[9])) == str(wide.explain(rows[9]))
    scores = [quiver.evaluate(index, rows[:50] + 1) for index in (narrow, wide)]
    assert scores[0].points[0].recall == scores[1].points[0].recall
    truths = [quiver.exact_knn(x, rows[:9], 5) for x in (rows, narrow.vectors)]
    for part, twin in zip(*truths, strict=True):
        np.testing.assert_array_equal(part, twin)
    kept = narrow.vectors
    narrow.repair()
    assert narrow.vectors is kept
    np.testing.assert_array_equal(narrow.codes.rows, wide.codes.rows)


@pytest.mark.parametrize("cold", COLD)
def test_vectors_of_one_index_are_kept_for_another(tmp_path, cold):
    index = built(byte_rows("int8", n=40), "cosine")
    index.save(tmp_path / "first.quiver")
    first = quiver.open(tmp_path / "first.quiver", cold=cold)
    second = quiver.Index.build(first.vectors, metric="euclidean")
    assert second.vectors.cold_dtype == "int8"
    # The file is not this index's: it is pickled by its rows.
    again = pickle.loads(pickle.dumps(second))
    assert again.metric == "euclidean"
    np.testing.assert_array_equal(np.asarray(again.vectors), byte_rows("int8", n=40))


def test_halves_of_one_index_are_kept_for_another_as_float32(tmp_path):
    path, _ = saved(tmp_path, cold_dtype="float16")
    halves = quiver.open(path).vectors
    kept = as_kept(halves, "cosine")
    assert kept.dtype == np.float32
    assert isinstance(kept, np.ndarray)
    np.testing.assert_array_equal(kept, np.asarray(halves))


@needs_kernels
@pytest.mark.parametrize("encoding", [None, "auto"])
def test_a_build_from_mapped_bytes_widens_a_small_part_at_a_time(
    tmp_path, monkeypatch, encoding
):
    n, dim = 2000, 8
    for name in ("ROWS", "CROWD_ROWS"):
        monkeypatch.setattr(f"quiver.diagnosis.probe.{name}", 600)
    for name in ("ROWS", "SAMPLE_ROWS", "REFERENCE_SAMPLE_ROWS"):
        monkeypatch.setattr(import_module("quiver.diagnosis.diagnose"), name, 600)
    np.save(tmp_path / "x.npy", byte_rows("uint8", n, dim))
    most, get = [0], ColdVectors.__getitem__

    def counted(self, key):
        rows = get(self, key)
        most.append(rows.nbytes)
        return rows

    monkeypatch.setattr(ColdVectors, "__getitem__", counted)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    index = quiver.Index.build(mapped, metric="euclidean", encoding=encoding)
    assert np.shares_memory(index.vectors._stored, mapped)
    # A median of 1024 rows is the most that a build looks at, at once.
    assert 0 < max(most) <= 4 * 1024 * dim


@pytest.mark.parametrize("cold_dtype", ["float32", "int8"])
def test_halves_are_not_saved_as_what_they_were_rounded_from(tmp_path, cold_dtype):
    path, _ = saved(tmp_path, cold_dtype="float16")
    index = quiver.open(path)
    with pytest.raises(InvalidArgumentError, match="rounded to it, got"):
        index.save(path, cold_dtype=cold_dtype)
    again = quiver.Index.build(index.vectors, ids=index.ids, metric=index.metric)
    again.save(path)
    np.testing.assert_array_equal(quiver.open(path).vectors, np.asarray(index.vectors))
