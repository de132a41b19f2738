"""A transformer of samples to their graph of neighbors, as scikit-learn has two."""

from __future__ import annotations

from typing import Any

from scipy.sparse import csr_matrix
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from quiver.integrations.sklearn.neighbors import QuiverNeighbors
from quiver.integrations.sklearn.parameters import MODES
from quiver.validation.checks import check_choice


class QuiverTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, QuiverNeighbors
):
    """Samples to a sparse graph of their neighbors, for whoever takes one.

    In place of `sklearn.neighbors.KNeighborsTransformer`, and with a ``radius`` in
    place of `sklearn.neighbors.RadiusNeighborsTransformer`.

    Parameters
    ----------
    mode : {'distance', 'connectivity'}, default 'distance'
        Whether entries are distances or ones. With distances every sample also is its
        own neighbor, so a row has ``n_neighbors + 1`` entries.
    n_neighbors : int, default 5
        Neighbors of a sample.
    radius : float, optional
        If given, neighbors are all samples within this distance instead.
    algorithm, metric, ef, n_jobs
        As for `QuiverNeighbors`.

    Examples
    --------
    >>> import numpy as np
    >>> from quiver.integrations.sklearn import QuiverTransformer
    >>> samples = np.array([[0.0, 0.0], [3.0, 4.0], [9.0, 12.0]])
    >>> QuiverTransformer(n_neighbors=1).fit_transform(samples).toarray()
    array([[ 0.,  5.,  0.],
           [ 5.,  0.,  0.],
           [ 0., 10.,  0.]])
    """

    def __init__(
        self,
        *,
        mode: str = "distance",
        n_neighbors: int = 5,
        radius: float | None = None,
        algorithm: str = "auto",
        metric: str = "minkowski",
        ef: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            n_neighbors=n_neighbors,
            radius=radius,  # type: ignore[arg-type]
            algorithm=algorithm,
            metric=metric,
            ef=ef,
            n_jobs=n_jobs,
        )
        self.mode = mode

    def fit(self, X: Any, y: Any = None) -> Any:
        """Keep the samples and make what finds them; see `QuiverNeighbors.fit`."""
        check_choice("mode", self.mode, MODES)
        super().fit(X, y)
        self._n_features_out = self.n_samples_fit_
        return self

    def transform(self, X: Any) -> csr_matrix:
        """Return the graph of neighbors of each sample among the fitted ones.

        Parameters
        ----------
        X : array_like of shape (n_queries, n_features)
            Samples, fitted ones or others.

        Returns
        -------
        csr_matrix of shape (n_queries, n_samples_fit), float64
            The entries of a row ascend by distance.
        """
        check_is_fitted(self)
        if self.radius is not None:
            return self.radius_neighbors_graph(X, mode=self.mode)
        k = self.n_neighbors + (self.mode == "distance")
        return self.kneighbors_graph(X, k, self.mode)
