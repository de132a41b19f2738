"""The codes of a store are as wide as its vectors need, however they came."""

from __future__ import annotations

import numpy as np
import pytest
from diagnosed import needs_kernels

from quiver.errors import FileAccessError
from quiver.index import Index
from quiver.integrations.store import Document, DocumentStore, field, width
from quiver.recall.exact import nearest_rows

DIM, K = 128, 10
SHAPE = {"max_degree": 16, "ef_construction": 24}
rng = np.random.default_rng(20)
CENTERS = rng.normal(size=(2, DIM))
NEAR = CENTERS[np.arange(1100) % 2] + 0.02 * rng.normal(size=(1100, DIM))
NEAR = NEAR.astype(np.float32)
FAR = rng.normal(size=(1100, DIM)).astype(np.float32)


def documents(rows: np.ndarray, first: int = 0) -> list[Document]:
    numbered = enumerate(rows, first)
    return [Document(str(n), "", {"odd": n % 2}, row) for n, row in numbered]


def filled(store: DocumentStore, rows: np.ndarray, step: int) -> DocumentStore:
    for start in range(0, len(rows), step):
        store.put(documents(rows[start : start + step], start))
    return store


def recall(store: DocumentStore, rows: np.ndarray) -> float:
    asked = rows[:40]
    truth, _ = nearest_rows(rows, asked, K, "euclidean")
    found = [{int(own.id) for own, _ in answer} for answer in store.search(asked, K)]
    hits = [len(own & {*near.tolist()}) for own, near in zip(found, truth, strict=True)]
    return sum(hits) / (K * len(asked))


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path):
    made = DocumentStore("euclidean", **SHAPE)
    if request.param == "memory":
        return made
    made.save(tmp_path / "store")
    return DocumentStore.open(tmp_path / "store")


@needs_kernels
@pytest.mark.parametrize("step", [1100, 600])
def test_tight_clusters_are_found_however_they_were_put(store, step):
    filled(store, NEAR, step)
    assert store._view.index.encoding.bits > 2
    assert recall(store, NEAR) >= 0.95
    assert all(
        own.metadata["odd"] for own, _ in store.search(NEAR[0], 5, field("odd") == 1)
    )


@needs_kernels
def test_ordinary_vectors_keep_the_narrowest_codes(store):
    filled(store, FAR, 600)
    assert store._view.index.state.has_graph
    assert store._view.index.encoding.bits == 2


def test_a_store_looks_again_when_its_vectors_have_doubled(store, monkeypatch):
    monkeypatch.setattr(width, "FIRST_LOOK", 300)
    store.put(documents(FAR[:300]))
    store.put(documents(NEAR[:299], 300))
    assert store._view.index.encoding.bits == 2
    store.put(documents(NEAR[299:300], 599))
    assert store._view.index.encoding.bits > 2
    assert [*store] == documents(np.concatenate([FAR[:300], NEAR[:300]]))


def test_a_folder_with_wider_codes_opens_again_and_goes_on(tmp_path):
    DocumentStore("euclidean", **SHAPE).save(tmp_path)
    store = filled(DocumentStore.open(tmp_path), NEAR[:1000], 600)
    assert store._view.index.encoding.bits > 2
    store.put(documents(NEAR[1000:1050], 1000))
    store.delete(["3", "999"])
    store.put(documents(NEAR[:4]))
    expected = [*store], store.search(NEAR[:20], K)
    del store
    again = DocumentStore.open(tmp_path)
    assert ([*again], again.search(NEAR[:20], K)) == expected


@needs_kernels
def test_a_disk_that_fails_meanwhile_leaves_all_as_it_was(tmp_path, monkeypatch):
    DocumentStore("euclidean", **SHAPE).save(tmp_path)
    store = filled(DocumentStore.open(tmp_path), NEAR[:900], 900)
    expected = [*store], store.search(NEAR[:20], K)

    def failing(*_, **__):
        raise FileAccessError(28, "no room", "there")

    with monkeypatch.context() as patch:
        patch.setattr(Index, "save", failing)
        with pytest.raises(FileAccessError, match="no room"):
            store.put(documents(NEAR[900:1000], 900))
    assert ([*store], store.search(NEAR[:20], K)) == expected
    filled(store, NEAR[:1000], 1000)
    assert recall(store, NEAR[:1000]) >= 0.95
    del store
    assert recall(DocumentStore.open(tmp_path), NEAR[:1000]) >= 0.95
