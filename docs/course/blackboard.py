"""What the notebooks of the course draw, quote and check with; NumPy alone.

Pictures come from `drawing`; `excerpt` quotes the reference from the code that runs,
and `judge` says whether an answer is right, and if not, why.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, NamedTuple

import drawing
import numpy as np
from drawing import *  # noqa: F403

__all__ = [
    *drawing.__all__,
    *("Excerpt", "Verdict", "as_list", "as_number"),
    *("excerpt", "expect", "expect_list", "judge"),
]

Check = Callable[[Any], None]


class Excerpt(NamedTuple):
    """Lines of the source, where they stand today."""

    file: str
    line: int
    source: str

    def __repr__(self) -> str:
        return f"# {self.file}, line {self.line}\n{self.source}"

    def _repr_markdown_(self) -> str:
        return f"`{self.file}`, line {self.line}:\n\n```python\n{self.source}\n```\n"


def excerpt(function: Callable[..., Any], first: str, last: str = "") -> Excerpt:
    """Return the lines of a function from one that holds some words to another.

    Raises
    ------
    LookupError
        If the function does not say that any more.
    """
    lines, number = inspect.getsourcelines(function)
    file = f"{function.__module__.replace('.', '/')}.py"

    def find(words: str, after: int) -> int:
        for place in range(after, len(lines)):
            if words in lines[place]:
                return place
        msg = f"{function.__name__} in {file} does not say {words!r} any more"
        raise LookupError(msg)

    start = find(first, 0)
    stop = find(last or first, start) + 1
    source = inspect.cleandoc("\n" + "".join(lines[start:stop]))
    return Excerpt(file, number + start, source)


class Verdict(NamedTuple):
    """What a check says of an answer."""

    exercise: str
    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{self.exercise} {self.message}"


class WrongAnswer(Exception):
    """Carries the hint that a check gives."""


def judge(
    exercise: str, answer: Callable[[], Any], check: Check, praise: str
) -> Verdict:
    """Return the verdict on an answer: a value, or a function that the check calls.

    ``answer`` is asked for it, so that a cell that did not run yet can be told of. The
    check raises `WrongAnswer`, by `expect` and its like, and is never shown an answer
    that still has the dots of an exercise.
    """
    try:
        given = answer()
        check(_answering(given) if callable(given) else _answered(given))
    except Exception as error:
        return Verdict(exercise, False, f"not yet: {_trouble(error)}")
    return Verdict(exercise, True, f"right. {praise}")


def _trouble(error: Exception) -> str:
    if isinstance(error, WrongAnswer):
        return str(error)
    if type(error) is NameError:
        hint = "run the cell of the exercise first, and those above; or mind spelling"
        return f"{error}; {hint}"
    told = f"{type(error).__name__}: {error}"
    return f"your answer cannot be used as it is ({told})"


def _answered(answer: Any) -> Any:
    parts = answer if isinstance(answer, (list, tuple)) else [answer]
    if answer is None or any(part is ... for part in parts):
        msg = "no answer so far. Put one in the place of the dots, and run both cells"
        raise WrongAnswer(msg)
    return answer


def _answering(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: _answered(function(*arguments))


def expect(condition: Any, hint: str) -> None:
    """Raise `WrongAnswer` unless a condition holds."""
    if not condition:
        raise WrongAnswer(hint)


def as_list(answer: Any, n: int | None = None, of: str = "numbers") -> list[Any]:
    """Return what an answer lists, if it is a list or the like, and as long as asked.

    What has no order, or can be gone through only once, is no list.
    """
    many = f"{n} {of}" if n else of
    expect(
        isinstance(answer, (list, tuple, range, bytes, bytearray, np.ndarray)),
        f"a list of {many} is asked for, in square brackets with commas between; "
        f"yours is of type {type(answer).__name__}",
    )
    expect(n in (None, len(answer)), f"{many} are asked for, yours has {len(answer)}")
    if of == "numbers":
        return [as_number(value, f"at place {j}") for j, value in enumerate(answer)]
    return list(answer)


def as_number(answer: Any, where: str = "as your answer") -> Any:
    """Return an answer if it is a number."""
    what = f"the text {answer!r}" if isinstance(answer, str) else type(answer).__name__
    expect(
        isinstance(answer, (Real, np.bool_)),
        f"{where} you have {what}: write a number, with nothing around it",
    )
    return answer


def expect_list(
    answer: Any,
    right: Any,
    why: Callable[[int], str],
    slips: Mapping[tuple[int, ...], str] | None = None,
) -> None:
    """Raise `WrongAnswer` unless an answer lists the right numbers, in order.

    ``why`` says of the first place that differs what is to be seen there, ``slips`` of
    a whole answer what it is instead.
    """
    for slip, told in (slips or {}).items():
        if isinstance(answer, (list, tuple, np.ndarray)):
            expect(tuple(answer) != slip, told)
    given = as_list(answer, len(right))
    for place, (own, wanted) in enumerate(zip(given, right, strict=True)):
        expect(own == wanted, f"at place {place} you have {own}: {why(place)}")
