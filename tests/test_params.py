"""Parameters: their defaults, their ranges and the words of their errors."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict
from typing import Any

import numpy as np
import pytest

from quiver.errors import InvalidArgumentError, InvalidTypeError, QuiverError
from quiver.params import BuildParams, Encoding, SearchParams


def test_defaults_are_the_documented_ones() -> None:
    assert asdict(BuildParams()) == {
        "max_degree": 32,
        "ef_construction": 96,
        "alpha": None,
        "beta": 0.7,
        "prune_rule": "auto",
        "seed": 0,
    }
    assert asdict(Encoding()) == {
        "center": True,
        "rotate": True,
        "weights": "corrected",
        "query": "asymmetric",
        "bits": 2,
        "lines": None,
        "fill": True,
    }


def test_the_papers_encoding_has_none_of_the_departures() -> None:
    paper = Encoding.paper()
    assert asdict(paper) == {
        "center": False,
        "rotate": False,
        "weights": "published",
        "query": "symmetric",
        "bits": 2,
        "lines": None,
        "fill": False,
    }
    assert paper.coded_dim(384) == 384


@pytest.mark.parametrize(
    ("encoding", "dim", "coded_dim"),
    [
        (Encoding(), 1, 224),
        (Encoding(), 224, 224),
        (Encoding(), 225, 480),
        (Encoding(bits=4), 112, 112),
        (Encoding(bits=4), 113, 240),
        (Encoding(bits=8), 56, 56),
        (Encoding(bits=8), 57, 120),
        (Encoding(lines=2), 100, 480),
        (Encoding(fill=False), 100, 100),
        # Without a rotation no other coordinate carries anything.
        (Encoding(rotate=False), 100, 100),
    ],
)
def test_a_vector_is_spread_over_all_that_its_lines_hold(
    encoding: Encoding, dim: int, coded_dim: int
) -> None:
    assert encoding.coded_dim(dim) == coded_dim


@pytest.mark.parametrize(
    ("encoding", "dim", "rule"),
    [
        (Encoding(lines=1), 225, "lines must be >= 2 to hold 225 coordinates of 2"),
        (Encoding(lines=1, bits=8), 57, "lines must be >= 2 to hold 57 coordinates"),
        (Encoding(lines=7, bits=8), 768, "lines must be >= 13 to hold 768 .*, got 7"),
    ],
)
def test_lines_too_few_for_a_vector_are_refused(
    encoding: Encoding, dim: int, rule: str
) -> None:
    for method in (encoding.coded_dim, encoding.row_lines):
        with pytest.raises(InvalidArgumentError, match=rule):
            method(dim)


@pytest.mark.parametrize(
    ("rule", "encoding", "metric", "resolved"),
    [
        ("auto", Encoding(), "cosine", "strict_first"),
        ("auto", Encoding(bits=8), "euclidean", "strict_first"),
        ("auto", Encoding(), "inner_product", "vamana"),
        ("auto", Encoding.paper(), "inner_product", "published"),
        ("published", Encoding(), "cosine", "published"),
        ("vamana", Encoding.paper(), "euclidean", "vamana"),
        ("strict_first", Encoding(), "inner_product", "strict_first"),
    ],
)
def test_auto_prunes_as_encoding_and_metric_ask(
    rule: Any, encoding: Encoding, metric: Any, resolved: str
) -> None:
    assert BuildParams(prune_rule=rule).rule_for(encoding, metric) == resolved


@pytest.mark.parametrize("params", [BuildParams(), Encoding()])
def test_parameters_cannot_change(params: Any) -> None:
    name = next(iter(asdict(params)))
    with pytest.raises(FrozenInstanceError):
        setattr(params, name, getattr(params, name))


@pytest.mark.parametrize("kind", [BuildParams, Encoding])
def test_parameters_are_named(kind: Any) -> None:
    with pytest.raises(TypeError, match="positional"):
        kind(32)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("max_degree", 1, "max_degree must be in 2 … 512, got 1"),
        ("max_degree", 513, "max_degree must be in 2 … 512, got 513"),
        ("ef_construction", 0, "ef_construction must be in 1 …"),
        ("ef_construction", -3, "got -3"),
        ("alpha", 0.99, "alpha must be in 1 … 100, got 0.99"),
        ("alpha", float("nan"), "alpha must be in 1 … 100, got nan"),
        ("alpha", float("inf"), "got inf"),
        ("beta", -0.1, "beta must be in 0 … 1, got -0.1"),
        ("beta", 1.01, "beta must be in 0 … 1, got 1.01"),
        ("seed", -1, "seed must be in 0 …"),
        ("seed", 2**63, "seed must be in 0 …"),
        (
            "prune_rule",
            "diskann",
            "prune_rule must be one of auto, vamana, strict_first, published",
        ),
        ("prune_rule", 3, "prune_rule must be one of"),
    ],
)
def test_build_values_out_of_range_are_named(name: str, value: Any, rule: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        BuildParams(**{name: value})
    assert rule in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, QuiverError)


@pytest.mark.parametrize("value", [2.0, "8", None, True, np.float32(4), [3]])
@pytest.mark.parametrize("name", ["max_degree", "ef_construction", "seed"])
def test_counts_must_be_integers(name: str, value: Any) -> None:
    with pytest.raises(InvalidTypeError, match=f"{name} must be an integer") as caught:
        BuildParams(**{name: value})
    assert isinstance(caught.value, TypeError)


def test_the_data_decide_on_an_alpha_that_is_left_open() -> None:
    left_open = BuildParams(alpha=None)
    assert left_open == BuildParams()
    assert left_open.slack("strict_first") == 1.2
    assert left_open.slack("vamana") == left_open.slack("published") == 1.1
    assert BuildParams(alpha=1.0).slack("strict_first") == 1.0


@pytest.mark.parametrize(
    ("recall", "shape"),
    [
        (0.5, (32, 96)),
        (0.95, (32, 96)),
        (0.951, (64, 128)),
        (0.99, (64, 128)),
        (1, (64, 192)),
    ],
)
def test_more_recall_takes_more_edges(recall: float, shape: tuple[int, int]) -> None:
    params = BuildParams.for_recall(recall)
    assert (params.max_degree, params.ef_construction) == shape
    assert params.alpha is None


@pytest.mark.parametrize("recall", [-0.1, 1.01, float("nan")])
def test_no_recall_is_beyond_one(recall: float) -> None:
    with pytest.raises(InvalidArgumentError, match="recall must be in 0 … 1, got"):
        BuildParams.for_recall(recall)


@pytest.mark.parametrize("value", ["1.1", True, 1j, [1.2]])
@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_reals_must_be_numbers(name: str, value: Any) -> None:
    with pytest.raises(InvalidTypeError, match=f"{name} must be a number"):
        BuildParams(**{name: value})


@pytest.mark.parametrize("name", ["center", "rotate", "fill"])
@pytest.mark.parametrize("value", [1, None, "yes"])
def test_switches_must_be_true_or_false(name: str, value: Any) -> None:
    with pytest.raises(InvalidTypeError, match=f"{name} must be True or False"):
        Encoding(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("weights", "learned"), ("query", "float"), ("query", None)]
)
def test_choices_are_listed(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{name} must be one of"):
        Encoding(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("bits", 1, "bits must be in 2 … 8, got 1"),
        ("bits", 3, "bits must be 2, 4 or 8, got 3"),
        ("bits", 16, "bits must be in 2 … 8, got 16"),
        ("lines", 0, "lines must be in 1 … 1025, got 0"),
        ("lines", 1026, "lines must be in 1 … 1025, got 1026"),
    ],
)
def test_widths_that_no_row_has_are_refused(name: str, value: int, rule: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rule):
        Encoding(**{name: value})


@pytest.mark.parametrize("bits", [4, 8])
def test_published_weights_have_two_bits(bits: int) -> None:
    with pytest.raises(InvalidArgumentError, match="bits must be 2 when weights is"):
        Encoding(weights="published", query="symmetric", bits=bits)


def test_published_weights_need_a_symmetric_query() -> None:
    with pytest.raises(InvalidArgumentError, match="query must be 'symmetric'"):
        Encoding(weights="published")


def test_numpy_numbers_become_plain_ones() -> None:
    params = BuildParams(
        max_degree=np.int16(8), alpha=np.float32(1.5), seed=np.uint8(3)
    )
    assert params == BuildParams(max_degree=8, alpha=1.5, seed=3)
    assert type(params.max_degree) is int
    assert type(params.alpha) is float


@pytest.mark.parametrize(
    ("asked", "resolved"),
    [
        ((10, None, None), (10, 64, None)),
        ((1, 8, None), (1, 8, None)),
        ((40, None, None), (40, 80, None)),
        ((10, 128, None), (10, 128, None)),
        ((10, 128, 128), (10, 128, 128)),
        ((7, 7, 7), (7, 7, 7)),
    ],
)
def test_search_defaults_follow_k(
    asked: tuple[int, int | None, int | None], resolved: tuple[int, int, int | None]
) -> None:
    effort = SearchParams.resolve(*asked)
    assert (effort.k, effort.ef, effort.n_rerank) == resolved


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ((0, None, None), "k must be in 1 …"),
        ((-1, None, None), "k must be in 1 …"),
        ((10, 8, None), "ef must be >= k, got ef=8, k=10"),
        ((10, 0, None), "ef must be in 1 …"),
        ((10, 64, 9), "n_rerank must be in k … ef = 10 … 64, got n_rerank=9"),
        ((10, 64, 65), "n_rerank must be in k … ef = 10 … 64, got n_rerank=65"),
        ((10, 64, 0), "n_rerank must be in 1 …"),
        ((10, 64, None, 0.99), "horizon must be in 1 … 1000, got 0.99"),
        (
            (10, 64, None, 1.5, "inner_product"),
            "horizon must be None under inner_product, set ef instead, got horizon=1.5",
        ),
    ],
)
def test_search_values_out_of_range_are_named(
    asked: tuple[Any, ...], rule: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        SearchParams.resolve(*asked)
    assert rule in str(caught.value)


@pytest.mark.parametrize(
    "switches",
    [
        {"fill": False},
        {"rotate": False},
        {"weights": "published", "query": "symmetric"},
    ],
)
def test_lines_are_refused_where_codes_would_leave_them_empty(
    switches: dict[str, Any],
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"lines must be None .*got 3"):
        Encoding(lines=3, **switches)
