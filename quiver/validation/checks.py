"""Checks of single values: numbers in their range, flags, words among those known.

Whoever comes from faiss, hnswlib, usearch, Annoy, pgvector or scikit-learn types their
words for a metric. Those that mean the same are taken; those that mean nearly the same
are refused with the difference.
"""

from __future__ import annotations

import numbers
import operator
import re
from collections.abc import Sequence
from reprlib import repr as brief
from typing import Any, get_args

from quiver._typing import Metric
from quiver.errors import InvalidArgumentError, InvalidTypeError, did_you_mean

MIN_DEGREE, MAX_DEGREE = 2, 512
MAX_DIM = 65_536
MAX_ROWS = 2**32 - 2

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


def check_int(name: str, value: Any, low: int, high: int) -> int:
    """Return ``value`` as an int within ``low … high`` or raise a typed error."""
    if type(value) is int and low <= value <= high:
        return value
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        msg = f"{name} must be an integer, got {brief(value)} of {type(value).__name__}"
        raise InvalidTypeError(msg)
    if not low <= number <= high:
        msg = f"{name} must be in {low} … {high}, got {number}"
        raise InvalidArgumentError(msg)
    return number


def check_share(name: str, value: Any) -> float:
    """Return ``value`` as a float strictly inside 0 … 1 or raise a typed error."""
    share = _as_float(name, value)
    if not 0.0 < share < 1.0:
        msg = f"{name} must be inside 0 … 1, got {share}"
        raise InvalidArgumentError(msg)
    return share


def check_real(name: str, value: Any, low: float, high: float) -> float:
    """Return ``value`` as a float within ``low … high`` or raise a typed error."""
    number = _as_float(name, value)
    if not low <= number <= high:
        msg = f"{name} must be in {low:g} … {high:g}, got {number}"
        raise InvalidArgumentError(msg)
    return number


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise unless ``value`` is one of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        hint = did_you_mean(value, allowed)
        msg = f"{name} must be one of {', '.join(allowed)}, got {value!r}{hint}"
        raise InvalidArgumentError(msg)


def check_flag(name: str, value: Any) -> None:
    """Raise unless ``value`` is a bool."""
    if not isinstance(value, bool):
        msg = f"{name} must be True or False, got {value!r}"
        raise InvalidTypeError(msg)


def unequal_rows(
    name: str, lengths: Sequence[int], rows: Sequence[int]
) -> InvalidTypeError:
    """Return the error of two rows that differ in length."""
    msg = (
        f"{name} must have rows of equal length, got {lengths[0]} numbers in row "
        f"{rows[0]} and {lengths[1]} in row {rows[1]}"
    )
    return InvalidTypeError(msg)


def _as_float(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        msg = f"{name} must be a number, got {brief(value)} of {type(value).__name__}"
        raise InvalidTypeError(msg)
    return float(value)
