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

VERSION = 3
"""Of the fields: 1 had rows of blocks and nothing but 2 bits; 2 walked from row 0."""

OUTPUT = Path(__file__).parents[1] / "tests" / "data" / "golden.npz"
N, N_QUERIES, MAX_DEGREE, EF, K, ALPHA = 12, 3, 5, 7, 4, 1.1
NO_ID = 0xFFFF_FFFF
NO_KEY = 0xFFFF_FFFF_FFFF_FFFF

# Name, metric, dim, coded dim, bits, rotate: each boundary and each switch once.
CASES = (
    ("one_dimension", "euclidean", 1, 224, 2, True),
    ("one_full_line", "cosine", 224, 224, 2, True),
    ("two_lines", "inner_product", 225, 480, 2, True),
    ("more_lines", "cosine", 40, 480, 2, True),
    ("odd_words", "euclidean", 65, 65, 2, False),
    ("published", "cosine", 96, 96, 2, False),
    ("four_bits", "cosine", 100, 112, 4, True),
    ("four_bits_unfilled", "euclidean", 113, 113, 4, False),
    ("eight_bits", "euclidean", 50, 56, 8, True),
    ("eight_bits_unfilled", "inner_product", 57, 57, 8, False),
)
PRUNINGS = (
    *(("vamana", 0.0), ("vamana", 0.7), ("vamana", 1.0)),
    *(("strict_first", 0.7), ("published", 0.7)),
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
        self,
        seed: int,
        name: str,
        metric: str,
        dim: int,
        coded_dim: int,
        bits: int,
        rotate: bool,
    ) -> None:
        self.rng = rng = random.Random(seed)
        self.metric, self.coded_dim, self.bits = metric, coded_dim, bits
        self.weights = "published" if name == "published" else "corrected"
        self.vectors = draw_vectors(rng, N, dim)
        self.vectors[3] = self.vectors[1]
        self.vectors[4] = [0.0] * dim
        self.queries = [*draw_vectors(rng, N_QUERIES - 1, dim), self.vectors[5]]
        self.mean = [naive.f32(rng.gauss(0.1, 0.1)) for _ in range(dim)]
        self.signs = [
            [rng.choice([-1.0, 1.0]) for _ in range(coded_dim)]
            for _ in range(2 * rotate)
        ]
        rows = [self.coordinates(x) for x in self.vectors]
        self.codes = [naive.encode(r, bits, self.weights) for r in rows]
        self.quantized = [naive.quantize(self.coordinates(q)) for q in self.queries]

    def coordinates(self, vector: naive.Floats) -> naive.Floats:
        """Return T(x)."""
        settings = self.metric, self.mean, self.signs, self.coded_dim
        return naive.transform(vector, *settings)

    def between(self, a: int, b: int) -> float:
        """Return the symmetric distance of two codes."""
        return naive.symmetric(self.codes[a], self.codes[b])

    def asymmetric(self, query: int, node: int) -> float:
        """Return the distance of a query to a code."""
        return naive.asymmetric(*self.quantized[query], self.codes[node])


def describe_inputs(case: Case) -> Arrays:
    return {
        "vectors": np.array(case.vectors, np.float32),
        "queries": np.array(case.queries, np.float32),
        "mean": np.array(case.mean, np.float32),
        "signs": np.array(case.signs, np.float32).reshape(-1, case.coded_dim),
        "metric": np.array(case.metric),
        "bits": np.array(case.bits),
        "weights": np.array(case.weights),
    }


def answer_codes(case: Case) -> Arrays:
    values = [naive.planes(v, case.bits) for v, _, _ in case.quantized]
    rows = [naive.row(code) for code in case.codes]
    return {
        "rows": np.frombuffer(b"".join(rows), np.uint8).reshape(N, -1),
        "query_values": np.array(values, np.int8),
        "query_corrections": np.array([q[1:] for q in case.quantized], np.float32),
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
    # More than a beam holds, now and then.
    entry_points = rng.sample(range(N), rng.randrange(1, EF + 3))
    walks = [
        naive.search(partial(case.asymmetric, q), neighbors, entry_points, EF)
        for q in range(N_QUERIES)
    ]
    beams, hops, seen = zip(*walks, strict=True)
    return {
        "neighbors": np.array([padded(r, 3, NO_ID) for r in neighbors], np.uint32),
        "entry_points": np.array(entry_points, np.uint32),
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
    biases = [code.bias for code in case.codes]
    for rule, beta in PRUNINGS:
        kept = [
            naive.prune(pool, case.between, biases, MAX_DEGREE, ALPHA, beta, rule)
            for pool in candidates
        ]
        padded_rows = [padded(row, MAX_DEGREE, NO_ID) for row in kept]
        arrays[f"pruned_{rule}_{beta}"] = np.array(padded_rows, np.uint32)
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
    arrays = {"version": np.array(VERSION)}
    for seed, (name, *settings) in enumerate(CASES):
        case = Case(seed, name, *settings)
        for part in PARTS:
            arrays |= {f"{name}.{field}": a for field, a in part(case).items()}
    OUTPUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUTPUT, **arrays)


if __name__ == "__main__":
    main()
