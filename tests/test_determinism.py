"""The same bytes, whatever the threads, the backend or the form of the input."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from identical import assert_identical

import quiver
from quiver._typing import AnyArray, Metric
from quiver.backends import Backend
from quiver.conformance import hazards
from quiver.datasets.demo_set import load_demo

PARAMS = quiver.BuildParams(max_degree=8, ef_construction=20, seed=11)
N, DIM = 300, 40
CASES: dict[str, tuple[Metric, quiver.Encoding]] = {
    "cosine": ("cosine", quiver.Encoding()),
    "inner product": ("inner_product", quiver.Encoding()),
    "symmetric": ("cosine", quiver.Encoding(query="symmetric")),
    "paper": ("euclidean", quiver.Encoding.paper()),
    "four bits": ("euclidean", quiver.Encoding(bits=4, query="symmetric")),
    "eight bits": ("inner_product", quiver.Encoding(bits=8, lines=2)),
}

# Made by the reference backend. A new hash means that every user's graph changes.
DEMO_SHA256 = "f406224b3acfd0da3f7780131e43ec8dbdad0300b78a3aaebe1feaf2c7a209f9"


@pytest.fixture(autouse=True)
def every_row_pays_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let builds and batches as small as these use all their threads."""
    monkeypatch.setattr("quiver.parallel.workers.START_WORK", 1)
    monkeypatch.setattr("quiver.parallel.workers.WAKE_WORK", 1)


def draw_vectors() -> np.ndarray:
    return hazards.make_vectors(np.random.default_rng(5), N, DIM, ["duplicates"])


def draw_queries() -> np.ndarray:
    return hazards.make_vectors(np.random.default_rng(6), 150, DIM, [])


def build(name: str, backend: str, threads: int | None) -> quiver.Index:
    metric, encoding = CASES[name]
    return quiver.Index.build(
        draw_vectors(),
        metric=metric,
        params=PARAMS,
        encoding=encoding,
        backend=backend,
        threads=threads,
    )


def everything(index: quiver.Index) -> tuple[object, ...]:
    """Return all that an index is made of."""
    return (
        index.codes,
        index.transform,
        index.neighbors,
        index.entry_point,
        np.ascontiguousarray(index.vectors),
        index.ids,
    )


def answers(result: quiver.SearchResult) -> tuple[AnyArray, ...]:
    stats = result.stats
    counters = stats.hops, stats.distance_computations, stats.reranked
    return result.ids, result.distances, result.counts, *counters


@cache
def expected(name: str) -> quiver.Index:
    return build(name, "reference", threads=1)


@cache
def expected_answers(name: str) -> tuple[AnyArray, ...]:
    return answers(expected(name).search(draw_queries(), threads=1))


def thread_counts(backend: Backend) -> tuple[int | None, ...]:
    # What is expected comes of the reference with one thread.
    return (3,) if backend.name == "reference" else (1, 2, 3, 8, None)


@pytest.mark.parametrize("name", CASES)
def test_builds_are_the_same_bytes(backend: Backend, name: str) -> None:
    for threads in thread_counts(backend):
        index = build(name, backend.name, threads)
        assert_identical(
            everything(index), everything(expected(name)), f"threads={threads}"
        )


@pytest.mark.parametrize("name", CASES)
def test_answers_are_the_same_bytes(backend: Backend, name: str) -> None:
    index = expected(name)
    same = quiver.Index(index.state, backend)
    for threads in thread_counts(backend):
        found = same.search(draw_queries(), threads=threads)
        assert_identical(answers(found), expected_answers(name), f"threads={threads}")


@pytest.mark.parametrize("name", CASES)
def test_a_batch_answers_as_its_queries_one_by_one(name: str) -> None:
    index = expected(name)
    one_by_one = [answers(index.search(query)) for query in draw_queries()[:70]]
    stacked = tuple(np.stack(column) for column in zip(*one_by_one, strict=True))
    assert_identical(stacked, tuple(part[:70] for part in expected_answers(name)))


@pytest.mark.parametrize("threads", [1, 3])
def test_the_demo_graph_has_its_published_hash(backend: Backend, threads: int) -> None:
    # Batches of six rows: large enough to be shared among threads.
    if backend.name == "reference":
        pytest.skip("takes a minute; the hash was made with it, so others must agree")
    vectors = load_demo().vectors[:3000].astype(np.float32)
    index = quiver.Index.build(vectors, backend=backend.name, threads=threads)
    digest = hashlib.sha256(index.codes.rows)
    digest.update(index.neighbors)
    assert digest.hexdigest() == DEMO_SHA256


def test_another_seed_is_another_graph() -> None:
    other = quiver.BuildParams(max_degree=8, ef_construction=20, seed=12)
    index = quiver.Index.build(draw_vectors(), params=other)
    assert (index.neighbors != expected("cosine").neighbors).any()


def padded(plain: AnyArray) -> AnyArray:
    wide = np.full((2 * len(plain), plain.shape[1] + 3), np.nan, plain.dtype)
    wide[::2, 3:] = plain
    return wide[::2, 3:]


def misaligned(plain: AnyArray) -> AnyArray:
    raw = np.zeros(plain.nbytes + 1, dtype=np.uint8)
    view = raw[1:].view(plain.dtype).reshape(plain.shape)
    view[:] = plain
    return view


def read_only(plain: AnyArray) -> AnyArray:
    frozen = plain.copy()
    frozen.setflags(write=False)
    return frozen


FORMS: dict[str, Callable[[AnyArray], object]] = {
    "fortran": np.asfortranarray,
    "strided": padded,
    "backwards": lambda plain: plain[::-1].copy()[::-1],
    "columns backwards": lambda plain: plain[:, ::-1].copy()[:, ::-1],
    "misaligned": misaligned,
    "read-only": read_only,
    "big-endian": lambda plain: plain.astype(">f4"),
    "float16": lambda plain: plain.astype(np.float16),
    "uint8": lambda plain: plain.astype(np.uint8),
    "float64": lambda plain: plain.astype(np.float64),
    "longdouble": lambda plain: plain.astype(np.longdouble),
    "int8": lambda plain: plain.astype(np.int8),
    "uint16": lambda plain: plain.astype(np.uint16),
    "int64": lambda plain: plain.astype(np.int64),
    "lists": lambda plain: plain.tolist(),
}


@pytest.fixture(scope="module")
def whole_numbers() -> np.ndarray:
    # 0 … 100, so that every dtype below holds them exactly.
    numbers = np.random.default_rng(7).integers(0, 101, (80, 17))
    return numbers.astype(np.float32)


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_input_does_not_matter(
    whole_numbers: np.ndarray, form: str
) -> None:
    plain = quiver.Index.build(whole_numbers, params=PARAMS)
    shaped = FORMS[form](whole_numbers)
    index = quiver.Index.build(shaped, params=PARAMS)
    assert_identical(everything(index), everything(plain))
    found, wanted = index.search(shaped, k=5), plain.search(whole_numbers, k=5)
    assert_identical(answers(found), answers(wanted))


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_a_memory_mapped_file_is_as_good_as_memory(
    whole_numbers: np.ndarray, tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "vectors.npy"
    np.save(path, whole_numbers)
    before = path.read_bytes()
    mapped = np.load(path, mmap_mode=mode)
    index = quiver.Index.build(mapped, params=PARAMS)
    plain = quiver.Index.build(whole_numbers, params=PARAMS)
    assert_identical(everything(index), everything(plain))
    assert path.read_bytes() == before


def test_the_caller_may_reuse_the_arrays_given(whole_numbers: np.ndarray) -> None:
    vectors, ids = whole_numbers.copy(), np.arange(80)
    index = quiver.Index.build(vectors, ids=ids, params=PARAMS)
    before = answers(index.search(whole_numbers, k=5))
    vectors[:], ids[:] = 0, 0
    assert_identical(answers(index.search(whole_numbers, k=5)), before)


def test_queries_and_vectors_are_left_untouched(whole_numbers: np.ndarray) -> None:
    vectors, queries = whole_numbers.copy(), whole_numbers[:9].copy()
    quiver.Index.build(vectors, params=PARAMS).search(queries)
    np.testing.assert_array_equal(vectors, whole_numbers)
    np.testing.assert_array_equal(queries, whole_numbers[:9])
