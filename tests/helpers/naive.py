"""The algorithm in plain Python numbers: one vector, one bit at a time.

Imports nothing of quiver and no NumPy, so that it can disagree with both. A float32
operation is a Python one rounded once through ``struct``: with 53 bits for 24 that
is exact. Vectors are lists of floats, codes hold one u per coordinate.

Source: the chapters of docs/algorithm/index.md.
"""

from __future__ import annotations

import heapq
import math
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

Floats = list[float]
Metric = Callable[[int, int], float]


class Code(NamedTuple):
    """One coded vector: the u of every coordinate, and the corrections."""

    u: list[int]
    bits: int
    weights: str
    scale: float = 0.0
    bias: float = 0.0

    @property
    def values(self) -> list[int]:
        """What every u stands for."""
        if self.weights == "published":
            return [[-2, -1, 1, 2][level] for level in self.u]
        if self.bits == 8:
            return [level - 128 for level in self.u]
        return [2 * level - (2**self.bits - 1) for level in self.u]


def f32(number: float) -> float:
    """Round to float32; too large a number is infinite, as in IEEE 754."""
    try:
        return struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)


def lane_sum(terms: Sequence[float]) -> float:
    lanes = [0.0] * 8
    for j, term in enumerate(terms):
        lanes[j % 8] += term
    l0, l1, l2, l3, l4, l5, l6, l7 = lanes
    return ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    return lane_sum([x * y for x, y in zip(a, b, strict=True)])


def prepare(vector: Floats, metric: str) -> Floats:
    if metric == "euclidean":
        return vector
    length = math.sqrt(dot(vector, vector))
    if metric == "cosine":
        factor = 1 / length if length > 0 else 0.0
    else:
        length = max(length, 1e-24)
        factor = 1 / (length * math.sqrt(length))
    return [f32(x * factor) for x in vector]


def hadamard(block: Floats) -> Floats:
    p = len(block)
    h = 1
    while h < p:
        block = [
            f32(block[i ^ h] - block[i]) if i & h else f32(block[i] + block[i ^ h])
            for i in range(p)
        ]
        h *= 2
    factor = f32(1 / math.sqrt(p))
    return [f32(x * factor) for x in block]


def rotate(vector: Floats, signs: Sequence[Floats]) -> Floats:
    p = 2 ** math.floor(math.log2(len(vector)))
    for round_number, flips in enumerate(signs):
        vector = [f32(x * flip) for x, flip in zip(vector, flips, strict=True)]
        if round_number == 0:
            vector = hadamard(vector[:p]) + vector[p:]
        else:
            vector = vector[:-p] + hadamard(vector[-p:])
    return vector


def spread(vector: Floats, coded_dim: int) -> Floats:
    wide = [0.0] * coded_dim
    for i, x in enumerate(vector):
        wide[i * coded_dim // len(vector)] = x
    return wide


def transform(
    vector: Floats,
    metric: str,
    mean: Floats,
    signs: Sequence[Floats],
    coded_dim: int,
) -> Floats:
    prepared = prepare(vector, metric)
    centered = [f32(x - m) for x, m in zip(prepared, mean, strict=True)]
    return rotate(spread(centered, coded_dim), signs)


def encode(r: Floats, bits: int, weights: str) -> Code:
    u = in_steps(r, bits) if bits > 2 else by_magnitude(r, weights)
    code = Code(u, bits, weights)
    if weights == "published":
        return code
    overlap = dot([float(w) for w in code.values], r)
    norm2 = dot(r, r)
    scale = norm2 / overlap if overlap > 0 else 0.0
    return code._replace(scale=f32(scale), bias=f32(norm2))


def by_magnitude(r: Floats, weights: str) -> list[int]:
    magnitudes = [abs(x) for x in r]
    if weights == "published":
        mean_abs = lane_sum(magnitudes) / len(r)
        strong = {j for j, size in enumerate(magnitudes) if size > mean_abs}
    else:
        by_size = sorted(range(len(r)), key=lambda j: (-magnitudes[j], j))
        strong = set(by_size[: (len(r) + 1) // 3])
    signs = [int(x > 0) for x in r]
    return [2 * sign + int((j in strong) == bool(sign)) for j, sign in enumerate(signs)]


def in_steps(r: Floats, bits: int) -> list[int]:
    """Round to equal steps; of three shares of the peak the one of least angle."""
    reach, middle, least, most = {4: (8, 7.5, 0, 15), 8: (127, 128, 1, 255)}[bits]
    peak = max(abs(x) for x in r)
    best: tuple[float, list[int]] = -1.0, [0] * len(r)
    for share in (1.0, 0.85, 0.7):
        end = f32(peak * f32(share))
        inverse = f32(reach / end) if end > 0 else math.inf
        inverse = 0.0 if math.isinf(inverse) else inverse
        steps = [f32(f32(x * inverse) + middle) for x in r]
        # Python, too, rounds halves to even.
        u = [round(min(max(step, least), most)) for step in steps]
        w = [float(x) for x in Code(u, bits, "corrected").values]
        length = math.sqrt(dot(w, w))
        cosine = dot(w, r) / length if length > 0 else 0.0
        if cosine > best[0]:
            best = cosine, u
    return best[1]


def n_lines(dim: int, bits: int) -> int:
    """Return the cache lines of 512 bits: two float32, then the coordinates."""
    return math.ceil((64 + dim * bits) / 512)


def row(code: Code) -> bytes:
    packed = bytearray(64 * n_lines(len(code.u), code.bits) - 8)
    for j, level in enumerate(code.u):
        place, byte = divmod(j, len(packed))
        packed[byte] |= level << code.bits * place
    return struct.pack("<ff", code.scale, code.bias) + bytes(packed)


def quantize(r: Floats) -> tuple[list[int], float, float]:
    peak = max(abs(x) for x in r)
    inverse = f32(127 / peak) if peak > 0 else math.inf
    norm2 = f32(dot(r, r))
    if math.isinf(inverse):
        return [0] * len(r), 0.0, norm2
    return [round(f32(x * inverse)) for x in r], f32(peak / 127), norm2


def planes(v: list[int], bits: int) -> list[list[int]]:
    """Lay the v of a query out where rows have the u, zeros beside the corrections."""
    width = 64 * n_lines(len(v), bits) - 8
    padded = v + [0] * (8 // bits * width - len(v))
    return [
        [0] * 8 + padded[start : start + width]
        for start in range(0, len(padded), width)
    ]


def length_factor(code: Code) -> float:
    """Return m, which gives w the length of r: m·w is the point that a code is."""
    if code.bits > 2:
        return f32(code.scale * f32({4: 0.9944, 8: 0.99997}[code.bits]))
    dim = len(code.u)
    n_strong = (dim + 1) // 3
    inverse = f32(1 / math.sqrt(9 * n_strong + dim - n_strong))
    return f32(f32(math.sqrt(code.bias)) * inverse)


def symmetric(a: Code, b: Code) -> float:
    product = sum(x * y for x, y in zip(a.values, b.values, strict=True))
    if a.weights == "published":
        return float(4 * len(a.u) - product)
    lengths = f32(length_factor(a) * length_factor(b))
    twice = f32(2 * f32(f32(product) * lengths))
    return max(0.0, f32(f32(a.bias + b.bias) - twice))


def asymmetric(v: list[int], step: float, norm2: float, code: Code) -> float:
    product = sum(x * w for x, w in zip(v, code.values, strict=True))
    twice = f32(2 * f32(f32(product) * f32(step * code.scale)))
    return f32(f32(norm2 + code.bias) - twice)


def prune(
    candidates: list[tuple[float, int]],
    between: Metric,
    biases: Sequence[float],
    max_degree: int,
    alpha: float,
    beta: float,
    rule: str,
) -> list[int]:
    """Take the nearest and strike what it covers, as the papers print RobustPrune.

    What is strict first is played twice, the second time with slack for those struck.
    """
    share = f32(beta)

    def covers(s: int, c: int, reach: float, slack: float) -> bool:
        if rule == "published":
            return between(c, s) < f32(f32(alpha) * reach)
        far_out = biases[s] >= f32(share * biases[c])
        return far_out and f32(f32(slack) * between(c, s)) <= reach

    kept: list[int] = []
    pool = list(candidates)
    for slack in (1.0, alpha) if rule == "strict_first" else (alpha,):
        struck = [
            (reach, c)
            for reach, c in pool
            if any(covers(s, c, reach, slack) for s in kept)
        ]
        pool = [candidate for candidate in pool if candidate not in struck]
        while pool and len(kept) < max_degree:
            _, nearest = pool.pop(0)
            kept.append(nearest)
            covered = [(r, c) for r, c in pool if covers(nearest, c, r, slack)]
            struck += covered
            pool = [candidate for candidate in pool if candidate not in covered]
        pool = sorted(struck)
        if rule == "published":
            return kept + [c for _, c in pool][: max_degree - len(kept)]
    return kept


def search(
    to_query: Callable[[int], float],
    neighbors: Sequence[Sequence[int]],
    entry_points: Sequence[int],
    ef: int,
) -> tuple[list[tuple[float, int]], int, int]:
    """Return beam, hops and distance computations; the two heaps of HNSW's paper."""
    best, *counters, _ = search_by_rules(to_query, neighbors, entry_points, ef)
    return best, *counters


def search_by_rules(
    to_query: Callable[[int], float],
    neighbors: Sequence[Sequence[int]],
    entry_points: Sequence[int],
    ef: int,
    may_answer: Callable[[int], bool] = lambda _: True,
    limit: float | None = None,
    budget: float = math.inf,
    expected: int = 0,
) -> tuple[list[tuple[float, int]], int, int, bool]:
    """Return the answer, both counters, and whether the budget lasted.

    The answer is the beam or, with a limit, all that was seen within it. Until it has
    as many as expected a 15th of the budget must do.
    """
    frontier = sorted((to_query(node), node) for node in entry_points)
    reach = -math.inf if limit is None else limit
    seen, hops, complete = list(frontier), 0, True

    def answer() -> list[tuple[float, int]]:
        return sorted(pair for pair in seen if may_answer(pair[1]))

    while frontier:
        node = frontier[0]
        best = answer()[:ef]
        if len(best) == ef and node > best[-1] and node[0] > reach:
            break
        is_given_up = len(best) < expected and 15 * (len(seen) + 1) > budget
        if len(seen) >= budget or is_given_up:
            complete = False
            break
        heapq.heappop(frontier)
        hops += 1
        for neighbor in neighbors[node[1]]:
            if all(neighbor != other for _, other in seen):
                seen.append((to_query(neighbor), neighbor))
                heapq.heappush(frontier, seen[-1])
    within = [pair for pair in answer() if pair[0] <= reach]
    best = answer()[:ef] if limit is None else within
    return best, hops, len(seen), complete


def exact_distance(x: Floats, q: Floats, metric: str) -> float:
    if metric == "euclidean":
        difference = [a - b for a, b in zip(x, q, strict=True)]
        return f32(math.sqrt(dot(difference, difference)))
    if metric == "inner_product":
        return f32(-dot(x, q))
    lengths = math.sqrt(dot(q, q)) * math.sqrt(dot(x, x))
    return f32(max(0.0, 1.0 - (dot(x, q) / lengths if lengths > 0 else 0.0)))
