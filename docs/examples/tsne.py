"""Handwritten digits by t-SNE, on a graph that quiver computes."""

from __future__ import annotations

from picture import arguments, save_scatter
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE, trustworthiness
from sklearn.pipeline import make_pipeline

from quiver.integrations.sklearn import QuiverTransformer

rows, path = arguments(1797)
digits, labels = (array[:rows] for array in load_digits(return_X_y=True))

neighbors = QuiverTransformer(n_neighbors=91, metric="sqeuclidean")  # 3 perplexity + 1
tsne = TSNE(metric="precomputed", init="random", perplexity=30, random_state=0)
points = make_pipeline(neighbors, tsne).fit_transform(digits)

kept = trustworthiness(digits, points)
save_scatter(points, labels, f"t-SNE of digits, trustworthiness {kept:.3f}", path)
