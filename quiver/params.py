"""Parameters: every range check of a number lives here.

Source: the paper's parameters m, ef_c and alpha (QuIVer, arXiv 2605.02171, Tables
5-9) under the glossary's names; the choice of defaults is in ``docs/parameters.md``.
"""

from __future__ import annotations

import math
import numbers
import operator
from dataclasses import dataclass
from reprlib import repr as brief
from typing import Any, Literal, get_args

from quiver._typing import Metric, PruneRule
from quiver.errors import InvalidArgumentError, InvalidTypeError, did_you_mean

MIN_DEGREE, MAX_DEGREE = 2, 512
MAX_DIM = 65_536
MAX_ROWS = 2**32 - 2
DEFAULT_EF = 64
RERANK_FLOOR = 64
"""A beam up to this wide is re-ranked whole. SIFT, 128-d, 100 000 rows, ef = 64:
recall@10 is 95.9 % when 32 are re-ranked and 98.1 % when all are."""

Weights = Literal["corrected", "published"]
QueryForm = Literal["asymmetric", "symmetric"]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How vectors and queries become codes.

    Parameters
    ----------
    center : bool, default True
        Subtract the mean of the base before coding.
    rotate : bool, default True
        Rotate by seeded sign flips and Hadamard transforms before coding.
    weights : {'corrected', 'published'}, default 'corrected'
        ``corrected``: a constant third of strong coordinates, values ±1 and ±3, and
        a correction per vector. ``published``: the paper's strong rule and values ±1
        and ±2, no correction.
    query : {'asymmetric', 'symmetric'}, default 'asymmetric'
        Queries at 8 bits per dimension, or coded like the base. ``published``
        weights allow only ``symmetric``.

    Raises
    ------
    InvalidArgumentError
        If a value is not among those listed, or the two do not go together.

    Examples
    --------
    >>> Encoding.paper()
    Encoding(center=False, rotate=False, weights='published', query='symmetric')
    """

    center: bool = True
    rotate: bool = True
    weights: Weights = "corrected"
    query: QueryForm = "asymmetric"

    def __post_init__(self) -> None:
        """Check every field."""
        check_flag("center", self.center)
        check_flag("rotate", self.rotate)
        check_choice("weights", self.weights, get_args(Weights))
        check_choice("query", self.query, get_args(QueryForm))
        if self.weights == "published" and self.query != "symmetric":
            msg = (
                "query must be 'symmetric' when weights is 'published', "
                f"got {self.query!r}"
            )
            raise InvalidArgumentError(msg)

    @classmethod
    def paper(cls) -> Encoding:
        """Return the published encoding, for auditing QuIVer number by number."""
        return cls(center=False, rotate=False, weights="published", query="symmetric")

    @property
    def strong(self) -> int:
        """Value of a strong coordinate: 3, or the paper's 2."""
        return 3 if self.weights == "corrected" else 2


@dataclass(frozen=True, kw_only=True)
class BuildParams:
    """Shape of the graph.

    Parameters
    ----------
    max_degree : int, default 32
        Out-degree bound R, 2 … 512.
    ef_construction : int, default 96
        Beam width while building, >= 1.
    alpha : float, default 1.1
        Pruning slack on squared distances, >= 1; larger keeps longer edges.
    prune_rule : {'auto', 'vamana', 'published'}, default 'auto'
        ``auto`` follows the encoding: ``published`` with published weights.
    seed : int, default 0
        Seeds the insertion order and the rotation, 0 … 2**63 - 1.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If a value is out of range or no number.
    """

    max_degree: int = 32
    ef_construction: int = 96
    alpha: float = 1.1
    prune_rule: Literal["auto"] | PruneRule = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field and normalise the numbers to plain Python ones."""
        degree = check_int("max_degree", self.max_degree, MIN_DEGREE, MAX_DEGREE)
        ef = check_int("ef_construction", self.ef_construction, 1, MAX_ROWS)
        object.__setattr__(self, "max_degree", degree)
        object.__setattr__(self, "ef_construction", ef)
        object.__setattr__(self, "alpha", _check_alpha(self.alpha))
        object.__setattr__(self, "seed", check_int("seed", self.seed, 0, 2**63 - 1))
        check_choice("prune_rule", self.prune_rule, ("auto", *get_args(PruneRule)))

    def rule_for(self, encoding: Encoding) -> PruneRule:
        """Return the pruning rule, with ``auto`` resolved by the encoding."""
        if self.prune_rule != "auto":
            return self.prune_rule
        return "published" if encoding.weights == "published" else "vamana"


@dataclass(frozen=True, kw_only=True)
class SearchParams:
    """Effort of one search, with the defaults resolved.

    Parameters
    ----------
    k : int
        Neighbours wanted, >= 1.
    ef : int or None
        Beam width, >= k. None: 64, or 2k if that is more.
    n_rerank : int or None
        How many of the beam are ordered exactly, k … ef. None: all of the beam up
        to 64, then ``max(64, ef / 2, 3k)``.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If a value is out of range or no integer.
    """

    k: int
    ef: int
    n_rerank: int

    @classmethod
    def resolve(cls, k: int, ef: int | None, n_rerank: int | None) -> SearchParams:
        """Check the caller's values and fill in the defaults."""
        k = check_int("k", k, 1, MAX_ROWS)
        ef = max(DEFAULT_EF, 2 * k) if ef is None else check_int("ef", ef, 1, MAX_ROWS)
        if ef < k:
            msg = f"ef must be >= k, got ef={ef}, k={k}"
            raise InvalidArgumentError(msg)
        if n_rerank is None:
            n_rerank = min(ef, max(RERANK_FLOOR, ef // 2, 3 * k))
        n_rerank = check_int("n_rerank", n_rerank, 1, MAX_ROWS)
        if not k <= n_rerank <= ef:
            msg = f"n_rerank must be in k … ef = {k} … {ef}, got n_rerank={n_rerank}"
            raise InvalidArgumentError(msg)
        return cls(k=k, ef=ef, n_rerank=n_rerank)


def check_int(name: str, value: Any, low: int, high: int) -> int:
    """Return ``value`` as an int within ``low … high`` or raise a typed error."""
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


def goes_together(metric: Metric, encoding: Encoding) -> bool:
    """Return whether an encoding's codes can be searched by a metric."""
    is_symmetric = encoding.query == "symmetric" and encoding.weights == "corrected"
    return not (metric == "inner_product" and is_symmetric)


def check_goes_together(metric: Metric, encoding: Encoding) -> None:
    """Raise if an encoding's codes cannot be searched by a metric."""
    if not goes_together(metric, encoding):
        msg = (
            "encoding must have query='asymmetric' with corrected weights and metric "
            f"'inner_product', got {encoding!r}"
        )
        raise InvalidArgumentError(msg)


def _check_alpha(value: Any) -> float:
    alpha = _as_float("alpha", value)
    if not (math.isfinite(alpha) and 1.0 <= alpha <= 100.0):
        msg = f"alpha must be in 1 … 100, got {alpha}"
        raise InvalidArgumentError(msg)
    return alpha


def _as_float(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        msg = f"{name} must be a number, got {brief(value)} of {type(value).__name__}"
        raise InvalidTypeError(msg)
    return float(value)
