"""The float steps in rational numbers: every operation exact, then rounded once.

IEEE 754 says that a sum, product, quotient or root is the float nearest to the exact
one, a half to the even one. Here that is computed from fractions of integers, so that
no processor has a say. A ``Real`` has the bits of its kind; zero has no sign here.

Source: the chapters of docs/algorithm/index.md, as `naive`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

import numpy as np


class Kind(NamedTuple):
    """A kind of float: significant bits, the exponent of its least bit, and its end."""

    bits: int
    least: int
    end: int


F32, F64 = Kind(24, -149, 128), Kind(53, -1074, 1024)
SPARE_BITS = 400
"""A root is cut so far behind its last bit that it cannot be mistaken for a half."""


class OverflowedError(Exception):
    """The number is too large for its kind: an infinity in IEEE 754."""


@dataclass(frozen=True)
class Real:
    """A float of some kind as the rational number that it is."""

    exact: Fraction
    kind: Kind

    def __add__(self, other: Real) -> Real:
        return rounded(self.exact + other.exact, self.kind)

    def __sub__(self, other: Real) -> Real:
        return rounded(self.exact - other.exact, self.kind)

    def __mul__(self, other: Real) -> Real:
        return rounded(self.exact * other.exact, self.kind)

    def __truediv__(self, other: Real) -> Real:
        return rounded(self.exact / other.exact, self.kind)

    def __neg__(self) -> Real:
        return Real(-self.exact, self.kind)

    def __abs__(self) -> Real:
        return Real(abs(self.exact), self.kind)

    def __lt__(self, other: Real) -> bool:
        return self.exact < other.exact

    def root(self) -> Real:
        """Return the square root, rounded once."""
        top, bottom = self.exact.as_integer_ratio()
        cut = isqrt((top << 2 * SPARE_BITS) // bottom)
        is_cut = cut * cut * bottom != top << 2 * SPARE_BITS
        return rounded(Fraction(2 * cut + is_cut, 2 << SPARE_BITS), self.kind)

    def to(self, kind: Kind) -> Real:
        """Return the number as another kind of float."""
        return rounded(self.exact, kind)


def rounded(exact: Fraction, kind: Kind) -> Real:
    """Return the nearest float of a kind, of two the even one."""
    if not exact:
        return Real(exact, kind)
    top, bottom = abs(exact).as_integer_ratio()
    exponent = top.bit_length() - bottom.bit_length()
    if Fraction(2) ** exponent > abs(exact):
        exponent -= 1
    unit = Fraction(2) ** max(exponent - kind.bits + 1, kind.least)
    # Python, too, rounds halves to even.
    nearest = round(exact / unit) * unit
    if abs(nearest) >= Fraction(2) ** kind.end:
        raise OverflowedError
    return Real(nearest, kind)


Reals = list[Real]


def reals(numbers: np.ndarray) -> Reals:
    """Return the float32 numbers of an array as they are."""
    return [Real(Fraction(float(number)), F32) for number in numbers]


def f32(number: float | Fraction) -> Real:
    return rounded(Fraction(number), F32)


def wide(numbers: Reals) -> Reals:
    """Return float32 numbers as float64, which has them all."""
    return [number.to(F64) for number in numbers]


ZERO, ONE = Real(Fraction(0), F64), Real(Fraction(1), F64)


def lane_sum(terms: Reals) -> Real:
    lanes = [ZERO] * 8
    for j, term in enumerate(terms):
        lanes[j % 8] += term
    l0, l1, l2, l3, l4, l5, l6, l7 = lanes
    return ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))


def dot(a: Reals, b: Reals) -> Real:
    return lane_sum([x * y for x, y in zip(wide(a), wide(b), strict=True)])


def prepare(vector: Reals, metric: str) -> Reals:
    if metric == "euclidean":
        return vector
    length = dot(vector, vector).root()
    if metric == "cosine":
        factor = ONE / length if length > ZERO else ZERO
    else:
        # The float64 nearest to 1e-24, as every language reads it.
        shortest = Real(Fraction(1e-24), F64)
        length = max(length, shortest)
        factor = ONE / (length * length.root())
    return [(x * factor).to(F32) for x in wide(vector)]


def rotate(vector: Reals, signs: Sequence[Sequence[float]]) -> Reals:
    p = 1 << len(vector).bit_length() - 1
    for number, flips in enumerate(signs):
        flipped = [x if flip > 0 else -x for x, flip in zip(vector, flips, strict=True)]
        first = 0 if number == 0 else len(vector) - p
        turned = hadamard(flipped[first : first + p])
        vector = flipped[:first] + turned + flipped[first + p :]
    return vector


def hadamard(block: Reals) -> Reals:
    p, h = len(block), 1
    while h < p:
        block = [
            block[i ^ h] - block[i] if i & h else block[i] + block[i ^ h]
            for i in range(p)
        ]
        h *= 2
    factor = (ONE / Real(Fraction(p), F64).root()).to(F32)
    return [x * factor for x in block]


def steps(r: Reals, bits: int) -> list[int]:
    """Return u of a wide code: of three shares of the peak the one of least angle."""
    reach, middle, least, most = {4: (8, 7.5, 0, 15), 8: (127, 128, 1, 255)}[bits]
    peak, best = max(map(abs, r)), (-ONE, [0] * len(r))
    for share in (1.0, 0.85, 0.7):
        inverse = over(f32(reach), peak * f32(share))
        placed = [(x * inverse + f32(middle)).exact for x in r]
        u = [round(min(max(step, least), most)) for step in placed]
        w = [f32(value) for value in values(u, bits)]
        length = dot(w, w).root()
        cosine = dot(w, r) / length if length > ZERO else ZERO
        best = max(best, (cosine, u), key=lambda pair: pair[0].exact)
    return best[1]


def values(u: list[int], bits: int) -> list[int]:
    return [u_j - 128 if bits == 8 else 2 * u_j - (2**bits - 1) for u_j in u]


def over(numerator: Real, denominator: Real) -> Real:
    """Return a quotient, 0 where it is no finite float32."""
    try:
        return numerator / denominator
    except (ZeroDivisionError, OverflowedError):
        return f32(0)


def corrections(r: Reals, w: list[int]) -> tuple[Real, Real]:
    norm2, overlap = dot(r, r), dot([f32(value) for value in w], r)
    scale = norm2 / overlap if overlap > ZERO else ZERO
    return scale.to(F32), norm2.to(F32)


def quantized(r: Reals) -> tuple[list[int], Real, Real]:
    """Return v, the step and the squared norm of a query."""
    peak = max(map(abs, r))
    inverse = over(f32(127), peak)
    step = peak / f32(127) if inverse.exact else f32(0)
    return [round((x * inverse).exact) for x in r], step, dot(r, r).to(F32)


def symmetric(dot_: int, m: tuple[Real, Real], bias: tuple[Real, Real]) -> Real:
    estimate = (bias[0] + bias[1]) - f32(2) * (f32(dot_) * (m[0] * m[1]))
    return max(f32(0), estimate)


def asymmetric(dot_: int, query: tuple[Real, Real], row: tuple[Real, Real]) -> Real:
    step, norm2 = query
    scale, bias = row
    return (norm2 + bias) - f32(2) * (f32(dot_) * (step * scale))


def distance(vector: Reals, query: Reals, metric: str) -> Real:
    if metric == "euclidean":
        pairs = zip(wide(vector), wide(query), strict=True)
        apart = [x - q for x, q in pairs]
        return lane_sum([x * x for x in apart]).root().to(F32)
    product = dot(vector, query)
    if metric == "inner_product":
        return (-product).to(F32)
    lengths = dot(query, query).root() * dot(vector, vector).root()
    cosine = product / lengths if lengths > ZERO else ZERO
    return max(ZERO, ONE - cosine).to(F32)
