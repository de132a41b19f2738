"""Clusters of digits by scikit-learn's HDBSCAN on a sparse graph of neighbors."""

from __future__ import annotations

from picture import arguments, save_scatter
from sklearn.cluster import HDBSCAN
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score

from quiver.integrations.sklearn import QuiverTransformer

rows, path = arguments(1797)
digits, labels = (array[:rows] for array in load_digits(return_X_y=True))

graph = QuiverTransformer(n_neighbors=50).fit_transform(digits)
graph = graph.maximum(graph.T)  # HDBSCAN wants the same distance both ways.
found = HDBSCAN(min_cluster_size=15, metric="precomputed", copy=True).fit_predict(graph)

clustered = found >= 0
score = adjusted_rand_score(labels[clustered], found[clustered])
points = TSNE(init="pca", random_state=0).fit_transform(digits)
title = f"HDBSCAN: {clustered.mean():.0%} clustered, Rand index {score:.2f} of those"
save_scatter(points, found, title, path)
