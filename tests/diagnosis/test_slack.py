"""Slack: more edges where neighbourhoods have many dimensions, and why is noted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from diagnosed import needs_kernels

import quiver
from quiver.backends.registry import get_backend
from quiver.build import Plan
from quiver.datasets import load_demo
from quiver.datasets.generators import find_regime, generate
from quiver.diagnosis.probe import FEWEST_FOR_GROWTH
from quiver.diagnosis.slack import choose_slack
from quiver.diagnosis.width import Look, choose_width
from quiver.params import BuildParams, Encoding

SMALL = BuildParams(max_degree=8, ef_construction=16)


def flat_rows(n: int = FEWEST_FOR_GROWTH) -> np.ndarray:
    """Return rows of few dimensions."""
    return np.random.default_rng(0).uniform(size=(n, 5)).astype(np.float32)


def look_at(rows: np.ndarray, metric: str, backend: str = "reference") -> Look:
    plan = Plan(metric, Encoding(), SMALL, get_backend(backend))
    return choose_width(rows, plan)[1]


def chosen(look: Look, params: BuildParams = SMALL, **how: object) -> float | None:
    encoding = Encoding.paper() if "paper" in how else Encoding()
    plan = Plan(how.get("metric", "cosine"), encoding, params, get_backend("reference"))
    return choose_slack(plan, look)[0].alpha


@pytest.mark.parametrize(
    ("growth", "alpha"), [(1.0, 1.2), (1.2499, 1.2), (1.25, 1.0), (7.0, 1.0)]
)
def test_strict_edges_are_enough_where_distances_grow_fast(
    growth: float, alpha: float
) -> None:
    assert chosen(Look(growth=growth)) == alpha


def test_what_is_given_or_not_strict_first_stays() -> None:
    fast = Look(growth=2.0)
    assert chosen(fast, BuildParams(alpha=1.3)) == 1.3
    assert chosen(fast, metric="inner_product") is None
    assert chosen(fast, paper=True) is None
    assert chosen(fast, BuildParams(prune_rule="vamana")) is None
    assert chosen(Look()) is None


def test_growth_is_the_root_of_the_ranks_by_the_dimension() -> None:
    rows = np.linspace(0, 1, 4096, dtype=np.float32)[:, None] * np.float32([1, 2])
    # On a line two rows are as far as the next: 5 and 50 steps away.
    assert look_at(rows, "euclidean").growth == pytest.approx(10, rel=0.1)
    # A scale changes nothing, nor do directions measured by cosine.
    flat = flat_rows()
    assert look_at(16 * flat, "euclidean").growth == look_at(flat, "euclidean").growth
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    by_cosine, by_distance = (
        look_at(unit, metric).growth for metric in ("cosine", "euclidean")
    )
    assert by_cosine == pytest.approx(by_distance, rel=1e-3)


def test_nothing_is_told_of_few_rows_equal_rows_and_products() -> None:
    flat = flat_rows()
    assert look_at(flat[:-1], "euclidean").growth is None
    assert look_at(flat, "inner_product").growth is None
    assert look_at(np.tile(flat[:20], (100, 1)), "euclidean").growth is None


def test_growth_does_not_depend_on_the_backend() -> None:
    flat = flat_rows()
    looks = [look_at(flat, "euclidean", name) for name in ("reference", "auto")]
    assert looks[0] == looks[1]


@needs_kernels
def test_the_index_keeps_what_was_chosen_and_why(tmp_path: Path) -> None:
    flat = quiver.Index.build(flat_rows(), metric="euclidean", max_degree=8)
    assert (flat.params.alpha, flat.params.max_degree) == (1.0, 8)
    assert flat.notes is not None
    assert flat.notes["alpha"].startswith("1, as neighbour 100 is 1.")
    assert f"- alpha: {flat.notes['alpha']}" in str(flat).splitlines()
    flat.save(tmp_path / "flat.quiver")
    again = quiver.open(tmp_path / "flat.quiver")
    assert (again.params, again.notes) == (flat.params, flat.notes)
    text = quiver.Index.build(load_demo().vectors[:1500], params=SMALL)
    assert text.params.alpha == 1.2
    # A code that is given leaves the slack open.
    given = quiver.Index.build(flat_rows(), metric="euclidean", encoding="default")
    assert given.params.alpha == 1.0
    assert given.notes is not None
    assert given.notes.keys() == {"alpha"}


@needs_kernels
def test_a_diagnosis_foretells_the_graph_that_is_built() -> None:
    rows = flat_rows(1500)
    found = quiver.diagnose(rows, metric="euclidean", params=SMALL)
    index = quiver.Index.build(
        rows, metric="euclidean", params=SMALL, encoding=found.encoding
    )
    assert found.look.growth is not None
    assert index.params.alpha == 1.0
    assert found.memory == index.memory_report()


@needs_kernels
def test_strict_edges_first_find_as_much_for_fewer_distances() -> None:
    rows, queries = generate(find_regime("text-768"), 5000, 200)
    _, true = quiver.exact_knn(rows, queries, 10)

    def searched(index: quiver.Index, ef: int) -> tuple[float, float]:
        found = index.search(queries, ef=ef)
        recall = quiver.recall_at_k(found.distances, true)
        return recall, float(found.stats.distance_computations.mean())

    recall, cost = searched(quiver.Index.build(rows, encoding="default"), 32)
    how = {"encoding": "default", "prune_rule": "vamana", "alpha": 1.2}
    once = quiver.Index.build(rows, **how)
    by_width = [searched(once, ef) for ef in range(32, 129, 4)]
    assert cost < min(cost for found, cost in by_width if found >= recall)
