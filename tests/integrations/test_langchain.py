"""LangChain's suite, and whatever else its in-memory store does, by our store."""

from __future__ import annotations

import pytest

pytest.importorskip("langchain_tests", reason="needs langchain-tests")

from langchain_tests.integration_tests import VectorStoreIntegrationTests

from quiver.integrations.langchain import QuiverVectorStore


class TestTheirSuite(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        return QuiverVectorStore(self.get_embeddings())
