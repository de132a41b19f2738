"""Words: what people type for metrics, encodings and parameters, as quiver's own names.

Whoever comes from faiss, hnswlib, usearch, Annoy, pgvector or scikit-learn types their
words. Those that mean the same are taken; those that mean nearly the same are refused
with the difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from reprlib import repr as brief
from typing import Any, get_args

from quiver._typing import Metric
from quiver.errors import InvalidArgumentError, InvalidTypeError, did_you_mean
from quiver.params import BuildParams, Encoding, check_choice

METRIC_WORDS: dict[Metric, tuple[str, ...]] = {
    "cosine": ("cos", "angular", "cosinesimil", "cosine_distance"),
    "euclidean": ("l2", "euclid", "euclidean_distance"),
    "inner_product": (
        *("ip", "dot", "inner", "dot_product", "innerproduct", "dotproduct"),
        *("mips", "negdotprod", "max_inner_product"),
    ),
}
"""Other words for each metric, in small letters with underscores."""

_SQUARED = (
    *("l2sq", "l2sqr", "l2_sqr", "sql2", "l2_squared", "squared_l2"),
    *("sqeuclidean", "sqeuclid", "squared_euclidean", "euclidean_squared"),
)

ENCODINGS = {
    "default": Encoding(),
    "paper": Encoding.paper(),
    # What a diagnosis may replace by its own choice.
    "auto": Encoding(),
}
"""The encodings that have a name."""

_ELSEWHERE = {
    **dict.fromkeys(("M", "m", "connectivity"), "max_degree (2 M in HNSW's terms)"),
    **dict.fromkeys(("R", "graph_degree", "n_neighbors"), "max_degree"),
    **dict.fromkeys(("L", "ef_c", "efc", "efConstruction"), "ef_construction"),
    **dict.fromkeys(("expansion_add", "window_size", "complexity"), "ef_construction"),
    **dict.fromkeys(("space", "distance", "metric_type", "distance_metric"), "metric"),
    **dict.fromkeys(("n_jobs", "num_threads", "n_threads", "workers"), "threads"),
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
    **dict.fromkeys(("keys", "labels", "names"), "ids, and result.take(names)"),
}
"""Parameters of other libraries, by the words a message has for them."""


def check_metric(metric: Any) -> Metric:
    """Return the metric that a word means.

    Parameters
    ----------
    metric : str
        One of the three names or of ``METRIC_WORDS``, in any spelling of letters.

    Returns
    -------
    {'cosine', 'euclidean', 'inner_product'}

    Raises
    ------
    InvalidArgumentError
        If it means none of them; squared distances are not offered.

    Examples
    --------
    >>> check_metric("L2")
    'euclidean'
    """
    word = metric
    if isinstance(metric, str):
        word = re.sub(r"[\s-]+", "_", metric.strip().lower()).removeprefix("metric_")
    if word in _SQUARED:
        msg = (
            f"metric must be one of {', '.join(get_args(Metric))}, got {metric!r}: "
            "quiver returns Euclidean distances, not their squares; the order is the "
            "same, so take 'euclidean' and result.distances**2"
        )
        raise InvalidArgumentError(msg)
    for name, words in METRIC_WORDS.items():
        if word == name or word in words:
            return name
    check_choice("metric", metric, get_args(Metric))
    return metric


def as_encoding(encoding: Any) -> Encoding:
    """Return an encoding given as one, by name, or by default as None.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If it is none of these.
    """
    if encoding is None or isinstance(encoding, Encoding):
        return encoding or Encoding()
    if not isinstance(encoding, str):
        known = ", ".join(ENCODINGS)
        msg = f"encoding must be an Encoding or one of {known}, got {brief(encoding)}"
        raise InvalidTypeError(msg)
    check_choice("encoding", encoding, tuple(ENCODINGS))
    return ENCODINGS[encoding]


def as_params(
    params: Any, shortcuts: dict[str, Any], keywords: Iterable[str]
) -> BuildParams:
    """Return the parameters of a build, given whole or as fields of `BuildParams`.

    Parameters
    ----------
    params : BuildParams or None
        Given whole.
    shortcuts : dict
        Fields by name, as a caller typed them.
    keywords : iterable of str
        The other parameters of the build, for what a misspelt one may have meant.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If there is both, a name is unknown, or a value breaks its rule.
    """
    names = [field.name for field in fields(BuildParams)]
    for name in shortcuts.keys() - {*names}:
        hint = did_you_mean(name, [*names, *keywords])
        if name in _ELSEWHERE:
            hint = f"; here it is {_ELSEWHERE[name]}"
        msg = f"build has no parameter {name!r}{hint}"
        raise InvalidTypeError(msg)
    if params is None:
        return BuildParams(**shortcuts)
    if not isinstance(params, BuildParams):
        remedy = "spread a dict: build(vectors, **params)"
        msg = f"params must be a BuildParams, got {brief(params)}; {remedy}"
        raise InvalidTypeError(msg)
    if shortcuts:
        both = ", ".join(shortcuts)
        msg = f"params must be None where its fields are given, got it and {both}"
        raise InvalidArgumentError(msg)
    return params
