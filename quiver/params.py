"""Parameters: how vectors are coded, how a graph is built, how hard a search tries.

Source: the paper's parameters m, ef_c and alpha (QuIVer, arXiv 2605.02171, Tables
5-9) under the glossary's names; the choice of defaults is in ``docs/parameters.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from reprlib import repr as brief
from typing import Any, Literal, NamedTuple, get_args

from quiver._typing import Bits, Metric, PruneRule, Weights
from quiver.errors import InvalidArgumentError, InvalidTypeError, did_you_mean
from quiver.reference.codes import capacity, least_lines
from quiver.reference.horizon import Horizon
from quiver.validation.checks import (
    MAX_DEGREE,
    MAX_DIM,
    MAX_ROWS,
    MIN_DEGREE,
    check_choice,
    check_flag,
    check_int,
    check_real,
)

MAX_LINES = least_lines(MAX_DIM, 8)
DEFAULT_EF = 64
MAX_HORIZON = 1000.0
ALPHAS: dict[PruneRule, float] = {"vamana": 1.1, "strict_first": 1.2, "published": 1.1}
"""``alpha`` by rule, where neither a caller nor the data say."""

AIMS = ((0.95, 32, 96), (0.99, 64, 128), (1.0, 64, 192))
"""``max_degree`` and ``ef_construction`` by the largest recall that they are for."""

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
        Queries at 8 bits per coordinate, or coded like the base. ``published``
        weights allow only ``symmetric``.
    bits : {2, 4, 8}, default 2
        Bits per coordinate. Each further one halves the error of a distance;
        ``published`` weights have 2.
    lines : int, optional
        Cache lines of 64 bytes per row; default the fewest that hold a vector.
        Only for codes that fill them.
    fill : bool, default True
        Spread a vector over all the coordinates that its lines hold. False codes as
        many as it has; so do codes that are not rotated, and ``published`` ones.

    Raises
    ------
    InvalidArgumentError
        If a value is not among those listed, or the two do not go together.

    Examples
    --------
    >>> Encoding.paper()
    Encoding(center=False, rotate=False, weights='published', query='symmetric', \
bits=2, lines=None, fill=False)
    >>> Encoding().coded_dim(384), Encoding(bits=8).coded_dim(384)
    (480, 440)
    """

    center: bool = True
    rotate: bool = True
    weights: Weights = "corrected"
    query: QueryForm = "asymmetric"
    bits: Bits = 2
    lines: int | None = None
    fill: bool = True

    def __post_init__(self) -> None:
        """Check every field."""
        check_flag("center", self.center)
        check_flag("rotate", self.rotate)
        check_choice("weights", self.weights, get_args(Weights))
        check_choice("query", self.query, get_args(QueryForm))
        check_flag("fill", self.fill)
        if check_int("bits", self.bits, 2, 8) not in get_args(Bits):
            msg = f"bits must be 2, 4 or 8, got {self.bits}"
            raise InvalidArgumentError(msg)
        if self.lines is not None:
            check_int("lines", self.lines, 1, MAX_LINES)
            # Coordinates that are not spread fill the fewest lines only.
            if not self._is_spread:
                msg = (
                    "lines must be None unless vectors are spread over them (fill and "
                    f"rotate, corrected weights), got {self.lines}"
                )
                raise InvalidArgumentError(msg)
        if self.weights == "published" and self.query != "symmetric":
            msg = (
                "query must be 'symmetric' when weights is 'published', "
                f"got {self.query!r}"
            )
            raise InvalidArgumentError(msg)
        if self.weights == "published" and self.bits != 2:
            msg = f"bits must be 2 when weights is 'published', got {self.bits}"
            raise InvalidArgumentError(msg)

    @classmethod
    def paper(cls) -> Encoding:
        """Return the published encoding, for auditing QuIVer number by number."""
        return cls(
            center=False,
            rotate=False,
            weights="published",
            query="symmetric",
            fill=False,
        )

    def coded_dim(self, dim: int) -> int:
        """Return how many coordinates of a vector of ``dim`` are coded.

        Raises
        ------
        InvalidArgumentError
            If the lines cannot hold that many.
        """
        lines = self.row_lines(dim)
        return capacity(lines, self.bits) if self._is_spread else dim

    @property
    def _is_spread(self) -> bool:
        return self.fill and self.rotate and self.weights == "corrected"

    def row_lines(self, dim: int) -> int:
        """Return the cache lines of a row; errors are those of `coded_dim`."""
        least = least_lines(dim, self.bits)
        if self.lines is not None and self.lines < least:
            msg = (
                f"lines must be >= {least} to hold {dim} coordinates of {self.bits} "
                f"bits, got {self.lines}"
            )
            raise InvalidArgumentError(msg)
        return self.lines or least


@dataclass(frozen=True, kw_only=True)
class BuildParams:
    """Shape of the graph.

    Parameters
    ----------
    max_degree : int, default 32
        Out-degree bound R, 2 … 512.
    ef_construction : int, default 96
        Beam width while building, >= 1.
    alpha : float, optional
        Pruning slack on squared distances, >= 1; larger keeps more edges. By default
        the data decide, see `quiver.diagnosis.slack`; an index has the number.
    beta : float, default 0.7
        A row covers only those at most ``1 / beta`` times as far from the centre
        (squared), 0 … 1; 0 lets every row cover all. Not for ``published``.
    prune_rule : {'auto', 'vamana', 'strict_first', 'published'}, default 'auto'
        ``auto``: ``published`` with published weights, ``vamana`` under inner product,
        else ``strict_first``.
    seed : int, default 0
        Seeds the insertion order and the rotation, 0 … 2**63 - 1.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If a value is out of range or no number.
    """

    max_degree: int = 32
    ef_construction: int = 96
    alpha: float | None = None
    beta: float = 0.7
    prune_rule: Literal["auto"] | PruneRule = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field and normalise the numbers to plain Python ones."""
        degree = check_int("max_degree", self.max_degree, MIN_DEGREE, MAX_DEGREE)
        ef = check_int("ef_construction", self.ef_construction, 1, MAX_ROWS)
        object.__setattr__(self, "max_degree", degree)
        object.__setattr__(self, "ef_construction", ef)
        if self.alpha is not None:
            alpha = check_real("alpha", self.alpha, 1.0, 100.0)
            object.__setattr__(self, "alpha", alpha)
        object.__setattr__(self, "beta", check_real("beta", self.beta, 0.0, 1.0))
        object.__setattr__(self, "seed", check_int("seed", self.seed, 0, 2**63 - 1))
        check_choice("prune_rule", self.prune_rule, ("auto", *get_args(PruneRule)))

    @classmethod
    def for_recall(cls, recall: float) -> BuildParams:
        """Return the shape to give a graph that is asked for a recall@10.

        Parameters
        ----------
        recall : float
            Above 0, up to 1. Up to 0.95 the default will do; more takes more edges a
            row, and a wider beam to find them.

        Raises
        ------
        InvalidArgumentError, InvalidTypeError
            If it is out of range or no number.

        Examples
        --------
        >>> BuildParams.for_recall(0.95) == BuildParams()
        True
        >>> BuildParams.for_recall(0.99).max_degree
        64
        """
        recall = check_real("recall", recall, 0.0, 1.0)
        degree, ef = next(shape for most, *shape in AIMS if recall <= most)
        return cls(max_degree=degree, ef_construction=ef)

    def slack(self, rule: PruneRule) -> float:
        """Return ``alpha``, that of the rule where none is given or chosen."""
        return ALPHAS[rule] if self.alpha is None else self.alpha

    def settled(self, encoding: Encoding, metric: Metric) -> BuildParams:
        """Return these with an ``alpha``, as an index keeps them."""
        return replace(self, alpha=self.slack(self.rule_for(encoding, metric)))

    def rule_for(self, encoding: Encoding, metric: Metric) -> PruneRule:
        """Return the pruning rule, with ``auto`` resolved by encoding and metric."""
        if self.prune_rule != "auto":
            return self.prune_rule
        if encoding.weights == "published":
            return "published"
        # Between long rows and short ones strict edges are too few.
        return "vamana" if metric == "inner_product" else "strict_first"


class SearchParams(NamedTuple):
    """Effort of one search, with the defaults resolved.

    Parameters
    ----------
    k : int
        Neighbours wanted, >= 1.
    ef : int or None
        Beam width, >= k. None: 64, or 2k if that is more.
    n_rerank : int or None
        How many of the beam are ordered exactly, k … ef. None: as many as can
        matter, see `quiver.reference.bounds`. Under inner product long entry points
        are besides, see `quiver.candidates`.
    horizon : float or None
        A walk ends where what is left is so many times as far as the k-th found, 1 …
        1000. None: by ``ef`` alone. Not under inner product, which has no distances.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If a value is out of range or no number, or goes not with the metric.
    """

    k: int
    ef: int
    n_rerank: int | None
    horizon: float | None = None

    @classmethod
    def resolve(
        cls,
        k: int,
        ef: int | None,
        n_rerank: int | None,
        horizon: float | None = None,
        metric: Metric = "cosine",
    ) -> SearchParams:
        """Check the caller's values and fill in the defaults."""
        k = check_int("k", k, 1, MAX_ROWS)
        ef = max(DEFAULT_EF, 2 * k) if ef is None else check_int("ef", ef, 1, MAX_ROWS)
        if ef < k:
            msg = f"ef must be >= k, got ef={ef}, k={k}"
            raise InvalidArgumentError(msg)
        if n_rerank is not None:
            n_rerank = check_int("n_rerank", n_rerank, 1, MAX_ROWS)
            if not k <= n_rerank <= ef:
                rule = f"n_rerank must be in k … ef = {k} … {ef}"
                msg = f"{rule}, got n_rerank={n_rerank}"
                raise InvalidArgumentError(msg)
        if horizon is not None:
            horizon = check_real("horizon", horizon, 1.0, MAX_HORIZON)
            if metric == "inner_product":
                rule = "horizon must be None under inner_product, set ef instead"
                msg = f"{rule}, got horizon={horizon:g}"
                raise InvalidArgumentError(msg)
        return cls(k, ef, n_rerank, horizon)

    @property
    def walk_horizon(self) -> Horizon | None:
        """What ends walks besides ``ef``, in code distances, which are squared."""
        if self.horizon is None:
            return None
        return Horizon(self.k, self.horizon * self.horizon)


def wider(max_degree: int) -> int:
    """Return how long a list may get before it is pruned again: by 0.3 R."""
    return max_degree * 13 // 10


def narrowest(dim: int) -> Encoding:
    """Return the encoding of the fewest lines, with the most bits that these hold.

    A line is paid for whole. Where more bits fit beside each other, they rank better
    than more coordinates of two bits would.
    """
    least = least_lines(dim, 2)
    fitting = [bits for bits in get_args(Bits) if least_lines(dim, bits) == least]
    return Encoding(bits=fitting[-1])


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
    params: Any,
    shortcuts: dict[str, Any],
    keywords: Iterable[str],
    recall: float | None = None,
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
    recall : float, optional
        Decides what is not given, see `BuildParams.for_recall`.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If they are given twice, a name is unknown, or a value breaks its rule.
    """
    names = [field.name for field in fields(BuildParams)]
    for name in shortcuts.keys() - {*names}:
        hint = did_you_mean(name, [*names, *keywords])
        if name in _ELSEWHERE:
            hint = f"; here it is {_ELSEWHERE[name]}"
        msg = f"build has no parameter {name!r}{hint}"
        raise InvalidTypeError(msg)
    if params is None:
        aimed = BuildParams() if recall is None else BuildParams.for_recall(recall)
        return replace(aimed, **shortcuts)
    if not isinstance(params, BuildParams):
        remedy = "spread a dict: build(vectors, **params)"
        msg = f"params must be a BuildParams, got {brief(params)}; {remedy}"
        raise InvalidTypeError(msg)
    if recall is not None:
        shortcuts = {**shortcuts, "recall": recall}
    if shortcuts:
        both = ", ".join(shortcuts)
        msg = f"params must be None where its fields are given, got it and {both}"
        raise InvalidArgumentError(msg)
    return params
