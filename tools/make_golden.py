"""Write ``tests/data/golden.npz``: inputs and answers worked out in plain Python.

Run it from the top of the repository:
``PYTHONPATH=tests/helpers python tools/make_golden.py``. The answers come from `naive`,
which imports nothing of quiver; NumPy only stores them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import naive
import numpy as np

OUTPUT = Path(__file__).parents[1] / "tests" / "data" / "golden.npz"
N, N_QUERIES, MAX_DEGREE, EF, K, ALPHA = 12, 3, 5, 7, 4, 1.1
NO_ID = 0xFFFF_FFFF
NO_KEY = 0xFFFF_FFFF_FFFF_FFFF

# Name, metric, dim, strong value, rotate: each layout boundary and each switch once.
CASES = (
    ("one_dimension", "euclidean", 1, 3, True),
    ("two_blocks", "cosine", 129, 3, True),
    ("extra_coordinate", "inner_product", 128, 3, True),
    ("odd_words", "euclidean", 65, 3, False),
    ("published", "cosine", 96, 2, False),
)


Arrays = dict[str, np.ndarray]


def key(distance: float, identifier: int) -> int:
    """Place a finite distance in the order of IEEE 754 numbers, then the id."""
    bits = int(np.float32(distance + 0.0).view(np.uint32))
    ordered = 0xFFFF_FFFF - bits if bits >> 31 else bits + 0x8000_0000
    return (ordered << 32) + identifier


def padded(items: list, length: int, filler: float) -> list:
    return [*items, *[filler] * (length - len(items))]


def draw_vectors(rng: random.Random, count: int, dim: int) -> list[naive.Floats]:
    return [[naive.f32(rng.gauss(0.3, 1)) for _ in range(dim)] for _ in range(count)]


class Case:
    """Drawn inputs of one case, with everything coded."""

    def __init__(
        self, seed: int, metric: str, dim: int, strong: int, rotate: bool
    ) -> None:
        self.rng = rng = random.Random(seed)
        self.metric, self.strong = metric, strong
        self.vectors = draw_vectors(rng, N, dim)
        self.vectors[3] = self.vectors[1]
        self.vectors[4] = [0.0] * dim
        self.queries = [*draw_vectors(rng, N_QUERIES - 1, dim), self.vectors[5]]
        self.mean = [naive.f32(rng.gauss(0.1, 0.1)) for _ in range(dim)]
        self.signs = [
            [rng.choice([-1.0, 1.0]) for _ in self.mean] for _ in range(2 * rotate)
        ]
        rows = [self.coordinates(x) for x in self.vectors]
        self.codes = [naive.code(r, strong) for r in rows]
        self.corrections = [
            naive.corrections(r, u) if strong == 3 else (0.0, 0.0)
            for r, u in zip(rows, self.codes, strict=True)
        ]
        self.quantised = [naive.quantize(self.coordinates(q)) for q in self.queries]

    def coordinates(self, vector: naive.Floats) -> naive.Floats:
        """Return T(x)."""
        return naive.transform(vector, self.metric, self.mean, self.signs)

    def between(self, a: int, b: int) -> float:
        """Return the symmetric distance of two codes."""
        u_a, u_b = self.codes[a], self.codes[b]
        if self.strong == 2:
            return naive.published(u_a, u_b)
        return naive.symmetric(u_a, self.corrections[a][1], u_b, self.corrections[b][1])

    def asymmetric(self, query: int, node: int) -> float:
        """Return the distance of a query to a code."""
        return naive.asymmetric(
            *self.quantised[query], self.codes[node], *self.corrections[node]
        )


def describe_inputs(case: Case) -> Arrays:
    return {
        "vectors": np.array(case.vectors, np.float32),
        "queries": np.array(case.queries, np.float32),
        "mean": np.array(case.mean, np.float32),
        "signs": np.array(case.signs, np.float32).reshape(-1, len(case.mean)),
        "metric": np.array(case.metric),
        "strong": np.array(case.strong),
    }


def answer_codes(case: Case) -> Arrays:
    width = -(-len(case.mean) // 128) * 128
    values = [padded(v, width, 0) for v, _, _ in case.quantised]
    pairs = zip(case.codes, case.corrections, strict=True)
    rows = [naive.row(u, *pair) for u, pair in pairs]
    return {
        "rows": np.frombuffer(b"".join(rows), np.uint8).reshape(N, -1),
        "query_values": np.array(values, np.int8),
        "query_corrections": np.array([q[1:] for q in case.quantised], np.float32),
    }


def answer_distances(case: Case) -> Arrays:
    symmetric = [[case.between(a, b) for b in range(N)] for a in range(N)]
    asymmetric = [[case.asymmetric(q, x) for x in range(N)] for q in range(N_QUERIES)]
    return {
        "symmetric": np.array(symmetric, np.float32),
        "asymmetric": np.array(asymmetric, np.float32),
    }


def answer_walks(case: Case) -> Arrays:
    rng = case.rng
    neighbors = [rng.sample(range(N), rng.randrange(1, 4)) for _ in range(N)]
    walks = [
        naive.search(partial(case.asymmetric, q), neighbors, 0, EF)
        for q in range(N_QUERIES)
    ]
    beams, hops, seen = zip(*walks, strict=True)
    return {
        "neighbors": np.array([padded(r, 3, NO_ID) for r in neighbors], np.uint32),
        "beams": as_keys(beams, EF),
        "hops": np.array(hops),
        "distance_computations": np.array(seen),
    }


def answer_prune(case: Case) -> Arrays:
    candidates = [
        sorted((case.between(target, c), c) for c in range(N) if c != target)
        for target in range(N)
    ]
    arrays = {"candidates": as_keys(candidates, N - 1)}
    for rule in ("vamana", "published"):
        kept = [
            naive.prune(pool, case.between, MAX_DEGREE, ALPHA, rule)
            for pool in candidates
        ]
        padded_rows = [padded(row, MAX_DEGREE, NO_ID) for row in kept]
        arrays[f"pruned_{rule}"] = np.array(padded_rows, np.uint32)
    return arrays


def answer_rerank(case: Case) -> Arrays:
    best = [
        sorted(
            (naive.exact_distance(x, q, case.metric), i)
            for i, x in enumerate(case.vectors)
        )[:K]
        for q in case.queries
    ]
    return {
        "reranked_ids": np.array([[i for _, i in row] for row in best], np.uint32),
        "reranked": np.array([[d for d, _ in row] for row in best], np.float32),
    }


def as_keys(beams: Iterable[list[tuple[float, int]]], width: int) -> np.ndarray:
    packed = [padded([key(*entry) for entry in beam], width, NO_KEY) for beam in beams]
    return np.array(packed, np.uint64)


PARTS = (
    describe_inputs,
    answer_codes,
    answer_distances,
    answer_walks,
    answer_prune,
    answer_rerank,
)


def main() -> None:
    arrays = {}
    for seed, (name, *settings) in enumerate(CASES):
        case = Case(seed, *settings)
        for part in PARTS:
            arrays |= {f"{name}.{field}": a for field, a in part(case).items()}
    OUTPUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUTPUT, **arrays)


if __name__ == "__main__":
    main()
