"""Sentences found by their meaning, in a vector store of LangChain, offline."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from langchain_core.embeddings import Embeddings

from quiver.datasets import load_demo
from quiver.integrations.langchain import QuiverVectorStore
from quiver.integrations.store import DocumentStore, field

demo = load_demo()
parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=len(demo.texts))
rows = parser.parse_args().rows


class DemoEmbeddings(Embeddings):
    """Stands for a model: it has the demo set by heart."""

    def __init__(self):
        self.known = dict(zip(demo.texts, demo.vectors.tolist(), strict=True))

    def embed_documents(self, texts):
        """Return the embeddings of documents."""
        return [self.known[text] for text in texts]

    def embed_query(self, text):
        """Return the embedding of a query."""
        return demo.queries[demo.query_texts.index(text)].tolist()


model, texts = DemoEmbeddings(), demo.texts[:rows]
words = [{"words": len(text.split())} for text in texts]
question = demo.query_texts[12]
with TemporaryDirectory() as folder:
    path = Path(folder) / "store"
    store = QuiverVectorStore.from_texts(texts, model, words)
    store.store.save(path)

    # From here on every change is on the disk when it is made.
    store = QuiverVectorStore(model, DocumentStore.open(path))
    print(f"{len(store.store)} documents")
    for where in (None, field("words") <= 5):
        print(f"\n{question}" + (", in few words" if where is not None else ""))
        found = store.similarity_search_with_score(question, k=3, filter=where)
        for document, distance in found:
            print(f"  {distance:.3f}  {document.page_content}")

    options = {"k": 3, "fetch_k": 30, "lambda_mult": 0.3}
    retriever = store.as_retriever(search_type="mmr", search_kwargs=options)
    print(f"\n{question}, and unlike each other")
    for document in retriever.invoke(question):
        print(f"         {document.page_content}")
