"""Noise beside two moons, told by the local outlier factor."""

from __future__ import annotations

import numpy as np
from picture import arguments, save_scatter
from sklearn.datasets import make_moons
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline

from quiver.integrations.sklearn import QuiverTransformer

rows, path = arguments(20_000)
moons, _ = make_moons(rows, noise=0.05, random_state=0)
noise = np.random.default_rng(0).uniform(-2, 3, size=(rows // 100, 2))
points = np.concatenate([moons, noise])

factor = LocalOutlierFactor(n_neighbors=40, metric="precomputed", contamination=0.01)
inside = make_pipeline(QuiverTransformer(n_neighbors=40), factor).fit_predict(points)

found = (inside[rows:] < 0).mean()
save_scatter(points, inside, f"LOF: {found:.0%} of the noise found (gray)", path)
