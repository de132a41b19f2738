"""What the notebooks of the course draw, quote and check with; NumPy alone.

`Picture` is a drawing, `excerpt` quotes the reference from the code that runs, and
`judge` says whether an answer is right, and if not, why.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from quiver.pages.svg import PALETTE

__all__ = [
    *("BLACK", "BLUE", "GRAY", "GREEN", "ORANGE", "PINK", "RED", "SKY"),
    *("Chart", "Excerpt", "Picture", "Verdict"),
    *("excerpt", "expect", "expect_list", "judge"),
]

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GRAY = PALETTE
MARGIN, TOP = 30, 34

Check = Callable[[Any], None]


class Chart(NamedTuple):
    """A drawing that is SVG already, such as those of `quiver.pages.svg`."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


class Picture:
    """A drawing in a plane, y upwards; every method returns the picture.

    Parameters
    ----------
    title : str
        What is to be seen.
    x, y : pair of float
        The part of the plane that is shown.
    height : float, optional
        In pixels; by default one scale serves both directions.
    """

    def __init__(
        self,
        title: str,
        x: tuple[float, float],
        y: tuple[float, float],
        width: float = 520,
        height: float | None = None,
    ) -> None:
        self.title, self.width = title, width
        self.x_scale = (width - 2 * MARGIN) / (x[1] - x[0])
        self.y_scale = self.x_scale
        if height is not None:
            self.y_scale = (height - TOP - MARGIN) / (y[1] - y[0])
        self.left, self.top = x[0], y[1]
        self.height = TOP + MARGIN + self.y_scale * (y[1] - y[0])
        self.parts: list[str] = []

    def _at(self, x: float, y: float) -> tuple[float, float]:
        left = MARGIN + (float(x) - self.left) * self.x_scale
        return round(left, 1), round(TOP + (self.top - float(y)) * self.y_scale, 1)

    def dot(
        self,
        x: float,
        y: float,
        name: object = "",
        color: str = BLUE,
        radius: float = 4,
        hollow: bool = False,
    ) -> Picture:
        """Add a point, with its name beside it; a hollow one is only outlined."""
        left, top = self._at(x, y)
        fill = "white" if hollow else color
        self.parts.append(
            f'<circle cx="{left}" cy="{top}" r="{radius}" fill="{fill}" '
            f'stroke="{color}" stroke-width="1.5"/>'
        )
        return self._words(left + radius + 3, top - 3, name, color, "start")

    def line(
        self,
        start: Sequence[float],
        end: Sequence[float],
        color: str = GRAY,
        width: float = 1,
        dashed: bool = False,
    ) -> Picture:
        """Add a straight line."""
        (x1, y1), (x2, y2) = self._at(*start), self._at(*end)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{color}" '
            f'stroke-width="{width}"{dashes}/>'
        )
        return self

    def disc(self, x: float, y: float, radius: float, color: str = SKY) -> Picture:
        """Add a disc that lets what is below it be seen; its radius as the plane's."""
        left, top = self._at(x, y)
        self.parts.append(
            f'<circle cx="{left}" cy="{top}" r="{radius * self.x_scale:.1f}" '
            f'fill="{color}" fill-opacity="0.18" stroke="{color}"/>'
        )
        return self

    def box(
        self,
        x: float,
        y: float,
        text: object = "",
        color: str = SKY,
        strength: float = 0.35,
        size: tuple[float, float] = (1, 1),
    ) -> Picture:
        """Add a box whose lower left corner is at (x, y), with a text in it."""
        left, top = self._at(x, y + size[1])
        wide, high = size[0] * self.x_scale, size[1] * self.y_scale
        self.parts.append(
            f'<rect x="{left}" y="{top}" width="{wide:.1f}" height="{high:.1f}" '
            f'fill="{color}" fill-opacity="{strength:.2f}" stroke="#bbb"/>'
        )
        return self._words(left + wide / 2, top + high / 2 + 4, text, "#222")

    def text(
        self, x: float, y: float, text: object, color: str = "#333", at: str = "middle"
    ) -> Picture:
        """Add words at a place, which is their middle, start or end."""
        return self._words(*self._at(x, y), text, color, at)

    def _words(
        self, left: float, top: float, text: object, color: str, at: str = "middle"
    ) -> Picture:
        if str(text):
            self.parts.append(
                f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{at}" '
                f'fill="{color}">{escape(str(text))}</text>'
            )
        return self

    def _repr_svg_(self) -> str:
        title = escape(self.title)
        size = f"{self.width:.0f} {self.height:.0f}"
        wide, high = size.split()
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
            f'width="{wide}" height="{high}" role="img" font-family="sans-serif" '
            f'font-size="11">\n<title>{title}</title>\n'
            f'<rect width="{wide}" height="{high}" fill="white"/>\n'
            f'<text x="{self.width / 2:.1f}" y="18" text-anchor="middle" fill="#333" '
            f'font-weight="bold">{title}</text>\n{body}\n</svg>\n'
        )


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
