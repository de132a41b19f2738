"""Every backend reproduces answers worked out in plain Python numbers.

``tests/data/golden.npz`` is made by ``tools/make_golden.py``, which imports nothing
of quiver: here the reference itself is on trial.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from identical import assert_identical

from quiver.backends import Backend
from quiver.reference.codes import CACHE_LINE, Codes, Queries, Transform
from quiver.reference.rerank import Ranking
from quiver.reference.search import Beams

with np.load(Path(__file__).parents[1] / "data" / "golden.npz") as file:
    ARRAYS = dict(file)
VERSION = ARRAYS.pop("version")
NAMES = sorted({field.split(".")[0] for field in ARRAYS})


class Golden(NamedTuple):
    """One case of the file, its fields by name."""

    fields: dict[str, np.ndarray]
    transform: Transform
    codes: Codes
    queries: Queries


@pytest.fixture(params=NAMES)
def golden(request: pytest.FixtureRequest) -> Golden:
    prefix = f"{request.param}."
    fields = {
        name.removeprefix(prefix): array
        for name, array in ARRAYS.items()
        if name.startswith(prefix)
    }
    mean, signs, rows = fields["mean"], fields["signs"], fields["rows"]
    bits, weights = int(fields["bits"]), str(fields["weights"])
    return Golden(
        fields,
        Transform(str(fields["metric"]), mean, signs),
        Codes(rows, signs.shape[1], bits, weights),
        Queries(fields["query_values"], fields["query_corrections"]),
    )


def test_the_fields_are_those_read_here() -> None:
    assert VERSION == 3


def test_encode_gives_the_golden_rows(backend: Backend, golden: Golden) -> None:
    kind = golden.codes.bits, golden.codes.weights
    codes = backend.encode(golden.fields["vectors"], golden.transform, *kind)
    assert_identical(codes, golden.codes)


def test_quantize_gives_the_golden_queries(backend: Backend, golden: Golden) -> None:
    args = golden.fields["queries"], golden.transform, golden.codes.bits
    queries = backend.quantize(*args)
    assert_identical(queries, golden.queries)


def test_distance_gives_the_golden_values(backend: Backend, golden: Golden) -> None:
    codes = golden.codes
    assert_identical(backend.distance(codes, codes), golden.fields["symmetric"])
    asymmetric = backend.distance(codes, golden.queries)
    assert_identical(asymmetric, golden.fields["asymmetric"])


@pytest.mark.parametrize(
    ("rule", "beta"),
    [
        *(("vamana", 0.0), ("vamana", 0.7), ("vamana", 1.0)),
        *(("strict_first", 0.7), ("published", 0.7)),
    ],
)
def test_prune_keeps_the_golden_edges(
    backend: Backend, golden: Golden, rule: str, beta: float
) -> None:
    expected = golden.fields[f"pruned_{rule}_{beta}"]
    candidates, max_degree = golden.fields["candidates"], expected.shape[1]
    kept = backend.prune(golden.codes, candidates, max_degree, 1.1, beta, rule)
    assert_identical(kept, expected)


def test_search_walks_to_the_golden_beams(backend: Backend, golden: Golden) -> None:
    fields = golden.fields
    counters = fields["hops"], fields["distance_computations"]
    lines_read = counters[1] * (golden.codes.rows.shape[1] // CACHE_LINE)
    everywhere = np.ones(len(fields["hops"]), dtype=np.bool_)
    expected = Beams(fields["beams"], *counters, lines_read, everywhere)
    ef = expected.keys.shape[1]
    graph = fields["neighbors"], golden.queries, fields["entry_points"]
    beams = backend.search(golden.codes, *graph, ef)
    assert_identical(beams, expected)


def test_rerank_gives_the_golden_order(backend: Backend, golden: Golden) -> None:
    fields = golden.fields
    vectors, queries = fields["vectors"], fields["queries"]
    everything = np.tile(np.arange(len(vectors), dtype=np.uint32), (len(queries), 1))
    k = fields["reranked"].shape[1]
    answer = backend.rerank(vectors, queries, everything, k, golden.transform.scaling)
    read_whole = np.full(len(queries), len(vectors))
    expected = Ranking(fields["reranked_ids"], fields["reranked"], read_whole)
    assert_identical(answer, expected)
