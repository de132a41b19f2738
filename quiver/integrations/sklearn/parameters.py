"""Parameters of the estimators: the words there are, and their checks."""

from __future__ import annotations

from typing import Any

import numpy as np

from quiver.errors import InvalidArgumentError
from quiver.integrations.sklearn.neighborhood import ALGORITHMS, Metric
from quiver.validation.checks import MAX_ROWS, check_choice, check_int, check_real

METRICS: dict[str, Metric] = {
    "minkowski": "euclidean",
    "euclidean": "euclidean",
    "l2": "euclidean",
    "sqeuclidean": "sqeuclidean",
    "cosine": "cosine",
}
"""Words for a metric and what they mean; ``minkowski`` is that of p = 2."""

MODES = ("connectivity", "distance")


def check_parameters(estimator: Any) -> None:
    """Raise unless every parameter of a `QuiverNeighbors` keeps its rule."""
    check_int("n_neighbors", estimator.n_neighbors, 1, MAX_ROWS)
    if estimator.radius is not None:
        check_radius(estimator.radius)
    check_choice("algorithm", estimator.algorithm, ALGORITHMS)
    check_choice("metric", estimator.metric, tuple(METRICS))
    if estimator.ef is not None:
        check_int("ef", estimator.ef, 1, MAX_ROWS)


def check_radius(radius: Any) -> float:
    """Return a radius as a float or raise a typed error."""
    return check_real("radius", radius, 0.0, float(np.finfo(np.float32).max))


def check_n_neighbors(n_neighbors: Any, n_fitted: int, queries: Any) -> int:
    """Return how many neighbors to find; queries are None where rows ask themselves.

    The error has scikit-learn's words, which its users and their tests know.
    """
    k = check_int("n_neighbors", n_neighbors, 1, MAX_ROWS)
    own = queries is None
    if k > n_fitted - own:
        msg = (
            f"Expected n_neighbors {'<' if own else '<='} n_samples_fit, but "
            f"n_neighbors = {k}, n_samples_fit = {n_fitted}, "
            f"n_samples = {n_fitted if own else len(queries)}"
        )
        raise InvalidArgumentError(msg)
    return k
