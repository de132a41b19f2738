"""Numbers of the solver that the code itself can compute on, in Python or as read in C.

A word has no sign and so many bits; operators are those of C: the narrower of two is
widened, a shift to the right brings zeros. NumPy hands what it is asked of them back to
them, so that functions of the reference take them in the place of arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import z3

FLOAT, NEAREST = z3.Float32(), z3.RNE()


class Number:
    """What words and floats share: NumPy asks them, and not itself."""

    __array_ufunc__ = None
    """Operators of NumPy's scalars give way to those of a number."""

    def __array_function__(
        self, function: Any, _: Any, args: tuple[Any, ...], __: Any
    ) -> Number:
        """Do what `numpy.where` does; nothing else is asked."""
        if function is not np.where:
            msg = f"{function.__name__} of a number of the solver"
            raise NotImplementedError(msg)
        return where(*args)


class Word(Number):
    """A number without a sign."""

    shape = (1, 1)
    type = None
    """What LLVM's builder is told of a word."""

    def __init__(self, bits: z3.BitVecRef) -> None:
        self.bits = bits

    def astype(self, dtype: Any, **_: Any) -> Word:
        """Return the number in as many bits; as a float it stays what it is."""
        kind = np.dtype(dtype)
        return self if kind.kind == "f" else self.in_bits(8 * kind.itemsize)

    def view(self, dtype: Any) -> Number:
        """Return the same bits as another kind of number."""
        if np.dtype(dtype) != np.float32:
            return self.astype(dtype)
        return Real(z3.fpBVToFP(self.bits, FLOAT))

    def in_bits(self, width: int) -> Word:
        """Return the number in more or fewer bits."""
        size = self.bits.size()
        if width < size:
            return Word(z3.Extract(width - 1, 0, self.bits))
        return Word(z3.ZeroExt(width - size, self.bits))

    def __invert__(self) -> Word:
        """Return the word with every bit turned over."""
        return Word(~self.bits)

    def __bool__(self) -> bool:
        """Take one way of a branch; see `every_way`."""
        return _TAKEN.decide(self.bits != 0)

    def __eq__(self, other: Any) -> z3.BoolRef:  # type: ignore[override]
        """Return what is true where both are the same number."""
        return _alike(self, other, lambda a, b: a == b)

    __hash__ = None  # type: ignore[assignment]


def _alike(a: Any, b: Any, operation: Callable[[Any, Any], Any]) -> Any:
    """Apply an operation to two numbers, the narrower widened."""
    a, b = map(_as_word, (a, b))
    size = max(x.bits.size() for x in (a, b) if isinstance(x, Word))
    a, b = (
        x.in_bits(size).bits if isinstance(x, Word) else z3.BitVecVal(int(x), size)
        for x in (a, b)
    )
    return operation(a, b)


def _as_word(number: Any) -> Any:
    """Return what is true as 1, and bits as a word."""
    if isinstance(number, z3.BoolRef):
        number = z3.If(number, z3.BitVecVal(1, 1), z3.BitVecVal(0, 1))
    return Word(number) if isinstance(number, z3.BitVecRef) else number


def _operator(name: str, operation: Callable[[Any, Any], Any]) -> None:
    """Give words an operator, from both sides."""

    def left(self: Word, other: Any) -> Word:
        return Word(_alike(self, other, operation))

    def right(self: Word, other: Any) -> Word:
        return Word(_alike(other, self, operation))

    setattr(Word, f"__{name}__", left)
    setattr(Word, f"__r{name}__", right)


for _name, _operation in {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "lshift": lambda a, b: a << b,
    "rshift": z3.LShR,
}.items():
    _operator(_name, _operation)


class Real(Number):
    """A float32; each operation is rounded once, to nearest."""

    def __init__(self, value: z3.FPRef) -> None:
        self.value = value

    def __add__(self, other: Any) -> Real:
        """Return the sum, rounded."""
        return Real(z3.fpAdd(NEAREST, self.value, _lifted(other)))

    def view(self, dtype: Any) -> Word:
        """Return the bits."""
        assert np.dtype(dtype) == np.uint32
        return Word(z3.fpToIEEEBV(self.value))


def _lifted(number: Any) -> z3.FPRef:
    return number.value if isinstance(number, Real) else z3.FPVal(float(number), FLOAT)


class _Taken:
    """Which way is taken at each branch of a function, and on what condition."""

    def __init__(self) -> None:
        self.ways: list[bool] = []
        self.conditions: list[z3.BoolRef] = []

    def decide(self, condition: z3.BoolRef) -> bool:
        place = len(self.conditions)
        if place == len(self.ways):
            self.ways.append(True)
        way = self.ways[place]
        self.conditions.append(condition if way else z3.Not(condition))
        return way


_TAKEN = _Taken()


def every_way(function: Callable[..., Any], *args: Any) -> list[tuple[z3.BoolRef, Any]]:
    """Call a function once for every way through its branches on words.

    Returns the condition of each way, and its result.
    """
    found, _TAKEN.ways = [], []
    while True:
        _TAKEN.conditions = []
        result = function(*args)
        found.append((z3.And(*_TAKEN.conditions), result))
        while _TAKEN.ways and not _TAKEN.ways[-1]:
            _TAKEN.ways.pop()
        if not _TAKEN.ways:
            return found
        _TAKEN.ways[-1] = False


def where(condition: Any, a: Any, b: Any) -> Any:
    """Return the one or the other, as `numpy.where` and ``?:`` do."""
    if isinstance(condition, bool | np.bool_):
        return a if condition else b
    if isinstance(condition, Word):
        condition = condition.bits != 0
    if isinstance(a, Real) or isinstance(b, Real):
        return Real(z3.If(condition, _lifted(a), _lifted(b)))
    return Word(_alike(a, b, lambda x, y: z3.If(condition, x, y)))
