"""LlamaIndex: a vector store; needs the extra `llamaindex`.

`filters` turns LlamaIndex's filters into conditions, `vector_store` is the store. See
docs/stores.md.
"""

from __future__ import annotations

try:
    from quiver.integrations.llamaindex.vector_store import QuiverVectorStore
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("llama_index", "fsspec"):
        raise
    msg = f"{__name__} needs LlamaIndex: pip install 'quiver-ann[llamaindex]'"
    raise ModuleNotFoundError(msg, name=error.name) from error

__all__ = ["QuiverVectorStore"]
