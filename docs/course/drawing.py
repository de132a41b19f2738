"""Pictures as SVG, for Jupyter and for the pages of the site; no plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from quiver.pages.svg import PALETTE

__all__ = [
    *("BLACK", "BLUE", "GRAY", "GREEN", "ORANGE", "PINK", "RED", "SKY"),
    *("Chart", "Picture", "bars", "scatter"),
]

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GRAY = PALETTE
MARGIN, TOP = 30, 34


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

    def cross(
        self,
        x: float,
        y: float,
        name: object = "",
        color: str = BLUE,
        radius: float = 4,
    ) -> Picture:
        """Add a point as a cross, with its name beside it."""
        left, top = self._at(x, y)
        wide = 2 * radius
        self.parts.append(
            f'<path d="M{left - radius:.1f} {top - radius:.1f}l{wide} {wide}'
            f'm0 {-wide}l{-wide} {wide}" stroke="{color}"/>'
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


def scatter(
    title: str,
    low: float,
    high: float,
    *clouds: tuple[str, Sequence[float], Sequence[float]],
) -> Picture:
    """Draw up to three named clouds of dots, crosses and rings, about where x is y."""
    picture = Picture(title, (low, high), (low, high), width=440)
    picture.line((max(low, 0), max(low, 0)), (high, high), BLACK, dashed=True)

    def ring(x: float, y: float, name: object, color: str, radius: float) -> Picture:
        return picture.dot(x, y, name, color, radius, hollow=True)

    looks = ((picture.dot, BLUE, 1.4), (picture.cross, GREEN, 2), (ring, RED, 2))
    for place, (name, across, up) in enumerate(clouds):
        mark, color, radius = looks[place]
        for x, y in zip(across, up, strict=True):
            mark(x, y, "", color, radius)
        if name:
            top = high - (high - low) * (0.04 + 0.05 * place)
            mark(low, top, name, color, radius)
    return picture


def bars(title: str, shares: Mapping[str, float]) -> Picture:
    """Draw named shares of a whole as bars, one below the other."""
    height = TOP + MARGIN + 30 * len(shares)
    picture = Picture(title, (-0.4, 1.15), (0, len(shares)), height=height)
    for place, (name, share) in enumerate(shares.items(), start=1):
        bottom = len(shares) - place
        picture.text(-0.02, bottom + 0.25, name, at="end")
        picture.box(0, bottom, "", BLUE, 0.6, (share, 0.8))
        picture.text(share + 0.02, bottom + 0.25, f"{share:.1%}", at="start")
    return picture
