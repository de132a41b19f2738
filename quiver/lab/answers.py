"""Answers: what the page shows of a question, ready for JSON."""

from __future__ import annotations

from dataclasses import astuple
from hashlib import sha256
from typing import Any, get_args

import numpy as np

from quiver._typing import Ids, Metric, Vectors
from quiver.backends.registry import get_backend, list_backends
from quiver.explain.explanation import Explanation
from quiver.index import Index
from quiver.lab.asked import Question
from quiver.lab.estimates import estimates
from quiver.lab.material import Material
from quiver.pages.walk import walk_document
from quiver.recall.marks import exact_distances
from quiver.results import SearchResult
from quiver.search import least_scan_ef
from quiver.service.limits import Limits
from quiver.validation.arrays import as_queries


def about(material: Material, limits: Limits) -> dict[str, Any]:
    """Return what there is to ask, and how hard."""
    index = material.index
    return {
        "n": index.n,
        "dim": index.dim,
        "metric": index.metric,
        "metrics": get_args(Metric),
        "texts": len(material.texts),
        "queries": material.n_queries,
        "sides": {name: _facts(side) for name, side in material.sides.items()},
        "backends": [one._asdict() for one in list_backends()],
        "used": index.backend.name,
        "most": {
            "k": min(limits.k, index.n),
            "ef": min(limits.ef, least_scan_ef(index.state.n) - 1),
        },
        "offered": [one._asdict() for one in material.offered()],
    }


def explained(material: Material, asked: Question) -> dict[str, Any]:
    """Return a search with its walk, as the reference takes it, and how codes rank."""
    index = material.sides[asked.side]
    given = material.vector(asked.of, asked.id)
    explanation = index.explain(given, **asked.effort)
    state = index.state
    query, _ = as_queries(given, metric=state.metric, dim=state.dim)
    true = np.array([one.id for one in explanation.true_neighbours])
    near = state.rows_by_id.rows(true).astype(np.uint32)
    return {
        "walk": walk_document(explanation, material.text),
        "code_distance": explanation.code_distance,
        "distances": _in_every_metric(index, query, explanation),
        "estimates": estimates(state, index.backend, query, near),
    }


def compared(material: Material, asked: Question) -> dict[str, Any]:
    """Return what a backend answers, and whether it is the reference's in every bit."""
    index = material.sides[asked.side]
    query = material.vector(asked.of, asked.id)
    backend, reference = get_backend(asked.backend), get_backend("reference")
    found, expected = (
        Index(index.state, one).search(query, **asked.effort)
        for one in (backend, reference)
    )
    told = digest(found)
    return {
        "name": backend.name,
        "target": backend.target,
        "ids": [str(id_) for id_ in found.ids.tolist()],
        "digest": told,
        "is_equal": told == digest(expected),
    }


def digest(result: SearchResult) -> str:
    """Return the SHA-256 of ids, distances, counts and counters, bit for bit."""
    arrays = result.ids, result.distances, result.counts, *astuple(result.stats)
    return sha256(b"".join(np.asarray(one).tobytes() for one in arrays)).hexdigest()


def _facts(index: Index) -> dict[str, Any]:
    encoding, params = index.encoding, index.params
    return {
        "encoding": f"{encoding.bits} bits, {encoding.weights} weights, "
        f"{encoding.query} query",
        "shape": f"max_degree {params.max_degree}, "
        f"ef_construction {params.ef_construction}, alpha {params.alpha:g}",
        "hot_bytes_per_vector": round(index.memory_report().hot_per_vector),
    }


def _in_every_metric(
    index: Index, query: Vectors, explanation: Explanation
) -> dict[str, dict[str, str]]:
    """Return the exact distances of answer and true neighbours, by metric and id."""
    found = {one.id for one in explanation.found}
    ids = np.array(sorted(found.union(n.id for n in explanation.true_neighbours)))
    rows: Ids = index.state.rows_by_id.rows(ids).astype(np.uint32)[None]
    vectors = index.state.vectors
    return {
        metric: {
            str(id_): f"{distance:.4f}"
            for id_, distance in zip(
                ids.tolist(),
                exact_distances(index.backend, vectors, query, rows, metric)[0],
                strict=True,
            )
        }
        for metric in get_args(Metric)
    }
