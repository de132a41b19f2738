"""The algorithm in plain Python numbers: one vector, one bit at a time.

Imports nothing of quiver and no NumPy, so that it can disagree with both. A float32
operation is a Python one rounded once through ``struct``: with 53 bits for 24 that
is exact. Vectors are lists of floats, codes are lists of u (0 … 3).

Source: the chapters of docs/algorithm/index.md.
"""

from __future__ import annotations

import heapq
import math
import struct
from collections.abc import Callable, Sequence

Floats = list[float]
Metric = Callable[[int, int], float]


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


def transform(
    vector: Floats,
    metric: str,
    mean: Floats,
    signs: Sequence[Floats],
) -> Floats:
    prepared = prepare(vector, metric)
    centred = [f32(x - m) for x, m in zip(prepared, mean, strict=True)]
    return rotate(centred, signs)


def code(r: Floats, strong_value: int) -> list[int]:
    magnitudes = [abs(x) for x in r]
    if strong_value == 2:
        mean_abs = lane_sum(magnitudes) / len(r)
        strong = {j for j, size in enumerate(magnitudes) if size > mean_abs}
    else:
        by_size = sorted(range(len(r)), key=lambda j: (-magnitudes[j], j))
        strong = set(by_size[: (len(r) + 1) // 3])
    signs = [int(x > 0) for x in r]
    return [2 * sign + int((j in strong) == bool(sign)) for j, sign in enumerate(signs)]


def values(u: list[int], strong_value: int) -> list[int]:
    weights = [-3, -1, 1, 3] if strong_value == 3 else [-2, -1, 1, 2]
    return [weights[level] for level in u]


def corrections(r: Floats, u: list[int]) -> tuple[float, float]:
    overlap = dot([float(w) for w in values(u, 3)], r)
    norm2 = dot(r, r)
    return f32(norm2 / overlap if overlap > 0 else 0.0), f32(norm2)


def row(u: list[int], scale: float, bias: float) -> bytes:
    packed = bytearray(32 * math.ceil(len(u) / 128))
    for j, level in enumerate(u):
        block, within = divmod(j, 128)
        quarter, byte = divmod(within, 32)
        packed[32 * block + byte] |= level << 2 * quarter
    packed += struct.pack("<ff", scale, bias)
    return bytes(packed) + bytes(-len(packed) % 64)


def quantize(r: Floats) -> tuple[list[int], float, float]:
    peak = max(abs(x) for x in r)
    inverse = f32(127 / peak) if peak > 0 else math.inf
    norm2 = f32(dot(r, r))
    if math.isinf(inverse):
        return [0] * len(r), 0.0, norm2
    return [round(f32(x * inverse)) for x in r], f32(peak / 127), norm2


def symmetric(u_a: list[int], bias_a: float, u_b: list[int], bias_b: float) -> float:
    dim = len(u_a)
    n_strong = (dim + 1) // 3
    inverse = f32(1 / math.sqrt(9 * n_strong + dim - n_strong))
    m_a, m_b = (f32(f32(math.sqrt(bias)) * inverse) for bias in (bias_a, bias_b))
    product = sum(a * b for a, b in zip(values(u_a, 3), values(u_b, 3), strict=True))
    twice = f32(2 * f32(f32(product) * f32(m_a * m_b)))
    return max(0.0, f32(f32(bias_a + bias_b) - twice))


def published(u_a: list[int], u_b: list[int]) -> float:
    pairs = zip(values(u_a, 2), values(u_b, 2), strict=True)
    return float(4 * len(u_a) - sum(a * b for a, b in pairs))


def asymmetric(
    v: list[int], step: float, norm2: float, u: list[int], scale: float, bias: float
) -> float:
    product = sum(x * w for x, w in zip(v, values(u, 3), strict=True))
    twice = f32(2 * f32(f32(product) * f32(step * scale)))
    return f32(f32(norm2 + bias) - twice)


def prune(
    candidates: list[tuple[float, int]],
    between: Metric,
    max_degree: int,
    alpha: float,
    rule: str,
) -> list[int]:
    """Take the nearest and strike what it covers, as the papers print RobustPrune."""
    slack = f32(alpha)
    pool, kept, struck = list(candidates), [], []
    while pool and len(kept) < max_degree:
        _, nearest = pool.pop(0)
        kept.append(nearest)
        covered = [
            (reach, c)
            for reach, c in pool
            if (rule == "vamana" and f32(slack * between(c, nearest)) <= reach)
            or (rule == "published" and between(c, nearest) < f32(slack * reach))
        ]
        struck += covered
        pool = [candidate for candidate in pool if candidate not in covered]
    if rule == "published":
        kept += [c for _, c in sorted(struck)][: max_degree - len(kept)]
    return kept


def search(
    to_query: Callable[[int], float],
    neighbors: Sequence[Sequence[int]],
    entry_point: int,
    ef: int,
) -> tuple[list[tuple[float, int]], int, int]:
    """Return beam, hops and distance computations; the two heaps of HNSW's paper."""
    start = to_query(entry_point), entry_point
    frontier, best, seen, hops = [start], [start], {entry_point}, 0
    while frontier:
        node = heapq.heappop(frontier)
        if len(best) == ef and node > best[-1]:
            break
        hops += 1
        for neighbor in neighbors[node[1]]:
            if neighbor not in seen:
                seen.add(neighbor)
                found = to_query(neighbor), neighbor
                heapq.heappush(frontier, found)
                best = sorted([*best, found])[:ef]
    return best, hops, len(seen)


def exact_distance(x: Floats, q: Floats, metric: str) -> float:
    if metric == "euclidean":
        difference = [a - b for a, b in zip(x, q, strict=True)]
        return f32(math.sqrt(dot(difference, difference)))
    if metric == "inner_product":
        return f32(-dot(x, q))
    lengths = math.sqrt(dot(q, q)) * math.sqrt(dot(x, x))
    return f32(max(0.0, 1.0 - (dot(x, q) / lengths if lengths > 0 else 0.0)))
