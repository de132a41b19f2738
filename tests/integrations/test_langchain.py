"""LangChain's suite, and whatever else its in-memory store does, done by ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

pytest.importorskip("langchain_tests", reason="needs langchain-tests")

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.integrations.langchain import QuiverVectorStore
from quiver.integrations.store import DocumentStore, field

MODEL = DeterministicFakeEmbedding(size=6)
TEXTS = ["foo", "bar", "baz", "foo", "fou", "foy", "\u2603", ""]
METADATA = [{"id": number, "even": number % 2 == 0} for number in range(len(TEXTS))]
IDS = [f"id{number}" for number in range(len(TEXTS))]


class TestSuiteOfLangChain(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self):
        return QuiverVectorStore(self.get_embeddings())


class TestSuiteOfLangChainInAFolder(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        DocumentStore().save(tmp_path / "store")
        store = DocumentStore.open(tmp_path / "store")
        return QuiverVectorStore(self.get_embeddings(), store)


@pytest.fixture
def ours():
    store = QuiverVectorStore(embedding=MODEL)
    assert store.add_texts(iter(TEXTS), METADATA, ids=IDS) == IDS
    return store


def test_documents_and_ids_may_come_one_by_one():
    documents = [Document(page_content=text) for text in TEXTS]
    store = QuiverVectorStore(MODEL)
    assert store.add_documents(iter(documents), ids=iter(IDS)) == IDS
    assert asyncio.run(store.aadd_documents(iter(documents), ids=iter(IDS))) == IDS
    assert [own.text for own in store.store] == TEXTS


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda ours: ours.add_texts(["a", "b"], ids=["1"]),
            "one a document, 2, got 1",
        ),
        (lambda ours: ours.add_texts("abc"), r"texts must be a list.*one is \[text\]"),
        (
            lambda ours: asyncio.run(ours.aadd_texts(["a"], ids=["1", "2"])),
            "one a document, 1, got 2",
        ),
        (
            lambda ours: ours.similarity_search("a", filter={"id": 1}),
            "filter must be a function of a document, or a condition",
        ),
        (lambda _: QuiverVectorStore(MODEL, "path"), "store must be one of.*'path'"),
        (
            lambda ours: QuiverVectorStore(MODEL, ours.store, metric="l2"),
            "options must be none beside a store",
        ),
    ],
)
def test_what_would_be_lost_or_passed_over_is_refused(ours, call, message):
    with pytest.raises((InvalidArgumentError, InvalidTypeError), match=message):
        call(ours)
    assert len(ours.store) == len(TEXTS)


@pytest.fixture
def theirs():
    return InMemoryVectorStore.from_texts(TEXTS, MODEL, METADATA, ids=IDS)


def of(documents):
    return [(one.id, one.page_content, one.metadata) for one in documents]


FILTERS = {
    "all": (None, None),
    "metadata": (lambda one: one.metadata["even"], field("even") == True),  # noqa: E712
    "id": (lambda one: one.id in ("id1", "id4"), lambda one: one.id in ("id1", "id4")),
    "none": (lambda one: one.metadata["id"] == 99, field("id") == 99),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("query", ["foo", "baz", "nothing of these"])
def test_scores_are_their_likenesses_as_distances(ours, theirs, query, name):
    their_filter, our_filter = FILTERS[name]
    expected = theirs.similarity_search_with_score(query, 20, filter=their_filter)
    for where in (their_filter, our_filter):
        found = ours.similarity_search_with_score(query, 20, filter=where)
        # They put equal ones in any order, we by when they were added.
        assert sorted(of(one for one, _ in found), key=str) == sorted(
            of(one for one, _ in expected), key=str
        )
        assert [1 - distance for _, distance in found] == pytest.approx(
            [score for _, score in expected], abs=1e-6
        )


@pytest.mark.filterwarnings("ignore:Relevance scores must be")
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_relevance_falls_as_distance_grows(metric):
    store = QuiverVectorStore.from_texts(TEXTS, MODEL, metric=metric)
    scores = [s for _, s in store.similarity_search_with_relevance_scores("foo", 8)]
    assert scores == sorted(scores, reverse=True)
    assert len(store.similarity_search_with_relevance_scores("foo", 8)) == 8
    retriever = store.as_retriever(
        search_type="similarity_score_threshold",
        search_kwargs={"k": 8, "score_threshold": scores[3]},
    )
    assert len(retriever.invoke("foo")) == sum(s >= scores[3] for s in scores)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("lambda_mult", [0.0, 0.1, 0.5, 1.0])
def test_diverse_answers_are_theirs(lambda_mult, name):
    texts = [*dict.fromkeys(TEXTS)]
    args = texts, MODEL, METADATA[: len(texts)]
    ours = QuiverVectorStore.from_texts(*args, ids=IDS[: len(texts)])
    theirs = InMemoryVectorStore.from_texts(*args, ids=IDS[: len(texts)])
    options = {"k": 5, "fetch_k": 6, "lambda_mult": lambda_mult}
    where = FILTERS[name][0]
    # Beside a document equal to the query, all others gain nothing, but for rounding.
    for query in ("fox", "fog"):
        expected = theirs.max_marginal_relevance_search(query, **options, filter=where)
        found = ours.max_marginal_relevance_search(query, **options, filter=where)
        assert of(found) == of(expected)


def test_more_diverse_answers_than_there_are_documents_are_all(ours, theirs):
    found = ours.max_marginal_relevance_search("foo", k=10, lambda_mult=0.1)
    expected = theirs.max_marginal_relevance_search("foo", k=10, lambda_mult=0.1)
    assert len(found) == len(expected) == len(TEXTS)
    assert found[0].page_content == expected[0].page_content == "foo"


def test_asynchronous_answers_are_the_others(ours):
    async def ask():
        vector = MODEL.embed_query("foo")
        where = field("even") == True  # noqa: E712
        assert await ours.asimilarity_search("foo", 3, filter=where) == (
            ours.similarity_search("foo", 3, filter=where)
        )
        assert await ours.asimilarity_search_with_score("foo", k=3) == (
            ours.similarity_search_with_score("foo", k=3)
        )
        assert await ours.asimilarity_search_by_vector(vector, 3) == (
            ours.similarity_search_by_vector(vector, 3)
        )
        assert await ours.amax_marginal_relevance_search("foo", 3, fetch_k=5) == (
            ours.max_marginal_relevance_search("foo", 3, 5)
        )
        assert await ours.amax_marginal_relevance_search_by_vector(vector) == (
            ours.max_marginal_relevance_search_by_vector(vector)
        )
        made = await QuiverVectorStore.afrom_texts(iter(TEXTS), MODEL, ids=IDS)
        assert [own.id for own in made.store] == IDS

    asyncio.run(ask())


class Asynchronous(Embeddings):
    """A model that can be asked asynchronously only, and notes how often it was."""

    embed_documents = embed_query = None

    def __init__(self):
        self.calls = []

    async def aembed_documents(self, texts):
        self.calls.append("aembed_documents")
        return MODEL.embed_documents(texts)

    async def aembed_query(self, text):
        self.calls.append("aembed_query")
        return MODEL.embed_query(text)


def test_what_is_asynchronous_embeds_asynchronously():
    model = Asynchronous()
    store = QuiverVectorStore(model)

    async def ask():
        await store.aadd_texts(["foo", "bar"])
        await store.aadd_documents([Document("baz")])
        await store.asimilarity_search("foo", k=1)
        await store.asimilarity_search_with_score("foo", k=1)
        await store.amax_marginal_relevance_search("foo", k=1)

    asyncio.run(ask())
    assert model.calls == ["aembed_documents"] * 2 + ["aembed_query"] * 3


def test_a_store_opened_again_answers_the_same(ours, tmp_path):
    ours.store.save(tmp_path / "store")
    again = QuiverVectorStore(MODEL, DocumentStore.open(tmp_path / "store"))
    assert again.similarity_search_with_score("foo", 9) == (
        ours.similarity_search_with_score("foo", 9)
    )
    again.add_texts(["more"], ids=["more"])
    again.delete(["id0"])
    del again
    again = QuiverVectorStore(MODEL, DocumentStore.open(tmp_path / "store"))
    assert again.get_by_ids(["more", "id0", "id1"]) == [
        Document(id="more", page_content="more"),
        Document(id="id1", page_content="bar", metadata=METADATA[1]),
    ]


def test_all_are_deleted_where_no_ids_are_given_and_none_where_an_empty_list_is(ours):
    ours.delete([])
    assert len(ours.store) == len(TEXTS)
    ours.delete(["id0", "unknown", "id0"])
    assert len(ours.store) == len(TEXTS) - 1
    ours.delete()
    assert len(ours.store) == 0
    assert ours.similarity_search("foo") == []


def test_ids_of_documents_hold_where_none_are_given(ours):
    documents = [Document(id="id1", page_content="new"), Document(page_content="other")]
    first, second = ours.add_documents(documents)
    assert first == "id1"
    assert second not in IDS
    assert ours.add_documents(documents, ids=["a", "b"]) == ["a", "b"]
    with pytest.raises(InvalidArgumentError, match="ids must be one a document, 2"):
        ours.add_documents(documents, ids=["a"])


def test_metadata_that_cannot_be_kept_and_foreign_filters_are_named(ours):
    with pytest.raises(InvalidTypeError, match=r"'x'\['a'\] must be what JSON"):
        ours.add_texts(["x"], [{"a": {1}}], ids=["x"])
    assert "x" not in ours.store
    with pytest.raises(InvalidTypeError, match="condition such as field"):
        ours.similarity_search("foo", filter={"id": 1})


def test_a_missing_langchain_is_told_with_what_to_type():
    code = (
        "import sys; sys.modules['langchain_core'] = None\n"
        "try: import quiver.integrations.langchain\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "pip install 'quiver-ann[langchain]'" in done.stdout
