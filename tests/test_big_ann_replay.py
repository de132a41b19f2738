"""Quiver in the streaming track: as its runner drives it, with exact figures."""

from __future__ import annotations

import importlib
import shutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import big_ann
import numpy as np
import pytest
import yaml
from big_ann.adapter import QuiverStreaming
from big_ann.generate import KINDS, by_cell
from big_ann.replay import average_recall, distances_per_row, replay
from big_ann.runbook import Delete, Insert, Replace, Runbook, Search
from big_ann.truth import Truth
from diagnosed import needs_kernels
from living_model import untidy_pool
from measure_change import Counting

import quiver
from quiver._typing import Metric, Vectors
from quiver.backends import Backend
from quiver.conformance.hazards import METRICS
from quiver.datasets import load_demo
from quiver.errors import InvalidArgumentError

FOLDER = Path(big_ann.__file__).parent
SMALL = {"max_degree": 6, "ef_construction": 16}
WORDS: dict[Metric, str] = {
    "cosine": "angular",
    "euclidean": "euclidean",
    "inner_product": "ip",
}


@pytest.fixture
def soon_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let indexes as small as these have a graph."""
    monkeypatch.setattr("quiver.living.fresh.ENOUGH", 20)


def played(
    kind: str,
    vectors: Vectors,
    queries: Vectors,
    metric: Metric,
    *,
    effort: dict[str, int],
    n_cells: int = 5,
    backend: object = "auto",
    **params: object,
) -> tuple[list, QuiverStreaming]:
    """Return every outcome of a runbook made for vectors, and the index at the end."""
    order, offsets = by_cell(vectors, n_cells)
    base = vectors[order]
    counting = Counting(quiver.get_backend(backend))
    algorithm = QuiverStreaming(WORDS[metric], {"backend": counting, **params})
    runbook = KINDS[kind](offsets, 0)
    truth = Truth(base, queries, metric)
    how = {"effort": effort, "spent": counting.spent}
    return [*replay(algorithm, runbook, base, queries, truth, **how)], algorithm


@needs_kernels
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("metric", METRICS)
def test_untidy_rows_are_followed_through_every_kind(soon_a_graph, metric, kind):
    pool = untidy_pool(400)
    # A beam for every row finds them all only if it reaches them.
    effort = {"ef": 256, "n_rerank": 256}
    outcomes, _ = played(kind, pool, pool[::20], metric, effort=effort, **SMALL)
    recalls = [outcome.recall for outcome in searches(outcomes)]
    assert recalls == [1.0] * len(recalls)
    assert len(recalls) > 5


def searches(outcomes: list) -> list:
    return [outcome for outcome in outcomes if outcome.recall is not None]


def replaced(backend: str | Backend, threads: int) -> tuple[list, QuiverStreaming]:
    pool = untidy_pool(200)
    how = {"threads": threads, "backend": backend, "effort": {"ef": 12}, **SMALL}
    return played("expiration-replace", pool, pool[::10], "euclidean", **how)


@cache
def replaced_by_the_reference() -> tuple[list, QuiverStreaming]:
    return replaced("reference", 1)


def test_every_backend_and_any_threads_give_the_same_figures(soon_a_graph, backend):
    expected, oracle = replaced_by_the_reference()
    assert sum(outcome.distances for outcome in expected) > 10_000
    assert replaced(backend, 1)[0] == expected
    outcomes, algorithm = replaced(backend, 2)
    # Two threads that change the index may count at once.
    assert searches(outcomes) == searches(expected)
    assert algorithm.get_additional() == oracle.get_additional()
    np.testing.assert_array_equal(algorithm.get_results(), oracle.get_results())


@pytest.mark.skipif(
    quiver.get_backend("auto").name == "reference",
    reason="thousands of insertions: minutes with the NumPy kernels",
)
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clustered", "sliding-window", "random-replace"])
def test_the_demo_set_is_found_at_every_step(soon_a_graph, kind):
    demo = load_demo()
    what = kind, demo.vectors[:3000], demo.queries[:100], "cosine"
    outcomes, _ = played(*what, effort={"ef": 64, "threads": 1}, threads=1)
    assert average_recall(outcomes) > 0.995
    assert min(outcome.recall for outcome in searches(outcomes)) > 0.99


def test_a_step_is_told_with_what_it_did_and_cost(soon_a_graph):
    base = untidy_pool(300)
    steps = (Insert(0, 200), Search(), Delete(0, 20), Replace(30, 60, 200, 230))
    counting = Counting(quiver.get_backend("reference"))
    algorithm = QuiverStreaming("euclidean", {"backend": counting, **SMALL})
    truth = Truth(base, base[:7], "euclidean")
    how = {"effort": {"ef": 20}, "spent": counting.spent}
    outcomes = [*replay(algorithm, Runbook(200, steps), base, base[:7], truth, **how)]
    assert [outcome[:4] for outcome in outcomes] == [
        (1, "insert", 200, 200),
        (2, "search", 7, 200),
        (3, "delete", 20, 180),
        (4, "replace", 30, 180),
    ]
    assert [outcome.recall is None for outcome in outcomes] == [True, False, True, True]
    inserted, searched, deleted, replaced = (outcome.distances for outcome in outcomes)
    assert searched == algorithm.get_additional()["dist_comps"] > 7 * 20
    assert deleted == 0
    assert inserted > replaced > 0
    assert distances_per_row(outcomes, "search") == searched / 7
    assert distances_per_row(outcomes[:2], "replace") is None
    assert average_recall(outcomes) == outcomes[1].recall


def test_each_set_of_query_arguments_begins_with_an_empty_index(soon_a_graph):
    algorithm = QuiverStreaming("euclidean", {"backend": "reference", **SMALL})
    algorithm.setup("float32", 60, 12)
    rows, tags = untidy_pool(60), np.arange(60, dtype=np.uint32)
    computed = []
    for ef in (10, 20, 10):
        algorithm.set_query_arguments({"ef": ef})
        algorithm.insert(rows, tags)
        algorithm.query(rows, 1)
        computed.append(algorithm.get_additional()["dist_comps"])
        assert f"'ef': {ef}" in str(algorithm)
    assert 0 < computed[0] == computed[2] < computed[1]


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_mapped_rows_of_any_dtype_of_theirs_are_taken(tmp_path, dtype):
    rows = np.random.default_rng(0).integers(0, 100, (60, 9)).astype(dtype)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    algorithm = QuiverStreaming("euclidean", {"backend": "reference"})
    algorithm.setup(dtype, 60, 9)
    algorithm.insert(mapped[10:40], np.arange(10, 40, dtype=np.uint32))
    algorithm.delete(np.arange(10, 15, dtype=np.uint32))
    algorithm.replace(mapped[40:42], np.arange(20, 22, dtype=np.uint32))
    algorithm.query(rows[[40, 30, 10]], 1)
    found = algorithm.get_results()
    assert found[:2].ravel().tolist() == [20, 30]
    assert found[2, 0] not in range(10, 15)


def test_a_misspelt_setting_is_told_at_setup():
    algorithm = QuiverStreaming("euclidean", {"max_degre": 8})
    with pytest.raises(TypeError, match="max_degre"):
        algorithm.setup("float32", 10, 4)
    with pytest.raises(InvalidArgumentError, match="metric"):
        QuiverStreaming("hamming", {}).setup("float32", 10, 4)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type:
    """Put the adapter where it goes in a checkout; return the base class there."""
    base = type("BaseStreamingANN", (), {"track": lambda _: "stream"})
    stand_ins = {
        "neurips23.streaming.base": {"BaseStreamingANN": base},
        "neurips23.filter.base": {"BaseFilterANN": type("BaseFilterANN", (), {})},
        "benchmark.datasets": {"DATASETS": {}},
    }
    place = tmp_path / "neurips23" / "streaming" / "quiver"
    place.mkdir(parents=True)
    for name in ("adapter.py", "streaming.yaml"):
        shutil.copy(FOLDER / name, place)
    monkeypatch.syspath_prepend(tmp_path)
    for name, contents in stand_ins.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    yield base
    for name in [name for name in sys.modules if name.startswith("neurips23")]:
        del sys.modules[name]


def test_the_files_for_a_checkout_fit_each_other_and_the_index(checkout):
    definition = yaml.safe_load((FOLDER / "streaming.yaml").read_text())["any"][
        "quiver"
    ]
    module = importlib.import_module(definition["module"])
    constructor = getattr(module, definition["constructor"])
    assert issubclass(constructor, checkout)
    group = definition["run-groups"]["base"]
    (settings,) = yaml.safe_load(group["args"])
    (effort,) = yaml.safe_load(group["query-args"])
    assert definition["base-args"] == ["@metric"]
    algorithm = constructor("euclidean", settings)
    algorithm.setup("float32", 40, 12)
    algorithm.set_query_arguments(effort)
    rows = untidy_pool(40)
    algorithm.insert(rows, np.arange(40, dtype=np.uint32))
    algorithm.query(rows[:5], 10)
    assert algorithm.get_results().shape == (5, 10)
    assert algorithm.track() == "stream"
