"""The calls that `quiver.verify` compares, and the index it builds twice.

Inputs are `quiver.conformance.hazards`, coded by the reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.random import Generator

from quiver import reference
from quiver._typing import AnyArray, Bits, PruneRule, Vectors, Weights
from quiver.backends.protocol import Backend
from quiver.build import Plan, build
from quiver.conformance import hazards
from quiver.conformance.searched import make_searched
from quiver.params import BuildParams, Encoding, SearchParams
from quiver.reference.answer import Searched
from quiver.reference.codes import Codes, Queries
from quiver.reference.horizon import Horizon
from quiver.reference.keys import NO_ID
from quiver.search import search

KINDS: tuple[tuple[Bits, Weights], ...] = (
    (2, "corrected"),
    (2, "published"),
    (4, "corrected"),
    (8, "corrected"),
)
"""Every kind of code that a backend must know."""


class Call(NamedTuple):
    """One call to compare: the method, its arguments and what they were made of."""

    method: str
    args: tuple[Any, ...]
    description: str
    rules: Mapping[str, AnyArray | bool | Horizon | None] = MappingProxyType({})

    @property
    def inputs(self) -> tuple[Any, ...]:
        """Every argument, those given by name too."""
        return *self.args, *self.rules.values()


def draw_calls(rng: Generator, dim: int) -> Iterator[Call]:
    """Yield calls of every method, with every kind of code and both query forms.

    Their inputs come from the reference, so that one wrong method is not blamed on
    the others.
    """
    # Of their own, so that they shift no other draw.
    rules, merges = rng.spawn(2)
    # Two rows at least, so that a target has a candidate to prune.
    n, metric = int(rng.integers(2, 25)), rng.choice(hazards.METRICS).item()
    names = rng.choice(sorted(hazards.HAZARDS), rng.integers(0, 3), replace=False)
    vectors = hazards.make_vectors(rng, n, dim, names)
    queries = hazards.make_vectors(rng, 3, dim, names)
    center, rotate = rng.random(2) < 0.5
    description = (
        f"dim={dim}, n={n}, metric={metric}, center={center}, rotate={rotate}, "
        f"hazards={'+'.join(names) or 'none'}"
    )
    candidates = hazards.make_ids(rng, n, (3, int(rng.integers(1, 12))))
    k = int(rng.integers(1, 12))
    kept = vectors, *(hazards.as_bytes(vectors, x) for x in ("uint8", "int8"))
    for rows in kept:
        listed = rows, queries, candidates
        told = f"{description}, {rows.dtype}, k={k}"
        yield Call("rerank", (*listed, k, metric), told)
        bounds = hazards.make_bounds(rng, *listed, metric)
        yield Call("rerank", (*listed, k, metric, bounds), f"{told}, bounds")
    for bits, weights in KINDS:
        coded_dim = hazards.make_coded_dim(rng, dim, bits)
        transform = hazards.make_transform(
            *(rng, vectors, metric, coded_dim),
            center=bool(center),
            rotate=bool(rotate),
        )
        coded = f"{description}, coded_dim={coded_dim}, bits={bits}, {weights}"
        yield Call("quantize", (queries, transform, bits), coded)
        yield Call("encode", (vectors, transform, bits, weights), coded)
        codes = reference.encode(vectors, transform, bits, weights)
        symmetric = reference.encode(queries, transform, bits, weights)
        rule = rng.choice(get_args(PruneRule)).item()
        keys = hazards.make_prune_keys(rng, codes, 3, n - 1, true_distances=True)
        yield Call("prune", (codes, keys, 5, 1.1, 0.7, rule), f"{coded}, rule={rule}")
        yield _draw_merge(merges, codes, coded)
        neighbors = hazards.make_neighbors(rng, n, 6, rng.choice(hazards.GRAPHS).item())
        ef = int(rng.integers(1, n + 4))
        entries = rng.permutation(n)[: rng.integers(1, 4)].astype(np.uint32)
        for asked in (symmetric, reference.quantize(queries, transform, bits)):
            form = f"{coded}, queries={type(asked).__name__}"
            yield Call("distance", (codes, asked), form)
            yield Call("distance", (codes, asked, candidates), form)
            yield from _draw_walks(rules, (codes, neighbors, asked, entries, ef), form)
        walked = codes, transform, neighbors, entries, metric
        searched = make_searched(rules, kept[rules.integers(0, 3)], *walked)
        yield _draw_answer(rules, searched, queries, ef, coded)


def _draw_merge(rng: Generator, codes: Codes, description: str) -> Call:
    """Return a call that merges new edges into lists with room and without."""
    n, width = codes.n_rows, int(rng.integers(1, 9))
    kind = rng.choice(hazards.GRAPHS).item()
    neighbors = hazards.make_neighbors(rng, n, width, kind)
    sources, edges = hazards.make_new_edges(rng, n)
    # A range without a target would prove nothing.
    target = rng.choice(edges[edges != NO_ID]).item()
    start, stop = int(rng.integers(0, target + 1)), int(rng.integers(target + 1, n + 1))
    degree = int(rng.integers(1, width + 1))
    rule = rng.choice(get_args(PruneRule)).item()
    allowed = {"allowed": hazards.make_masks(rng, n, 1)} if rng.random() < 0.5 else {}
    return Call(
        "merge",
        (codes, neighbors, sources, edges, start, stop, degree, 1.1, 0.7, rule),
        f"{description}, graph={kind}, width={width}, max_degree={degree}, "
        f"rule={rule}, rows={start}:{stop}, allowed={bool(allowed)}",
        allowed,
    )


def _draw_walks(
    rng: Generator, args: tuple[Any, ...], description: str
) -> Iterator[Call]:
    """Yield calls of what measures many rows and keeps the nearest, by every rule."""
    codes, _, queries, _, ef = args
    n, n_queries = codes.n_rows, len(queries[0])
    described = f"{description}, ef={ef}"
    yield Call("search", args, described)
    rules = {
        "allowed": hazards.make_masks(rng, n, rng.choice([1, n_queries]).item()),
        "budget": hazards.make_budgets(rng, n, n_queries),
    }
    chosen = {name: rule for name, rule in rules.items() if rng.random() < 0.7}
    screened = {"screened": isinstance(queries, Queries) and bool(rng.random() < 0.7)}
    horizon = {"horizon": hazards.make_horizon(rng, ef)}
    ruled = f"{described}, rules={'+'.join(chosen) or 'none'}"
    told = f"{ruled}, screened={screened['screened']}, {horizon['horizon']}"
    yield Call("search", args, told, {**chosen, **screened, **horizon})
    limits = hazards.make_limits(rng, reference.distance(codes, queries))
    yield Call("search_radius", (*args, limits), ruled, chosen)
    rows = np.flatnonzero(rng.random(n) < rng.random()).astype(np.uint32)
    yield Call("scan", (codes, queries, rows, ef), f"{described}, rows={len(rows)}")


def _draw_answer(
    rng: Generator, searched: Searched, queries: Vectors, ef: int, description: str
) -> Call:
    """Return a call of the whole search, as wide as a beam may be or wider."""
    k, depth = int(rng.integers(1, ef + 3)), int(rng.integers(1, ef + 1))
    bounded, horizon = bool(rng.random() < 0.7), hazards.make_horizon(rng, ef)
    told = f"{description}, {searched.vectors.dtype}, k={k}, ef={ef}, depth={depth}"
    described = f"{told}, bounded={bounded}, {horizon}"
    args = searched, queries, k, ef, depth
    return Call("answer", args, described, {"bounded": bounded, "horizon": horizon})


def draw_build(rng: Generator) -> Call:
    """Return the call that builds a whole index and searches it."""
    vectors = hazards.make_vectors(rng, 150, 65, ["duplicates"])
    queries = hazards.make_vectors(rng, 10, 65, [])
    description = f"dim=65, n={len(vectors)}, metric=euclidean"
    # Duplicates make every tie and the reachability step matter.
    return Call("build", (vectors, queries), description)


def build_and_search(
    backend: Backend, vectors: AnyArray, queries: AnyArray
) -> tuple[Any, ...]:
    """Return codes, graph and answers of an index over a backend of any origin."""
    params = BuildParams(max_degree=8, ef_construction=16)
    plan = Plan("euclidean", Encoding(), params, backend, threads=2)
    state = build(vectors, np.arange(len(vectors)), plan)
    found = search(state, backend, queries, SearchParams.resolve(5, 16, None))
    stats = found.stats.hops, found.stats.distance_computations, found.stats.lines_read
    return state.codes.rows, state.neighbors, found.ids, found.distances, *stats
