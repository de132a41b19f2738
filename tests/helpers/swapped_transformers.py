"""A plugin of pytest: our transformer in place of scikit-learn's, before any test."""

from __future__ import annotations

import sklearn.neighbors

from quiver.integrations.sklearn import QuiverTransformer

fitted = []


class KNeighborsTransformer(QuiverTransformer):
    def fit(self, X, y=None):
        fitted.append(type(self).__name__)
        return super().fit(X, y)


class RadiusNeighborsTransformer(KNeighborsTransformer):
    """With the default radius that scikit-learn's has."""

    def __init__(self, *, mode="distance", radius=1.0):
        super().__init__(mode=mode, radius=radius)


sklearn.neighbors.KNeighborsTransformer = KNeighborsTransformer
sklearn.neighbors.RadiusNeighborsTransformer = RadiusNeighborsTransformer


def pytest_terminal_summary(terminalreporter):
    """Say how often ours were fitted: a proof that they were."""
    for name in sorted({*fitted}):
        terminalreporter.write_line(f"{name} of quiver: {fitted.count(name)} fits")
