"""A vector store of LlamaIndex, and its own simple one as the oracle."""

from __future__ import annotations

import asyncio
import os
import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llama_index.core", reason="needs the extra `llamaindex`")

import fsspec
from llama_index.core import MockEmbedding, StorageContext, VectorStoreIndex
from llama_index.core.schema import (
    ImageNode,
    IndexNode,
    NodeRelationship,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from quiver.errors import FileAccessError, InvalidArgumentError, LockError
from quiver.integrations.llamaindex import QuiverVectorStore

QUERY = [1.0, 0.0]
# Far enough apart that float32 and float64 agree on every order.
ANGLES = (0.1, 0.9, 0.3, 1.4, 0.6, 2.0)


def node(id_, embedding, document=None, **metadata):
    source = document and RelatedNodeInfo(node_id=document)
    return TextNode(
        id_=id_,
        text=f"text of {id_}",
        embedding=embedding,
        metadata=metadata,
        relationships={NodeRelationship.SOURCE: source} if source else {},
    )


def library():
    """Return six nodes of two documents, and one of none."""
    rows = [[float(np.cos(angle)), float(np.sin(angle))] for angle in ANGLES]
    nodes = [
        node(f"{'ab'[n % 2]}-{n}", row, "ab"[n % 2], n=n, tags=["even", "odd"][: n % 3])
        for n, row in enumerate(rows)
    ]
    return [*nodes, node("alone", [-1.0, 0.0], n=None)]


def both(nodes=None):
    stores = QuiverVectorStore(), SimpleVectorStore()
    for store in stores:
        store.add(library() if nodes is None else nodes)
    return stores


@pytest.fixture
def filled():
    return both()[0]


def ask(store, *, k=10, mode=VectorStoreQueryMode.DEFAULT, extra=(), **fields):
    query = VectorStoreQuery(QUERY, similarity_top_k=k, mode=mode, **fields)
    return store.query(query, **dict(extra))


def assert_same_answer(ours, theirs):
    assert ours.ids == theirs.ids
    np.testing.assert_allclose(ours.similarities, theirs.similarities, atol=1e-6)


def without_embedding(nodes):
    return [found.model_dump(exclude={"embedding"}) for found in nodes]


@pytest.mark.parametrize("k", [1, 3, 10])
def test_similarities_are_those_of_the_simple_store(k):
    ours, theirs = both()
    assert_same_answer(ask(ours, k=k), ask(theirs, k=k))


def test_nodes_of_every_class_come_back_whole():
    reference = IndexNode(id_="i", text="t", index_id="other", embedding=[0.0, 1.0])
    image = ImageNode(id_="p", image="aGk=", text="caption", embedding=[1.0, 1.0])
    nodes = [*library(), reference, image]
    store = QuiverVectorStore()
    assert store.add(nodes) == [added.node_id for added in nodes]
    got = store.get_nodes()
    assert [type(found) for found in got] == [type(added) for added in nodes]
    assert without_embedding(got) == without_embedding(nodes)
    kept = [np.float32(added.embedding).tolist() for added in nodes]
    assert [found.embedding for found in got] == kept


def test_an_answer_has_its_nodes(filled):
    answer = ask(filled, k=3)
    assert [found.node_id for found in answer.nodes] == answer.ids
    assert answer.nodes[0].text == f"text of {answer.ids[0]}"


def test_a_node_added_again_takes_the_place_of_the_first(filled):
    filled.add([node("a-0", [-1.0, 0.1], "c", n=9)])
    assert len(filled.get_nodes()) == len(library())
    (found,) = filled.get_nodes(["a-0"])
    assert found.metadata == {"n": 9}
    assert ask(filled, doc_ids=["c"]).ids == ["a-0"]


def test_nodes_are_got_by_id_and_filter(filled):
    late = MetadataFilters(filters=[leaf("n", ">=", 3)])
    assert ids_of(filled.get_nodes(["b-5", "absent", "a-0"])) == {"a-0", "b-5"}
    assert ids_of(filled.get_nodes(filters=late)) == {"b-3", "a-4", "b-5"}
    assert ids_of(filled.get_nodes(["b-5", "a-0"], late)) == {"b-5"}


def leaf(key, operator, value=None):
    return MetadataFilter(key=key, value=value, operator=FilterOperator(operator))


def ids_of(nodes):
    return {found.node_id for found in nodes}


def test_nodes_are_deleted_by_document_by_id_and_by_filter():
    late = MetadataFilters(filters=[leaf("n", ">=", 3)])
    for name, given_, left in (
        ("delete", ("a",), {"b-1", "b-3", "b-5", "alone"}),
        ("delete", ("absent",), ids_of(library())),
        ("delete_nodes", (["a-0", "absent"],), ids_of(library()) - {"a-0"}),
        ("delete_nodes", (None, late), {"a-0", "b-1", "a-2", "alone"}),
        ("delete_nodes", (["a-0", "b-5"], late), ids_of(library()) - {"b-5"}),
        ("clear", (), set()),
    ):
        ours, theirs = both()
        getattr(ours, name)(*given_)
        getattr(theirs, name)(*given_)
        assert (
            ids_of(ours.get_nodes()) == {*ask(ours).ids} == {*ask(theirs).ids} == left
        )


def test_deleting_nodes_of_no_id_deletes_nothing(filled):
    filled.delete_nodes([])
    assert len(filled.get_nodes()) == len(library())


def test_an_empty_store_answers_with_nothing():
    for store in (QuiverVectorStore(), both([])[0]):
        answer = ask(store, doc_ids=["a"])
        assert (answer.nodes, answer.ids, answer.similarities) == ([], [], [])
        assert store.get_nodes() == []


def test_a_store_that_was_cleared_takes_nodes_of_another_length(filled):
    filled.clear()
    filled.add([node("other", [1.0, 2.0, 3.0])])
    assert ids_of(filled.get_nodes()) == {"other"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"doc_ids": ["a"]}, {"a-0", "a-2", "a-4"}),
        ({"doc_ids": ["a", "absent"], "node_ids": ["a-0", "b-1"]}, {"a-0"}),
        ({"doc_ids": ["absent"]}, set()),
        ({"doc_ids": []}, set()),
        ({"node_ids": ["b-5", "absent"]}, {"b-5"}),
        ({"node_ids": ["absent"]}, set()),
    ],
)
@pytest.mark.parametrize(
    "mode", [VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.MMR]
)
def test_documents_and_nodes_restrict_a_query(filled, fields, expected, mode):
    assert {*ask(filled, mode=mode, **fields).ids} == expected


def test_no_node_ids_is_what_a_retriever_says_when_it_means_all_of_them(filled):
    assert len(ask(filled, node_ids=[]).ids) == len(library())
    index = VectorStoreIndex.from_vector_store(filled, MockEmbedding(embed_dim=2))
    retriever = index.as_retriever(similarity_top_k=3)
    found = retriever.retrieve(QueryBundle("any", embedding=QUERY))
    assert [one.node.node_id for one in found] == ask(filled, k=3).ids


TYPED = {
    "number": st.sampled_from([-1, 0, 1, 1.5, 2.0]),
    "word": st.sampled_from(["", "a", "A", "ab", "Bab"]),
    "tags": st.lists(st.sampled_from(["", "a", "ab"]), max_size=3),
}
TEXT = ("text_match", "text_match_insensitive")
ASKED = {
    "number": (("==", "!=", ">", ">=", "<", "<="), ("in", "nin")),
    "word": (
        ("==", "!=", ">", ">=", "<", "<=", "contains", *TEXT),
        ("in", "nin", "any", "all"),
    ),
    "tags": (("contains",), ("any", "all")),
}


def leaves(key):
    one = TYPED["word" if key == "tags" else key]
    single, several = map(st.sampled_from, ASKED[key])
    return st.one_of(
        st.builds(leaf, st.just(key), single, one),
        st.builds(leaf, st.just(key), several, same_class(one)),
        st.builds(leaf, st.just(key), st.just("is_empty")),
    )


def same_class(values):
    """Return lists as a filter takes them: all whole, all fractions, or all words."""
    return st.lists(values, max_size=3).filter(lambda row: len({*map(type, row)}) < 2)


LEAVES = st.one_of(*map(leaves, TYPED))
CONDITIONS = st.sampled_from([*FilterCondition, None])


def filters_of(children, **size):
    several = st.lists(children, **size)
    return st.builds(MetadataFilters, filters=several, condition=CONDITIONS)


METADATA = st.lists(
    st.fixed_dictionaries(
        {}, optional={key: st.none() | values for key, values in TYPED.items()}
    ),
    max_size=6,
)


def around(metadata):
    """Return a node for each, every one at another angle."""
    turns = np.linspace(0.1, 3, len(metadata) + 1)
    return [
        node(str(n), [float(np.cos(turn)), float(np.sin(turn))], **given_)
        for n, (turn, given_) in enumerate(zip(turns, metadata, strict=False))
    ]


@given(METADATA, filters_of(LEAVES, max_size=3))
def test_a_filter_means_what_it_means_in_the_simple_store(metadata, filters):
    ours, theirs = both(around(metadata))
    answer, expected = (ask(store, filters=filters) for store in (ours, theirs))
    assert_same_answer(answer, expected)
    assert ids_of(ours.get_nodes(filters=filters)) == {*expected.ids}
    for store in (ours, theirs):
        store.delete_nodes(filters=filters)
    assert_same_answer(ask(ours), ask(theirs))


@pytest.mark.parametrize("operator", ["==", "!=", "in", "nin"])
@pytest.mark.parametrize("value", [0, 1, 1.0, 2])
def test_a_filter_finds_bools_by_the_numbers_that_python_takes_them_for(
    operator, value
):
    nodes = around([{"is": True}, {"is": False}, {"is": 1}, {"is": "1"}, {}])
    asked = [value] if operator in ("in", "nin") else value
    filters = MetadataFilters(filters=[leaf("is", operator, asked)])
    assert_same_answer(*(ask(store, filters=filters) for store in both(nodes)))


NESTED = st.recursive(LEAVES, partial(filters_of, min_size=1, max_size=3), max_leaves=6)
JOIN = {
    FilterCondition.AND: lambda sets, _: set.intersection(*sets),
    FilterCondition.OR: lambda sets, _: set.union(*sets),
    FilterCondition.NOT: lambda sets, whole: whole - set.union(*sets),
}


def matched(store, filters):
    """Ask the simple store, which knows no nesting, for every leaf."""
    if isinstance(filters, MetadataFilter):
        alone = MetadataFilters(filters=[filters])
        return {*ask(store, filters=alone).ids}
    sets = [matched(store, inner) for inner in filters.filters]
    condition = filters.condition or FilterCondition.AND
    return JOIN[condition](sets, {*ask(store).ids})


@given(METADATA, NESTED.filter(lambda made: isinstance(made, MetadataFilters)))
def test_nested_filters_are_joined_as_sets_are(metadata, filters):
    ours, theirs = both(around(metadata))
    assert {*ask(ours, filters=filters).ids} == matched(theirs, filters)


THRESHOLDS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, None])


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=9, unique=True),
    st.integers(1, 9),
    THRESHOLDS,
)
def test_diverse_answers_are_those_of_the_simple_store(turns, k, threshold):
    nodes = [
        node(str(turn), [float(np.cos(turn / 100)), float(np.sin(turn / 100))])
        for turn in sorted(turns)  # Of equals the simple store takes the first put in.
    ]
    mmr = partial(
        ask, k=k, mode=VectorStoreQueryMode.MMR, extra={"mmr_threshold": threshold}
    )
    assert_same_answer(*map(mmr, both(nodes)))


def test_the_threshold_of_a_query_is_overruled_by_the_one_beside_it():
    nodes = [node("a", QUERY), node("b", QUERY), node("c", [0.0, 1.0])]
    mmr = partial(ask, both(nodes)[0], k=2, mode=VectorStoreQueryMode.MMR)
    assert mmr(mmr_threshold=1.0).ids == ["a", "b"]
    assert mmr(mmr_threshold=0.0).ids == ["a", "c"]
    assert mmr(mmr_threshold=0.0, extra={"mmr_threshold": 1.0}).ids == ["a", "b"]


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        (FilterOperator.IN, "even"),
        (FilterOperator.NIN, 2),
        (FilterOperator.ANY, 2),
        (FilterOperator.ALL, 2.0),
        (FilterOperator.GT, ["a"]),
        (FilterOperator.TEXT_MATCH, ["a"]),
        (FilterOperator.TEXT_MATCH_INSENSITIVE, None),
    ],
)
def test_a_value_that_an_operator_cannot_take_is_named(filled, operator, value):
    wrong = MetadataFilter(key="n", value=value, operator=operator)
    words = rf"filter '{operator.value}' on 'n' cannot take {re.escape(repr(value))}"
    with pytest.raises(InvalidArgumentError, match=words):
        ask(filled, filters=MetadataFilters(filters=[wrong]))


@pytest.mark.parametrize("mode", ["svm", "hybrid", "sparse"])
def test_a_mode_that_is_not_of_vectors_alone_is_refused(filled, mode):
    with pytest.raises(InvalidArgumentError, match=f"mode.*{mode}"):
        ask(filled, mode=VectorStoreQueryMode(mode))


@pytest.mark.parametrize("protocol", [None, "file", "memory"])
def test_a_store_that_was_persisted_answers_the_same(filled, tmp_path, protocol):
    fs = fsspec.filesystem(protocol) if protocol else None
    path = f"{tmp_path}/in/folders/default__vector_store.json"
    for _ in range(2):
        filled.persist(path, fs=fs)
    again = QuiverVectorStore.from_persist_path(path, fs=fs)
    assert again.get_nodes() == filled.get_nodes()
    assert ask(again, doc_ids=["a"]) == ask(filled, doc_ids=["a"])
    again.add([node("later", QUERY)])
    again.persist(path, fs=fs)
    assert len(QuiverVectorStore.from_persist_path(path, fs=fs).get_nodes()) == 8
    assert os.path.exists(path) == (protocol != "memory")


def test_a_persisted_store_is_replaced_unless_another_has_it_open(filled, tmp_path):
    path = str(tmp_path / "store")
    filled.persist(path)
    filled.clear()
    filled.persist(path)
    reading = QuiverVectorStore.from_persist_path(path)
    assert reading.get_nodes() == []
    with pytest.raises(LockError):
        filled.persist(path)
    reading.add([node("kept", QUERY)])
    del reading
    assert ids_of(QuiverVectorStore.from_persist_path(path).get_nodes()) == {"kept"}


def test_stores_of_one_path_are_one_and_keep_every_change(tmp_path):
    writing, reading = (QuiverVectorStore(path=str(tmp_path)) for _ in range(2))
    writing.add(library())
    assert len(reading.get_nodes()) == len(library())
    made = QuiverVectorStore.from_dict(writing.to_dict())
    made.delete("a")
    del made, writing, reading
    assert len(QuiverVectorStore(path=str(tmp_path)).get_nodes()) == 4


def test_a_store_of_nothing_is_persisted_too(tmp_path):
    QuiverVectorStore(metric="euclidean").persist(str(tmp_path / "none"))
    again = QuiverVectorStore.from_persist_path(str(tmp_path / "none"))
    assert again.get_nodes() == []
    assert again.metric == "euclidean"


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileAccessError, match="absent"):
        QuiverVectorStore.from_persist_path(str(tmp_path / "absent"))


def test_a_whole_context_is_persisted_and_loaded(filled, tmp_path):
    context = StorageContext.from_defaults(vector_store=filled)
    context.persist(tmp_path)
    again = QuiverVectorStore.from_persist_dir(str(tmp_path))
    assert ask(again) == ask(filled)
    loaded = StorageContext.from_defaults(vector_store=again, persist_dir=str(tmp_path))
    assert loaded.vector_store is again


def test_an_index_adds_updates_and_deletes_documents_through_the_store():
    store = QuiverVectorStore()
    context = StorageContext.from_defaults(vector_store=store)
    embedding = MockEmbedding(embed_dim=2)
    index = VectorStoreIndex(library(), storage_context=context, embed_model=embedding)
    assert ids_of(store.get_nodes()) == ids_of(library())
    index.delete_ref_doc("a")
    assert ids_of(store.get_nodes()) == {"b-1", "b-3", "b-5", "alone"}
    index.insert_nodes([node("late", QUERY)])
    found = index.as_retriever(similarity_top_k=1).retrieve(
        QueryBundle("any", embedding=QUERY)
    )
    assert [(one.node.text, round(one.score, 6)) for one in found] == [
        ("text of late", 1.0)
    ]


def test_those_who_await_get_the_same_answers(filled):
    async def through():
        store = QuiverVectorStore()
        await store.async_add(library())
        await store.adelete("a")
        await store.adelete_nodes(["b-1"])
        answer = await store.aquery(VectorStoreQuery(QUERY, similarity_top_k=9))
        nodes = await store.aget_nodes()
        await store.aclear()
        return answer, nodes, store.get_nodes()

    answer, nodes, left = asyncio.run(through())
    filled.delete("a")
    filled.delete_nodes(["b-1"])
    assert answer == ask(filled, k=9)
    assert nodes == filled.get_nodes()
    assert left == []


def test_it_has_a_name_and_a_client(filled):
    assert QuiverVectorStore.class_name() == "QuiverVectorStore"
    assert filled.client.count() == len(library())
    assert filled.to_dict()["class_name"] == "QuiverVectorStore"
