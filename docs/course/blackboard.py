"""What the notebooks of the course draw, quote and check with; NumPy alone.

Pictures come from `drawing`; `excerpt` quotes the reference from the code that runs,
and `judge` says whether an answer is right, and if not, why.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import drawing
import numpy as np
from drawing import *  # noqa: F403

__all__ = [
    *drawing.__all__,
    *("Excerpt", "Verdict", "excerpt", "expect", "expect_list", "judge"),
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


def judge(exercise: str, answer: Any, check: Check, praise: str) -> Verdict:
    """Return the verdict on an answer: a value, or a function that the check calls.

    The check raises `WrongAnswer`, by `expect` and `expect_list`, and is never shown
    an answer that is still the dots of an exercise.
    """
    try:
        check(_answering(answer) if callable(answer) else _answered(answer))
    except WrongAnswer as wrong:
        return Verdict(exercise, False, f"not yet: {wrong}")
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        message = f"not yet: your answer cannot be used as it is ({told})"
        return Verdict(exercise, False, message)
    return Verdict(exercise, True, f"right. {praise}")


def _answered(answer: Any) -> Any:
    if answer is None or answer is ...:
        msg = "no answer so far. Put one in the place of the dots, and run both cells"
        raise WrongAnswer(msg)
    return answer


def _answering(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: _answered(function(*arguments))


def expect(condition: Any, hint: str) -> None:
    """Raise `WrongAnswer` unless a condition holds."""
    if not condition:
        raise WrongAnswer(hint)


def expect_list(answer: Any, right: Any, why: Callable[[int], str]) -> None:
    """Raise `WrongAnswer` unless an answer lists the right values, in order.

    ``why`` says of the first place that differs what is to be seen there.
    """
    given, wanted = np.asarray(answer), np.asarray(right)
    expect(
        given.shape == wanted.shape,
        f"{len(wanted)} values are asked for, yours has the shape {given.shape}",
    )
    for place in np.flatnonzero(given != wanted)[:1]:
        hint = f"at place {place} you have {given[place]}: {why(int(place))}"
        raise WrongAnswer(hint)
