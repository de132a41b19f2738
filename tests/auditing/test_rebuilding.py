"""One graph, rebuilt and walked: the same counts from every backend, odd rows too."""

from __future__ import annotations

import numpy as np
import pytest
from rows import skewed_rows

import quiver
from quiver.auditing.coding import PUBLISHED, SIGNS, UNIFORM_LEVELS, planes_apart
from quiver.auditing.rebuilding import (
    Shape,
    Task,
    build_graph,
    by_code_alone,
    walk_graph,
)
from quiver.backends import Backend, get_backend
from quiver.diagnosis.sample import Sample
from quiver.reference.codes import Codes
from quiver.reference.encode import unpack

SHAPE = Shape(m=4, ef_c=12)
WAYS = {
    "Hamming": (PUBLISHED, planes_apart),
    "weights": (PUBLISHED, None),
    "signs": (SIGNS, None),
    "uniform": (UNIFORM_LEVELS, None),
}


def task_of(backend: Backend, rows: np.ndarray, metric="cosine", threads=1) -> Task:
    queries = skewed_rows(12, rows.shape[1], seed=9)
    sample = Sample(rows, queries, len(rows), metric, backend, queries_given=True)
    return Task.of(sample, 5, threads, 0)


def counted(task: Task, name: str) -> tuple[list[int], list[int], float, float]:
    way, recode = WAYS[name]
    built = build_graph(task, way, SHAPE).walked_by(recode)
    walked = walk_graph(task, built, 8)
    computed = walked.distance_computations
    alone = by_code_alone(task, built, 5).tolist()
    return walked.hits.tolist(), alone, computed, built.mean_degree


@pytest.mark.parametrize("way", WAYS)
def test_every_backend_and_number_of_threads_counts_the_same(
    backend: Backend, way: str
) -> None:
    rows = skewed_rows(60, 20)
    rows[5], rows[6:9] = 0, rows[9]
    expected = counted(task_of(get_backend("reference"), rows), way)
    assert counted(task_of(backend, rows, threads=3), way) == expected


def test_lists_of_the_published_rule_are_full() -> None:
    built = build_graph(
        task_of(get_backend("reference"), skewed_rows(60, 20)), PUBLISHED, SHAPE
    )
    assert built.state.params.max_degree == 8
    assert built.state.params.prune_rule == "published"
    assert built.mean_degree > 7.5


def test_a_beam_of_all_rows_misses_nothing_and_codes_alone_are_a_scan() -> None:
    rows = skewed_rows(60, 20)
    kernels = get_backend("reference")
    task = task_of(kernels, rows)
    built = build_graph(task, PUBLISHED, SHAPE)
    assert (walk_graph(task, built, 60).hits == 5).all()
    state = built.state
    coded = kernels.encode(task.sample.queries, state.transform, 2, "published")
    best = np.argsort(kernels.distance(state.codes, coded), axis=1, kind="stable")[
        :, :5
    ]
    true, _ = quiver.exact_knn(rows, task.sample.queries, 5)
    same = [len({*one} & {*other}) for one, other in zip(best, true, strict=True)]
    assert by_code_alone(task, built, 5).tolist() == same


def test_a_graph_of_signs_has_no_strong_coordinate() -> None:
    built = build_graph(
        task_of(get_backend("reference"), skewed_rows(40, 20)), SIGNS, SHAPE
    )
    codes: Codes = built.state.codes
    assert {*np.unique(unpack(codes.packed, codes.dim, 2))} == {1, 2}


@pytest.mark.parametrize(
    "rows", [np.zeros((30, 6), np.float32), np.ones((30, 6), np.float32)]
)
@pytest.mark.parametrize("way", WAYS)
def test_rows_that_tie_are_all_found(rows: np.ndarray, way: str) -> None:
    task = task_of(get_backend("reference"), rows)
    hits, alone, _, _ = counted(task, way)
    assert hits == alone == [5] * 12
