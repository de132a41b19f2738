"""Neighbors of samples in the words of scikit-learn's own estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import effective_n_jobs
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from quiver.integrations.sklearn.near import Near
from quiver.integrations.sklearn.neighborhood import Neighborhood
from quiver.integrations.sklearn.parameters import (
    METRICS,
    MODES,
    check_n_neighbors,
    check_parameters,
    check_radius,
)
from quiver.integrations.sklearn.proposing import Effort
from quiver.validation.checks import check_choice


class QuiverNeighbors(BaseEstimator):
    """Neighbors of samples: `sklearn.neighbors.NearestNeighbors` over quiver.

    Parameters
    ----------
    n_neighbors : int, default 5
        Neighbors that `kneighbors` returns by default.
    radius : float, default 1.0
        Distance within which `radius_neighbors` looks by default.
    algorithm : {'auto', 'exact', 'graph'}, default 'auto'
        ``auto`` is exact up to 8 192 samples or 8 features, and walks a graph over
        codes beyond; ``exact`` and ``graph`` always do the one or the other.
    metric : str, default 'minkowski'
        ``euclidean``, also called ``l2`` and ``minkowski`` (p = 2); ``sqeuclidean``;
        or ``cosine``, under which a zero vector is at 1 from everything.
    ef : int, optional
        Beam width of a walk, as for `quiver.Index.search`; more finds more.
    n_jobs : int, optional
        Threads, as joblib counts them: None is 1, -1 all. The answers do not depend
        on it.

    Attributes
    ----------
    n_features_in_ : int
        Features of the samples.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where all are strings.
    n_samples_fit_ : int
        Samples that were fitted.
    effective_metric_ : {'euclidean', 'sqeuclidean', 'cosine'}
        What ``metric`` means.

    Examples
    --------
    >>> import numpy as np
    >>> from quiver.integrations.sklearn import QuiverNeighbors
    >>> samples = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
    >>> neighbors = QuiverNeighbors(n_neighbors=2).fit(samples)
    >>> neighbors.kneighbors([[0.0, 0.0]])
    (array([[0., 5.]]), array([[0, 1]]))
    """

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        radius: float = 1.0,
        algorithm: str = "auto",
        metric: str = "minkowski",
        ef: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.algorithm = algorithm
        self.metric = metric
        self.ef = ef
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: ARG002
        """Keep the samples and make what finds them.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples; float32 and float64 are kept, all else becomes float64.
        y : object
            Not used.

        Returns
        -------
        QuiverNeighbors
            This one.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the samples break a rule; sparse ones do.
        """
        check_parameters(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C", copy=True)
        self.effective_metric_ = METRICS[self.metric]
        self._neighborhood = Neighborhood(
            X, self.effective_metric_, self.algorithm, self._effort()
        )
        self.n_samples_fit_ = len(X)
        return self

    def kneighbors(
        self,
        X: Any = None,
        n_neighbors: int | None = None,
        return_distance: bool = True,
    ) -> Any:
        """Return the nearest fitted samples of each sample.

        Parameters
        ----------
        X : array_like of shape (n_queries, n_features), optional
            Default: the fitted samples, of which none is its own neighbor; but a copy
            of it may be.
        n_neighbors : int, optional
            Default: the parameter.
        return_distance : bool, default True
            Whether to return distances as well.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors), float64
            Ascending; only if asked for.
        indices : ndarray of shape (n_queries, n_neighbors), int64
            Numbers of fitted samples, equally near ones in ascending order.

        Raises
        ------
        ValueError, TypeError
            If an argument breaks a rule.
        """
        near = self._nearest(
            X, self.n_neighbors if n_neighbors is None else n_neighbors
        )
        shape = len(near.counts), -1
        indices = near.rows.reshape(shape)
        return (near.distances.reshape(shape), indices) if return_distance else indices

    def kneighbors_graph(
        self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity"
    ) -> csr_matrix:
        """Return what `kneighbors` does as a sparse matrix.

        Parameters
        ----------
        X, n_neighbors : optional
            As for `kneighbors`.
        mode : {'connectivity', 'distance'}
            Whether entries are ones or distances.

        Returns
        -------
        csr_matrix of shape (n_queries, n_samples_fit), float64
            The entries of a row ascend by distance.
        """
        check_choice("mode", mode, MODES)
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        return self._nearest(X, k).graph(self.n_samples_fit_, mode)

    def radius_neighbors(
        self,
        X: Any = None,
        radius: float | None = None,
        return_distance: bool = True,
        sort_results: bool = True,  # noqa: ARG002
    ) -> Any:
        """Return all fitted samples within a distance of each sample.

        Parameters
        ----------
        X : array_like of shape (n_queries, n_features), optional
            As for `kneighbors`.
        radius : float, optional
            The largest distance, in terms of the metric. Default: the parameter.
        return_distance : bool, default True
            Whether to return distances as well.
        sort_results : bool
            Not used: they are sorted.

        Returns
        -------
        distances : ndarray of shape (n_queries,), object
            Of float64 arrays, ascending; only if asked for.
        indices : ndarray of shape (n_queries,), object
            Of int64 arrays.
        """
        distances, indices = self._within(X, radius).lists()
        return (distances, indices) if return_distance else indices

    def radius_neighbors_graph(
        self,
        X: Any = None,
        radius: float | None = None,
        mode: str = "connectivity",
        sort_results: bool = True,  # noqa: ARG002
    ) -> csr_matrix:
        """Return what `radius_neighbors` does as `kneighbors_graph` does.

        Parameters
        ----------
        X, radius, sort_results : optional
            As for `radius_neighbors`.
        mode : {'connectivity', 'distance'}
            As for `kneighbors_graph`.

        Returns
        -------
        csr_matrix of shape (n_queries, n_samples_fit), float64
        """
        check_choice("mode", mode, MODES)
        return self._within(X, radius).graph(self.n_samples_fit_, mode)

    def _effort(self) -> Effort:
        return Effort(self.ef, effective_n_jobs(self.n_jobs))

    def _queries(self, X: Any) -> Any:
        check_is_fitted(self)
        if X is None:
            return None
        return validate_data(
            self, X, dtype=[np.float64, np.float32], order="C", reset=False
        )

    def _nearest(self, X: Any, n_neighbors: int) -> Near:
        queries = self._queries(X)
        k = check_n_neighbors(n_neighbors, self.n_samples_fit_, queries)
        return self._neighborhood.nearest(queries, k, self._effort())

    def _within(self, X: Any, radius: float | None) -> Near:
        queries = self._queries(X)
        reach = check_radius(self.radius if radius is None else radius)
        return self._neighborhood.within(queries, reach, self._effort())
