"""What the gate compares exactly: recall, counters, bytes and digests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from run_kernels import draw

import quiver
from quiver.datasets import load_demo

ENCODINGS = {
    "default": quiver.Encoding(bits=2),
    **{f"{bits}-bit": quiver.Encoding(bits=bits) for bits in (4, 8)},
    "paper": quiver.Encoding.paper(),
}
BEAM_WIDTHS = (16, 64)
SHARES = (0.9, 0.5, 0.1, 0.01)
K = 10

Values = dict[str, float | str]


class Unavailable(Exception):
    """A part cannot be measured here; the reason is the message."""


class Case(NamedTuple):
    """A base with its queries and metric."""

    vectors: np.ndarray
    queries: np.ndarray
    metric: str


def measure_metrics(backend: str) -> Values:
    """Return recall, counters, bytes and digests of every case and encoding."""
    kernels = quiver.get_backend(backend)
    if kernels.name == "reference":
        msg = "only the reference backend is here, which would take an hour"
        raise Unavailable(msg)
    values: Values = {}
    for case_name, case in cases().items():
        _, true = quiver.exact_knn(case.vectors, case.queries, K, metric=case.metric)
        for name, encoding in ENCODINGS.items():
            kind = {"metric": case.metric, "encoding": encoding}
            index = quiver.Index.build(case.vectors, backend=kernels.name, **kind)
            for key, value in measure_index(index, case.queries, true):
                values[f"{case_name} {name} {key}"] = value
            for key, value in measure_change(index, case.queries, true):
                values[f"{case_name} {name} changed {key}"] = value
    return values


def measure_index(
    index: quiver.Index, queries: np.ndarray, true: np.ndarray
) -> Iterator[tuple[str, float | str]]:
    """Yield what one index holds, costs and finds."""
    memory = index.memory_report()
    yield "hot bytes", memory.hot
    yield "cold bytes", memory.vectors
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gate.quiver"
        index.save(path)
        # Unlike the digests this moves with the format alone.
        yield "file bytes", path.stat().st_size
    yield "codes digest", digest(index.codes.rows)
    yield "graph digest", digest(index.neighbors)
    for ef in BEAM_WIDTHS:
        result = index.search(queries, k=K, ef=ef)
        recall = quiver.recall_at_k(result.distances, true)
        yield f"ef={ef} recall", round(recall, 6)
        yield f"ef={ef} hops", int(result.stats.hops.sum())
        computations = int(result.stats.distance_computations.sum())
        yield f"ef={ef} distance computations", computations
        yield f"ef={ef} lines read", int(result.stats.lines_read.sum())
        yield f"ef={ef} reranked", int(result.stats.reranked.sum())
        yield f"ef={ef} answer digest", digest(result.ids, result.distances)
    yield from measure_rules(index, queries, true)


def measure_rules(
    index: quiver.Index, queries: np.ndarray, true: np.ndarray
) -> Iterator[tuple[str, float | str]]:
    """Yield what a search costs and finds by filters of four shares and by a radius."""
    drawn = np.random.PCG64(0).random_raw(index.n) / 2**64
    for share in SHARES:
        result = index.search(queries, k=K, filter=drawn < share)
        computations = int(result.stats.distance_computations.sum())
        yield f"filter={share} distance computations", computations
        yield f"filter={share} answer digest", digest(result.ids, result.distances)
    if index.encoding.query == "symmetric":
        return
    # Where the tenth neighbour of the first query is.
    found = index.search_radius(queries, float(true[0, -1]))
    computations = int(found.stats.distance_computations.sum())
    yield "radius distance computations", computations
    yield "radius reranked", int(found.stats.reranked.sum())
    yield "radius answer digest", digest(found.ids, found.distances)


def measure_change(
    index: quiver.Index, queries: np.ndarray, true: np.ndarray
) -> Iterator[tuple[str, float | str]]:
    """Yield what an index holds, costs and finds whose tenth row left and came back."""
    ids = index.ids[::10]
    vectors = index.get(ids)
    index.remove(ids, consolidate="manual")
    index.add(vectors, ids, consolidate="manual")
    for word in ("added", "consolidated"):
        result = index.search(queries, k=K, ef=BEAM_WIDTHS[-1])
        yield f"{word} graph digest", digest(index.neighbors)
        yield f"{word} answer digest", digest(result.ids, result.distances)
        recall = quiver.recall_at_k(result.distances, true)
        yield f"{word} recall", round(recall, 6)
        computations = int(result.stats.distance_computations.sum())
        yield f"{word} distance computations", computations
        index.consolidate()


def digest(*arrays: np.ndarray) -> str:
    """Return a short digest of the bytes of arrays."""
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return sha256(content).hexdigest()[:16]


def cases() -> dict[str, Case]:
    """Return real and drawn data, one case per metric."""
    demo = load_demo()
    return {
        "demo-384": Case(demo.vectors, demo.queries, "cosine"),
        "clusters-128": clusters(128, "euclidean"),
        "clusters-768": clusters(768, "inner_product"),
        # Neighbours far closer than the spread: what two bits cannot rank.
        "tight-128": clusters(128, "euclidean", noise=0.04),
    }


def clusters(dim: int, metric: str, noise: float = 1.0) -> Case:
    """Return points around 50 centres, the same with every NumPy."""
    n_rows, n_queries = 2000, 100
    centers = draw((50, dim), seed=dim)
    drawn = np.float32(noise) * draw((n_rows + n_queries, dim), seed=dim + 1)
    points = centers[np.arange(len(drawn)) % len(centers)] + drawn
    return Case(points[:n_rows], points[n_rows:], metric)
