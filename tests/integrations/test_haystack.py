"""Tests that Haystack wrote of any document store, and its own store as the oracle."""

from __future__ import annotations

import asyncio
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # Read at import; nothing is sent.
pytest.importorskip("haystack", reason="needs the extra `haystack`")

from haystack import Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.dataclasses import ByteStream, Document, SparseEmbedding
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy, FilterPolicy
from haystack.errors import FilterError
from haystack.testing import document_store, document_store_async

from quiver.errors import InvalidArgumentError
from quiver.integrations.haystack import QuiverDocumentStore, QuiverEmbeddingRetriever


def suites(module):
    """Return every class of tests in a module, those of later versions too."""
    return [made for name, made in vars(module).items() if name.endswith("Test")]


def as_kept(documents):
    """Return documents with the float32 of each embedding, which is what is stored."""
    rows = [document.to_dict(flatten=False) for document in documents]
    for row in rows:
        if row["embedding"] is not None:
            row["embedding"] = np.float32(row["embedding"]).tolist()
    return [Document.from_dict(row) for row in rows]


class Ours:
    """What Haystack leaves to whoever has a store: the fixture and two definitions."""

    @pytest.fixture
    def document_store(self):
        return QuiverDocumentStore()

    @staticmethod
    def assert_documents_are_equal(received, expected):
        assert received == as_kept(expected)


class TestHaystack(Ours, *suites(document_store)):
    def test_write_documents(self, document_store):
        document = Document(content="written")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document])


class TestHaystackAsync(Ours, *suites(document_store_async)):
    @pytest.mark.asyncio
    async def test_write_documents_async(self, document_store):
        document = Document(content="written")
        assert await document_store.write_documents_async([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            await document_store.write_documents_async([document])


# Far enough apart that float32 and float64 agree on every order.
DIRECTIONS = [[1.0, 0.0, 0.0], [4.0, 1.0, 0.0], [2.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
QUERY = [1.0, 0.0, 0.0]


def library():
    """Return documents of every kind: with and without embedding, content and meta."""
    return [
        *(
            Document(id=f"d{n}", content=f"text {n}", meta={"n": n}, embedding=row)
            for n, row in enumerate(DIRECTIONS)
        ),
        Document(id="bare", content="not embedded", meta={"n": 1}),
        Document(id="picture", blob=ByteStream(b"\x00\xff", {"k": 1}, "image/png")),
        Document(
            id="sparse",
            meta={"nested": {"deep": [1, "two", None]}, "text": "clashes", "n": None},
            sparse_embedding=SparseEmbedding([3, 7], [0.25, 0.1]),
        ),
    ]


@pytest.fixture
def filled():
    store = QuiverDocumentStore()
    store.write_documents(library())
    return store


def test_every_field_of_a_document_comes_back(filled):
    assert filled.filter_documents() == as_kept(library())


def test_a_caller_s_document_and_the_one_kept_do_not_share_meta(filled):
    given_ = Document(id="shared", meta={"tags": ["a"]})
    filled.write_documents([given_])
    given_.meta["tags"].append("b")
    only = {"field": "id", "operator": "==", "value": "shared"}
    (got,) = filled.filter_documents(only)
    assert got.meta == {"tags": ["a"]}
    got.meta["tags"].append("c")
    assert filled.filter_documents(only)[0].meta == {"tags": ["a"]}


@pytest.mark.parametrize("policy", [DuplicatePolicy.NONE, DuplicatePolicy.FAIL])
def test_a_write_that_fails_writes_nothing(filled, policy):
    for twice in ("d0", "new"):
        with pytest.raises(DuplicateDocumentError, match=twice):
            filled.write_documents([Document(id="new"), Document(id=twice)], policy)
    assert filled.filter_documents() == as_kept(library())


@pytest.mark.parametrize("policy", [DuplicatePolicy.SKIP, DuplicatePolicy.OVERWRITE])
def test_what_is_there_already_is_skipped_or_overwritten_as_told(policy):
    ours, theirs = QuiverDocumentStore(), InMemoryDocumentStore()
    rows = [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]
    documents = [Document(id=id, content=content) for id, content in rows]
    for batch in (documents, documents[1:]):
        counts = [store.write_documents(batch, policy) for store in (ours, theirs)]
        assert counts[0] == counts[1]
        assert by_id(ours.filter_documents()) == by_id(theirs.filter_documents())


def by_id(documents):
    return {document.id: document for document in documents}


NUMBERS = st.sampled_from([-1, 0, 1, 1.5, True, None])
DATES = st.sampled_from(["2024-01-01", "2024-01-01T12:00:00Z", "2023-05-05", "words"])
VALUES = {"n": NUMBERS, "date": DATES, "any": NUMBERS | DATES | st.just(["a", 1])}
ORDERED = ("==", "!=", ">", ">=", "<", "<=")


def comparisons(field):
    value = VALUES[field]
    names = st.sampled_from([field, f"meta.{field}"])
    one = {"operator": st.sampled_from(ORDERED), "value": value}
    many = {"operator": st.sampled_from(["in", "not in"]), "value": st.lists(value)}
    return st.fixed_dictionaries({"field": names, **one}) | st.fixed_dictionaries(
        {"field": names, **many}
    )


def logic(inner):
    operators = st.sampled_from(["AND", "OR", "NOT"])
    conditions = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries({"operator": operators, "conditions": conditions})


FILTERS = st.recursive(st.one_of(*map(comparisons, VALUES)), logic, max_leaves=5)
METAS = st.lists(st.fixed_dictionaries({}, optional=VALUES), max_size=5)


def outcome(call, *args):
    """Return the ids that an answer has, or which error was raised instead."""
    try:
        return [document.id for document in call(*args)]
    except (FilterError, ValueError, TypeError) as error:
        return type(error)


@given(METAS, FILTERS)
def test_a_filter_means_what_it_means_in_haystack_s_own_store(metas, filters):
    documents = [
        Document(id=str(n), meta=meta, embedding=[1.0, n])
        for n, meta in enumerate(metas)
    ]
    ours, theirs = QuiverDocumentStore(), InMemoryDocumentStore()
    ours.write_documents(documents)
    theirs.write_documents(documents)
    expected = outcome(theirs.filter_documents, filters)
    assert outcome(ours.filter_documents, filters) == expected
    assert outcome(ours.embedding_retrieval, [1.0, 0.0], filters, 9) == expected


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(
    ("metric", "function"), [("cosine", "cosine"), ("inner_product", "dot_product")]
)
def test_retrieval_finds_and_scores_as_haystack_s_own(metric, function, scaled):
    ours = QuiverDocumentStore(metric=metric)
    theirs = InMemoryDocumentStore(embedding_similarity_function=function)
    ask = {"query_embedding": QUERY, "scale_score": scaled, "top_k": 3}
    retrievers = QuiverEmbeddingRetriever(ours), InMemoryEmbeddingRetriever(theirs)
    for store in (ours, theirs):
        store.write_documents(library())
    got, expected = (made.run(**ask)["documents"] for made in retrievers)
    assert [found.id for found in got] == [found.id for found in expected]
    scores = [found.score for found in expected]
    np.testing.assert_allclose([found.score for found in got], scores, rtol=1e-6)
    assert [found.embedding for found in got] == [None] * 3


SMALL = st.lists(st.integers(-2, 2).map(float), min_size=3, max_size=3)


@given(st.lists(SMALL, max_size=8), SMALL, st.integers(1, 9))
def test_zeros_and_copies_are_scored_as_by_haystack_s_own(rows, query, top_k):
    ours = QuiverDocumentStore()
    theirs = InMemoryDocumentStore(embedding_similarity_function="cosine")
    for store in (ours, theirs):
        store.write_documents(
            [Document(id=str(n), embedding=row) for n, row in enumerate(rows)]
        )
    got, expected = (
        [found.score for found in store.embedding_retrieval(query, None, top_k)]
        for store in (ours, theirs)
    )
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_under_the_euclidean_metric_a_nearer_document_has_a_higher_score():
    store = QuiverDocumentStore(metric="euclidean")
    store.write_documents(library())
    plain, scaled = (
        store.embedding_retrieval(QUERY, None, 2, s) for s in (False, True)
    )
    assert [found.id for found in plain] == ["d0", "d2"]  # And d3 as far.
    assert plain[0].score == 0
    assert plain[1].score == pytest.approx(-np.sqrt(2))
    assert scaled[0].score == 1
    assert scaled[1].score == pytest.approx(1 / (1 + np.sqrt(2)))


def test_embeddings_come_along_when_asked_for(filled):
    retriever = QuiverEmbeddingRetriever(filled, return_embedding=True, top_k=2)
    got = retriever.run(QUERY)["documents"]
    assert [found.embedding for found in got] == DIRECTIONS[:2]


def test_no_more_are_found_than_there_are(filled):
    retriever = QuiverEmbeddingRetriever(filled, top_k=100)
    assert len(retriever.run(QUERY)["documents"]) == len(DIRECTIONS)
    assert retriever.run(QUERY, top_k=0) == {"documents": []}
    assert QuiverEmbeddingRetriever(QuiverDocumentStore()).run(QUERY)["documents"] == []


FIRST = {"field": "meta.n", "operator": "<=", "value": 2}
LATER = {"field": "meta.n", "operator": ">=", "value": 1}


@pytest.mark.parametrize(
    ("policy", "asked", "expected"),
    [
        (FilterPolicy.REPLACE, None, ["d0", "d1", "d2"]),
        (FilterPolicy.REPLACE, LATER, ["d1", "d2", "d3"]),
        (FilterPolicy.MERGE, {"operator": "AND", "conditions": [LATER]}, ["d1", "d2"]),
    ],
)
def test_filters_given_twice_are_joined_by_the_policy(filled, policy, asked, expected):
    initial = {"operator": "AND", "conditions": [FIRST]}
    retriever = QuiverEmbeddingRetriever(filled, filters=initial, filter_policy=policy)
    found = retriever.run(QUERY, filters=asked)["documents"]
    assert [document.id for document in found] == expected


def test_a_retriever_answers_the_same_to_those_who_await_it(filled):
    retriever = QuiverEmbeddingRetriever(filled, top_k=3, filters=LATER)
    assert asyncio.run(retriever.run_async(QUERY)) == retriever.run(QUERY)


@pytest.mark.parametrize("top_k", [0, -1])
def test_a_retriever_that_finds_nothing_is_refused(filled, top_k):
    with pytest.raises(ValueError, match="top_k"):
        QuiverEmbeddingRetriever(filled, top_k=top_k)


def test_a_retriever_wants_a_store_of_quiver():
    with pytest.raises(TypeError, match="InMemoryDocumentStore"):
        QuiverEmbeddingRetriever(InMemoryDocumentStore())


def test_a_store_and_a_retriever_travel_as_dictionaries(filled):
    store = QuiverDocumentStore(metric="euclidean")
    retriever = QuiverEmbeddingRetriever(
        store, filters=FIRST, top_k=3, filter_policy=FilterPolicy.MERGE
    )
    again = QuiverEmbeddingRetriever.from_dict(retriever.to_dict())
    assert again.to_dict() == retriever.to_dict()
    assert again.filter_policy is FilterPolicy.MERGE
    assert again.document_store.to_dict() == store.to_dict()


def test_a_pipeline_answers_the_same_after_a_journey(filled, tmp_path):
    filled.save_to_disk(tmp_path / "documents")
    store = QuiverDocumentStore(tmp_path / "documents")
    assert store.filter_documents() == as_kept(library())
    pipeline = Pipeline()
    pipeline.add_component("retriever", QuiverEmbeddingRetriever(store, top_k=2))
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["quiver.integrations"])
    asked = {"retriever": {"query_embedding": QUERY}}
    assert again.run(asked) == pipeline.run(asked)
    assert len(again.run(asked)["retriever"]["documents"]) == 2


def test_stores_of_one_path_are_one_and_keep_what_is_written(tmp_path):
    writing, reading = (QuiverDocumentStore(str(tmp_path / "here")) for _ in range(2))
    writing.write_documents(library())
    assert reading.filter_documents() == as_kept(library())
    writing.delete_documents(["d0"])
    del writing, reading
    later = QuiverDocumentStore(str(tmp_path / "here"))
    assert later.count_documents() == len(library()) - 1
    assert later.to_dict()["init_parameters"]["path"] == str(tmp_path / "here")


@pytest.mark.parametrize("name", ["delete_by_filter", "update_by_filter"])
def test_a_change_by_no_filter_is_refused_and_changes_nothing(filled, name):
    given_ = ({"n": 5},) if name == "update_by_filter" else ()
    with pytest.raises(FilterError):
        getattr(filled, name)({}, *given_)
    assert filled.filter_documents() == as_kept(library())


@pytest.mark.parametrize("filters", ["meta.n == 1", [FIRST]])
def test_what_is_no_filter_is_refused(filled, filters):
    for wrong in (filters, {"operator": "AND", "conditions": [filters]}):
        with pytest.raises(FilterError, match="must be dicts of Haystack's, got"):
            filled.filter_documents(wrong)


def test_a_filter_of_embeddings_is_refused(filled):
    one = {"field": "embedding", "operator": "!=", "value": None}
    for filters in (one, {"operator": "NOT", "conditions": [FIRST, one]}):
        with pytest.raises(FilterError, match="embedding"):
            filled.filter_documents(filters)


def test_a_filter_of_any_other_field_is_not(filled):
    content = {"field": "content", "operator": "==", "value": "text 2"}
    blob = {"field": "blob", "operator": "!=", "value": None}
    either = {"operator": "OR", "conditions": [content, blob]}
    assert [found.id for found in filled.filter_documents(either)] == ["d2", "picture"]


def test_a_key_of_meta_that_is_taken_is_refused(filled):
    with pytest.raises(InvalidArgumentError, match="_haystack"):
        filled.write_documents([Document(meta={"_haystack": 1})])
    with pytest.raises(InvalidArgumentError, match="_haystack"):
        filled.update_by_filter(FIRST, {"_haystack": 1})
    assert filled.filter_documents() == as_kept(library())


def test_an_embedding_of_another_length_is_refused_and_changes_nothing(filled):
    wrong = [Document(id="fits", embedding=QUERY), Document(id="w", embedding=[1.0])]
    with pytest.raises(InvalidArgumentError, match="3"):
        filled.write_documents(wrong)
    assert filled.filter_documents() == as_kept(library())


METADATA_CALLS = [
    ("get_metadata_fields_info", ()),
    ("get_metadata_field_min_max", ("meta.n",)),
    ("get_metadata_field_min_max", ("mixed",)),
    ("get_metadata_field_unique_values", ("n", "1", 0, 2)),
    ("get_metadata_field_unique_values", ("meta.nested",)),
    ("count_unique_metadata_by_filter", ({}, ["meta.n", "nested", "absent"])),
    ("count_documents_by_filter", ({"field": "n", "operator": ">", "value": 0},)),
]


@pytest.mark.parametrize(("name", "given_"), METADATA_CALLS)
def test_what_is_told_of_metadata_is_what_haystack_s_own_store_tells(name, given_):
    ours, theirs = QuiverDocumentStore(), InMemoryDocumentStore()
    mixed = [Document(meta={"mixed": value}) for value in (1, "one", [1], True)]
    for store in (ours, theirs):
        store.write_documents([*library(), *mixed])
    assert getattr(ours, name)(*given_) == getattr(theirs, name)(*given_)
