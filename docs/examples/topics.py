"""Topics of sentences: UMAP, HDBSCAN, and the words that each cluster is rich in.

The steps of BERTopic, on neighbors that quiver finds.
"""

from __future__ import annotations

import numpy as np
from picture import arguments, save_scatter
from sklearn.cluster import HDBSCAN
from sklearn.feature_extraction.text import CountVectorizer
from umap import UMAP

from quiver.datasets import load_demo
from quiver.integrations.sklearn import QuiverNeighbors


def leading_words(texts, topics, n_words=3):
    """Return the words of each topic by class-based tf-idf: all its texts are one."""
    joined = [
        " ".join(text for text, its in zip(texts, topics, strict=True) if its == topic)
        for topic in range(topics.max() + 1)
    ]
    counter = CountVectorizer(stop_words="english", token_pattern="[a-z]{3,}")
    counts = counter.fit_transform(joined).toarray()
    share = counts / counts.sum(axis=1, keepdims=True)
    weight = share * np.log(1 + counts.sum(axis=1).mean() / counts.sum(axis=0))
    best = np.argsort(-weight, axis=1, kind="stable")[:, :n_words]
    return [" ".join(row) for row in counter.get_feature_names_out()[best]]


rows, path = arguments(10_000)
demo = load_demo()
vectors, texts = demo.vectors[:rows], demo.texts[:rows]

neighbors = QuiverNeighbors(metric="cosine").fit(vectors)
distances, indices = neighbors.kneighbors(vectors, n_neighbors=15)
options = {"precomputed_knn": (indices, distances), "random_state": 0, "n_jobs": 1}
few = UMAP(15, n_components=5, min_dist=0.0, **options).fit_transform(vectors)
smallest = max(10, rows // 100)
topics = HDBSCAN(smallest, min_samples=5, copy=True).fit_predict(few)

words = leading_words(texts, topics)
sizes = np.bincount(topics[topics >= 0])
places = UMAP(15, **options).fit_transform(vectors)
named = {
    words[topic]: np.median(places[topics == topic], axis=0)
    for topic in np.argsort(-sizes, kind="stable")[:8]
}
title = f"{len(words)} topics of {(topics >= 0).mean():.0%} of {rows} sentences"
save_scatter(places, topics, title, path, named)
