"""Sentences found by their meaning, in an index of LlamaIndex, offline."""

from __future__ import annotations

import argparse
from tempfile import TemporaryDirectory

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from quiver.datasets import load_demo
from quiver.integrations.llamaindex import QuiverVectorStore

demo = load_demo()
parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=len(demo.texts))
rows = parser.parse_args().rows


class DemoEmbedding(BaseEmbedding):
    """Stands for a model: it has the demo set by heart."""

    def _get_query_embedding(self, query):
        return demo.queries[demo.query_texts.index(query)].tolist()

    def _get_text_embedding(self, text):
        return demo.vectors[demo.texts.index(text)].tolist()

    async def _aget_query_embedding(self, query):
        return self._get_query_embedding(query)


hidden = {"excluded_embed_metadata_keys": ["words"]}
nodes = [
    TextNode(text=text, metadata={"words": len(text.split())}, **hidden)
    for text in demo.texts[:rows]
]
few = MetadataFilters(filters=[MetadataFilter(key="words", value=5, operator="<=")])
question = demo.query_texts[12]
with TemporaryDirectory() as folder:
    store = QuiverVectorStore(path=folder)
    context = StorageContext.from_defaults(vector_store=store)
    embedding = DemoEmbedding()
    VectorStoreIndex(nodes, storage_context=context, embed_model=embedding)
    print(f"{len(store.client)} nodes")

    # Whatever was added is in the folder, without being persisted.
    del context, store
    store = QuiverVectorStore(path=folder)
    index = VectorStoreIndex.from_vector_store(store, embed_model=embedding)
    for name, options in {
        "": {},
        ", in few words": {"filters": few},
        ", unlike each other": {"vector_store_query_mode": "mmr"},
    }.items():
        print(f"\n{question}{name}")
        retriever = index.as_retriever(similarity_top_k=3, **options)
        for found in retriever.retrieve(question):
            print(f"  {found.score:.3f}  {found.node.text}")
