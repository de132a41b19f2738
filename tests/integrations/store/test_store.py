"""A store answers as a dict of documents and a look at all their vectors would."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np
import pytest
from rows import normal_rows

from quiver.conformance.hazards import METRICS
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.integrations.store import Document, DocumentStore, field

DIM = 5


def drawn(rng, own_id):
    """Return a document with untidy parts: repeated and zero vectors, or none."""
    kind = rng.integers(6)
    vector = None if kind == 0 else rng.integers(-2, 3, DIM).astype(np.float64)
    if kind == 1:
        vector = np.zeros(DIM)
    metadata = {"n": int(rng.integers(5)), "tags": ["x"] * int(rng.integers(3))}
    if kind == 2:
        metadata = {}
    return Document(own_id, f"text {rng.integers(1000)}", metadata, vector)


class Model:
    """What a store must do, in as few words as there are."""

    def __init__(self):
        self.held = {}

    def put(self, documents):
        for document in {one.id: one for one in documents}.values():
            self.held.pop(document.id, None)
        for document in {one.id: one for one in documents}.values():
            self.held[document.id] = document

    def search(self, query, k, is_wanted):
        ranked = [
            (float(np.sqrt(((one.vector - query) ** 2).sum())), at, one)
            for at, one in enumerate(self.held.values())
            if one.vector is not None and is_wanted(one.metadata)
        ]
        return [(one, distance) for distance, _, one in sorted(ranked)[:k]]


def assert_alike(store, model, rng):
    assert [*store] == [*model.held.values()]
    assert len(store) == len(model.held)
    for found, expected in zip(store, model.held.values(), strict=True):
        assert (found.vector is None) == (expected.vector is None)
        if found.vector is not None:
            np.testing.assert_array_equal(found.vector, expected.vector)
    query = rng.integers(-2, 3, DIM)
    for where, is_wanted in (
        (None, lambda _: True),
        (field("n") >= 3, lambda metadata: metadata.get("n", -1) >= 3),
        (lambda own: not own.metadata, lambda metadata: not metadata),
    ):
        found = store.search(query, 7, where)
        expected = model.search(query, 7, is_wanted)
        assert [one for one, _ in found] == [one for one, _ in expected]
        np.testing.assert_allclose(
            [distance for _, distance in found],
            [distance for _, distance in expected],
            rtol=1e-6,
        )


@pytest.mark.parametrize("is_saved", [False, True])
def test_a_store_is_its_model_whatever_befalls_it(is_saved, tmp_path):
    rng = np.random.default_rng(3)
    store, model = DocumentStore("euclidean"), Model()
    for step in range(60):
        ids = [f"id{number}" for number in rng.integers(0, 40, rng.integers(1, 9))]
        act = rng.integers(8)
        if act < 4:
            documents = [drawn(rng, own_id) for own_id in ids]
            store.put(documents)
            model.put(documents)
        elif act < 6:
            gone = {own_id for own_id in ids if model.held.pop(own_id, None)}
            assert store.delete(ids) == len(gone)
        elif act == 6:
            changed = [one for one in model.held.values() if "n" in one.metadata]
            assert store.update(field("n").exists(), {"n": 4}) == len(changed)
            for one in changed:
                metadata = {**one.metadata, "n": 4}
                model.held[one.id] = Document(one.id, one.text, metadata, one.vector)
        elif is_saved:
            store.save(tmp_path / str(step))
            store = DocumentStore.open(tmp_path / str(step))
        assert_alike(store, model, rng)
    assert len(store) > 10


@pytest.mark.parametrize("metric", METRICS)
def test_answers_do_not_depend_on_how_documents_were_put(metric):
    rng = np.random.default_rng(0)
    documents = [drawn(rng, str(number)) for number in range(80)]
    query = normal_rows(3, DIM)
    answers = []
    for size in (80, 7, 1):
        store = DocumentStore(metric)
        for start in range(0, 80, size):
            store.put(documents[start : start + size])
        answers.append(store.search(query, 30))
    assert answers[0] == answers[1] == answers[2]


def test_an_empty_store_answers_nothing():
    store = DocumentStore()
    assert store.search([1.0, 2.0], 3) == []
    assert store.search([[1.0, 2.0]] * 2, 3) == [[], []]
    assert store.mmr([1.0, 2.0], 3) == []
    assert [*store] == store.get(["a"]) == store.put([]) == []
    assert len(store) == store.delete(["a"]) == store.count() == 0
    assert store.dim is None
    with pytest.raises(InvalidTypeError, match="where must be a condition"):
        store.search([1.0, 2.0], 3, {"a": 1})
    store.put([Document("a", "without a vector")])
    assert store.search([1.0, 2.0], 3) == []
    store.clear()
    assert len(store) == 0


def test_a_store_emptied_again_answers_nothing_and_goes_on():
    store = DocumentStore("euclidean")
    store.put([Document("a", "", {}, [1.0, 2.0])])
    store.clear()
    assert store.search([1.0, 2.0], 3) == []
    assert store.mmr([1.0, 2.0], 3, where=lambda _: True) == []
    store.put([Document("b", "", {}, [1.0, 3.0])])
    assert [(own.id, d) for own, d in store.search([1.0, 2.0], 3)] == [("b", 1.0)]


def test_ids_are_drawn_where_there_are_none_and_the_last_of_equal_ones_counts():
    store = DocumentStore()
    ids = store.put([Document(None, "x"), Document(text="x"), Document("a", "1")])
    assert len({*ids}) == 3
    assert store.put([Document("a", "2"), Document("b"), Document("a", "3")]) == [
        "a",
        "b",
        "a",
    ]
    assert [own.text for own in store.get(["a", "none", "b", "a"])] == ["3", "", "3"]
    assert "a" in store
    assert "none" not in store
    assert 3 not in store


def test_a_document_may_gain_and_lose_its_vector():
    store = DocumentStore("euclidean")
    store.put([Document("a"), Document("b", vector=[0.0, 1.0])])
    store.put([Document("a", vector=[0.0, 0.0]), Document("b")])
    assert [own.id for own, _ in store.search([0.0, 1.0], 5)] == ["a"]
    assert [own.vector is None for own in store.get(["a", "b"])] == [False, True]


def test_what_was_got_can_be_put_back():
    store, rng = DocumentStore("euclidean"), np.random.default_rng(1)
    store.put([drawn(rng, str(number)) for number in range(20)])
    other = DocumentStore("euclidean")
    other.put(store)
    query = normal_rows(2, DIM)
    assert other.search(query, 20) == store.search(query, 20)


def test_nothing_of_a_store_is_shared_with_who_puts_and_who_gets():
    metadata, vector = {"list": [1]}, np.array([1.0, 2.0], dtype=np.float32)
    store = DocumentStore()
    store.put([Document("a", "t", metadata, vector)])
    metadata["list"].append(2)
    vector[:] = 7
    expected = Document("a", "t", {"list": [1]})
    for found in (
        *store.get(["a"]),
        *store.matching(),
        *store,
        *(own for own, _ in store.search([1.0, 2.0], 1)),
        *(own for own, _ in store.mmr([1.0, 2.0], 1)),
    ):
        assert found == expected
        found.metadata["list"].append(3)
        found.vector[:] = 9
    store.search([1.0, 2.0], 1, lambda own: own.metadata["list"].append(4) is None)
    assert store.get(["a"]) == [expected]
    np.testing.assert_array_equal(store.get(["a"])[0].vector, [1, 2])


def test_zero_vectors_are_at_1_from_everything_under_cosine():
    store = DocumentStore()
    store.put([Document("zero", vector=[0, 0]), Document("one", vector=[1, 0])])
    found = [(own.id, distance) for own, distance in store.search([1, 0], 2)]
    assert found == [("one", 0.0), ("zero", 1.0)]
    assert [own.id for own, _ in store.mmr([0, 0], 2)] == ["zero", "one"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("n", "", {}, [1, np.nan]), "vector of document 'n' must be finite"),
        (Document("n", "", {}, [1]), "vector of document 'n' must have 2 numbers"),
        (
            Document("n", "", {}, [[1, 2]]),
            r"document 'n' must have 2 numbers.*\(1, 2\)",
        ),
        (Document("n", "", {}, "abc"), "vector of document 'n' must be"),
        (Document(3), "id of a document must be a string, got 3 of int"),
        (Document("n", b"x"), "text of document 'n' must be a string"),
        (Document("n", None), "text of document 'n' must be a string, got None"),
        (Document("n", "\ud800"), "text of document 'n' must be text of Unicode"),
        (Document("\udfff"), "id of a document must be text of Unicode"),
        (Document("n", "", {"a": {1, 2}}), r"metadata of document 'n'\['a'\]"),
        (Document("n", "", [1]), "metadata of document 'n' must be a dict"),
        ({"id": "n"}, "documents must be of quiver's Document"),
    ],
)
def test_a_bad_document_is_named_and_nothing_is_changed(document, message):
    store = DocumentStore()
    store.put([Document("a", "t", {}, [1.0, 2.0])])
    before = store.search([1.0, 2.0], 5)
    with pytest.raises((InvalidArgumentError, InvalidTypeError), match=message):
        store.put([Document("a", "other", {}, [3.0, 4.0]), document])
    assert store.search([1.0, 2.0], 5) == before
    assert len(store) == 1


def test_vectors_of_unequal_length_are_named_in_a_store_without_any():
    with pytest.raises(InvalidArgumentError, match="document 'b' must have 2 numbers"):
        DocumentStore().put([Document("a", vector=[1, 2]), Document("b", vector=[1])])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda store: store.search([1.0], 1), "vector must have 2 columns"),
        (lambda store: store.search([1.0, np.nan], 1), "vector must be finite"),
        (lambda store: store.search([1.0, 2.0], 0), "k must be in 1"),
        (lambda store: store.search([1.0, 2.0], 1, {"a": 1}), "where must be a cond"),
        (lambda store: store.mmr([1.0, 2.0], 1, lambda_mult=2), "lambda_mult must be"),
        (lambda store: store.mmr([1.0, 2.0], 1, fetch_k=0), "fetch_k must be in 1"),
        (lambda store: store.get("abc"), "ids must be a list of strings, got 'abc'"),
        (lambda store: store.delete("abc"), "ids must be a list of strings"),
        (lambda store: store.get(["a", 7]), "ids must be strings, got 7 of type int"),
        (lambda store: store.delete([["a"]]), r"ids must be strings, got \['a'\]"),
        (lambda store: store.mmr([[1.0, 2.0]], 1), r"vector must be one row.*\(1, 2\)"),
        (lambda store: store.mmr(1.0, 1), r"vector must be one row of numbers"),
        (lambda store: store.put(Document("b")), r"documents must be a list.*\[it\]"),
        (lambda store: store.put(None), "documents must be a list of them, got None"),
        (lambda store: store.update(None, [1]), "metadata must be a dict"),
        (lambda store: store.update(None, {"a": {1}}), r"metadata\['a'\] must be"),
        (lambda _: DocumentStore("cosinus"), "did you mean 'cosine'"),
        (lambda _: DocumentStore(max_degre=3), "did you mean 'max_degree'"),
    ],
)
def test_a_bad_question_is_refused_in_words(ask, message):
    store = DocumentStore()
    store.put([Document("a", "t", {}, [1.0, 2.0])])
    with pytest.raises((InvalidArgumentError, InvalidTypeError), match=message):
        ask(store)


def test_documents_are_counted_updated_and_deleted_by_what_they_say():
    store = DocumentStore()
    store.put([Document(str(n), "", {"n": n}, [n + 1, 1]) for n in range(10)])
    assert store.count(field("n") < 4) == 4
    assert store.update(field("n") < 4, {"n": -1, "new": [True]}) == 4
    assert [own.id for own in store.matching(field("new").exists())] == [*"0123"]
    assert store.get(["2"]) == [Document("2", "", {"n": -1, "new": [True]})]
    assert store.delete_where(lambda own: own.id in "1357") == 4
    assert [own.id for own in store] == [*"024689"]
    assert len(store.search([1, 1], 99)) == 6


def test_a_mapping_of_any_kind_is_metadata():
    class Own(Mapping):
        def __getitem__(self, key):
            return {"a": 1}[key]

        def __iter__(self):
            return iter("a")

        def __len__(self):
            return 1

    store = DocumentStore()
    store.put([Document("a", "", Own())])
    assert store.get(["a"])[0].metadata == {"a": 1}


def test_there_is_a_graph_from_1000_vectors_on_and_filters_hold():
    rows = normal_rows(1100, 8)
    store = DocumentStore("euclidean", max_degree=8, ef_construction=16)
    store.put(Document(str(n), "", {"n": n}, rows[n]) for n in range(999))
    assert not store._view.index.state.has_graph
    store.put(Document(str(n), "", {"n": n}, rows[n]) for n in range(999, 1100))
    assert store._view.index.state.has_graph
    assert store._view.index.params.max_degree == 8
    found = store.search(rows[:50], 5, field("n") >= 20)
    assert [answer[0][0].id for answer in found][20:] == [str(n) for n in range(20, 50)]
    exact = np.linalg.norm(rows[None, 20:] - rows[:50, None], axis=2)
    truth = np.argsort(exact, axis=1)[:, :5] + 20
    hits = sum(
        int(own.id) in nearest
        for answer, nearest in zip(found, truth, strict=True)
        for own, _ in answer
    )
    assert hits == 250


def test_readers_see_whole_changes_only():
    store = DocumentStore("euclidean")
    both = [Document(own_id, "0", {}, [0.0, 1.0]) for own_id in "ab"]
    store.put(both)
    seen, is_over = [], threading.Event()

    def read():
        while not is_over.is_set():
            seen.append({own.text for own, _ in store.search([0.0, 0.0], 5)})
            seen.append({own.text for own in store.get(["a", "b"])})
            seen.append({own.text for own in store})

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for change in range(1, 60):
        store.put([Document(own_id, str(change), {}, [change, 1.0]) for own_id in "ab"])
    is_over.set()
    for reader in readers:
        reader.join()
    assert {len(texts) for texts in seen} == {1}


def naive_mmr(query, vectors, k, lambda_mult):
    """Return maximal marginal relevance, straight from its definition."""

    def cosine(a, b):
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))

    taken = []
    while len(taken) < min(k, len(vectors)):
        rest = [at for at in range(len(vectors)) if at not in taken]
        gains = [
            lambda_mult * cosine(query, vectors[at])
            - (1 - lambda_mult)
            * max((cosine(vectors[at], vectors[one]) for one in taken), default=0)
            for at in rest
        ]
        taken.append(rest[int(np.argmax(gains))])
    return taken


@pytest.mark.parametrize("lambda_mult", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("metric", METRICS)
def test_diverse_answers_are_those_of_the_definition(metric, lambda_mult):
    rows = normal_rows(40, DIM, seed=2).astype(np.float64)
    store = DocumentStore(metric)
    store.put([Document(str(n), "", {"n": n}, rows[n]) for n in range(40)])
    query, where = normal_rows(1, DIM, seed=3)[0].astype(np.float64), field("n") > 4
    near = [int(own.id) for own, _ in store.search(query, 15, where)]
    expected = naive_mmr(query, rows[near], 6, lambda_mult)
    found = store.mmr(query, 6, 15, lambda_mult, where)
    assert [int(own.id) for own, _ in found] == [near[at] for at in expected]
    by_id = {own.id: distance for own, distance in store.search(query, 40)}
    assert all(by_id[own.id] == distance for own, distance in found)


def test_as_many_diverse_answers_come_as_are_wanted_and_there():
    store = DocumentStore()
    store.put([Document(str(n), vector=row) for n, row in enumerate(normal_rows(9, 4))])
    assert len(store.mmr([1, 2, 3, 4], 5, 2)) == 5
    assert len({own.id for own, _ in store.mmr([1, 2, 3, 4], 50, 2, 0.0)}) == 9
