"""Sentences found by their meaning, in a pipeline of Haystack, offline."""

from __future__ import annotations

import argparse
from tempfile import TemporaryDirectory

from haystack import Document, Pipeline, component
from haystack.document_stores.types import DuplicatePolicy

from quiver.datasets import load_demo
from quiver.integrations.haystack import QuiverDocumentStore, QuiverEmbeddingRetriever

demo = load_demo()
parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=len(demo.texts))
rows = parser.parse_args().rows


@component
class DemoEmbedder:
    """Stands for a model: it has the queries of the demo set by heart."""

    @component.output_types(embedding=list[float])
    def run(self, text: str):
        """Return the embedding of a text."""
        return {"embedding": demo.queries[demo.query_texts.index(text)].tolist()}


documents = [
    Document(content=text, meta={"words": len(text.split())}, embedding=vector)
    for text, vector in zip(demo.texts[:rows], demo.vectors, strict=False)
]
question = demo.query_texts[12]
with TemporaryDirectory() as folder:
    store = QuiverDocumentStore(folder)
    written = store.write_documents(documents, DuplicatePolicy.SKIP)
    print(f"{written} documents")

    pipeline = Pipeline()
    pipeline.add_component("embedder", DemoEmbedder())
    pipeline.add_component("retriever", QuiverEmbeddingRetriever(store, top_k=3))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")

    for filters in (None, {"field": "meta.words", "operator": "<=", "value": 5}):
        asked = {"embedder": {"text": question}, "retriever": {"filters": filters}}
        print(f"\n{question}" + (", in few words" if filters else ""))
        for found in pipeline.run(asked)["retriever"]["documents"]:
            print(f"  {found.score:.3f}  {found.content}")

    # Whatever was written is in the folder, without being saved.
    del store, pipeline
    print(f"\n{QuiverDocumentStore(folder).count_documents()} documents later on")
