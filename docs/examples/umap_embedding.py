"""Sentence embeddings by UMAP, which takes neighbors that quiver has found."""

from __future__ import annotations

import umap
from picture import arguments, save_scatter
from sklearn.cluster import KMeans

from quiver.datasets import load_demo
from quiver.integrations.sklearn import QuiverNeighbors

rows, path = arguments(10_000)
vectors = load_demo().vectors[:rows]

neighbors = QuiverNeighbors(metric="cosine", n_jobs=-1).fit(vectors)
# Here every row is its own first neighbor, as UMAP expects it.
distances, indices = neighbors.kneighbors(vectors, n_neighbors=15)
reducer = umap.UMAP(n_neighbors=15, precomputed_knn=(indices, distances))
points = reducer.fit_transform(vectors)

topics = KMeans(12, random_state=0).fit_predict(vectors)
save_scatter(points, topics, "UMAP of sentences, colors by k-means on them", path)
