"""Small SVG charts: no plotting library, no script, no outside file.

Enough for a report a person opens offline: lines with markers, bars, and rows of dots.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10
from typing import NamedTuple

WIDTH, HEIGHT = 520, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 30, 44
# Beside the axis of a dot chart: names to the left, half a number to the right.
_DOTS_LEFT, _DOTS_RIGHT = 124, 28
_TICKS, _MOST_LOG_TICKS = 5, 6

# Colors of Okabe and Ito: told apart with any color vision.
PALETTE = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000", "#999999"),
)


class Series(NamedTuple):
    """One named line: as many x as y."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


class _Scale(NamedTuple):
    """A linear map from values to pixels."""

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self) -> list[float]:
        step = (self.high - self.low) / (_TICKS - 1)
        return [self.low + number * step for number in range(_TICKS)]


def line_chart(title: str, x_name: str, y_name: str, series: Sequence[Series]) -> str:
    """Return lines over the places of the x values, evenly spaced.

    Beam widths double from point to point, so even spacing is their log scale.
    """
    values = sorted({x for line in series for x in line.x})
    x = _Scale(0, max(1, len(values) - 1), _LEFT, WIDTH - _RIGHT)
    y = _y_scale([value for line in series for value in line.y])
    parts = _axes(title, x_name, y_name, y)
    parts += [
        _text(x(rank), HEIGHT - _BOTTOM + 16, f"{value:g}", "middle")
        for rank, value in enumerate(values)
    ]
    for number, line in enumerate(series):
        color = PALETTE[number % len(PALETTE)]
        points = [
            (x(values.index(value)), y(height))
            for value, height in zip(line.x, line.y, strict=True)
        ]
        path = " ".join(f"{left},{top}" for left, top in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>'
        )
        parts += [
            f'<circle cx="{left}" cy="{top}" r="3" fill="{color}"/>'
            for left, top in points
        ]
        top = HEIGHT - _BOTTOM - 10 - 15 * (len(series) - 1 - number)
        parts.append(_text(WIDTH - _RIGHT - 4, top, line.name, "end", color))
    return _drawing(parts)


def bar_chart(
    title: str, x_name: str, y_name: str, edges: Sequence[float], *bars: Series
) -> str:
    """Return one histogram or several, over the bins between ``edges``."""
    x = _Scale(edges[0], edges[-1], _LEFT, WIDTH - _RIGHT)
    y = _y_scale([0.0, *(value for bar in bars for value in bar.y)])
    parts = _axes(title, x_name, y_name, y)
    parts += [
        _text(x(value), HEIGHT - _BOTTOM + 16, f"{value:.3g}", "middle")
        for value in x.ticks()
    ]
    for number, bar in enumerate(bars):
        color = PALETTE[number % len(PALETTE)]
        for left, right, height in zip(edges[:-1], edges[1:], bar.y, strict=True):
            parts.append(
                f'<rect x="{x(left)}" y="{y(height)}" '
                f'width="{max(0.5, x(right) - x(left)):.1f}" '
                f'height="{y(0) - y(height):.1f}" fill="{color}" opacity="0.6"/>'
            )
        parts.append(
            _text(WIDTH - _RIGHT - 4, _TOP + 14 + 15 * number, bar.name, "end", color)
        )
    return _drawing(parts)


def dot_chart(
    title: str, x_name: str, names: Sequence[str], series: Sequence[Series]
) -> str:
    """Return a row of dots per name, over positive values on a logarithmic scale.

    A dot's x is its value, its y the number of its row, counted from the top.
    """
    logs = [log10(value) for dots in series for value in dots.x]
    margin = 0.05 * (max(logs) - min(logs)) or 0.5
    x = _Scale(min(logs) - margin, max(logs) + margin, _DOTS_LEFT, WIDTH - _DOTS_RIGHT)
    y = _Scale(-1, len(names), _TOP + 8, HEIGHT - _BOTTOM)
    parts = [_text(WIDTH / 2, 18, title, "middle", weight="bold")]
    parts.append(
        _text((_DOTS_LEFT + WIDTH - _DOTS_RIGHT) / 2, HEIGHT - 8, x_name, "middle")
    )
    for value in _log_ticks(x.low, x.high):
        left = x(log10(value))
        parts.append(_grid_line(left, _TOP + 14, left, HEIGHT - _BOTTOM))
        parts.append(_text(left, HEIGHT - _BOTTOM + 16, f"{value:,.6g}", "middle"))
    for row, name in enumerate(names):
        parts.append(_grid_line(_DOTS_LEFT, y(row), WIDTH - _DOTS_RIGHT, y(row)))
        parts.append(_text(_DOTS_LEFT - 8, y(row) + 4, name, "end"))
    for number, dots in enumerate(series):
        color = PALETTE[number % len(PALETTE)]
        parts += [
            f'<circle cx="{x(log10(value))}" cy="{y(row)}" r="4.5" fill="{color}"/>'
            for value, row in zip(dots.x, dots.y, strict=True)
        ]
        right = WIDTH - _DOTS_RIGHT - 90 * (len(series) - 1 - number)
        parts.append(
            _text(right, _TOP + 6, f"\N{BLACK CIRCLE} {dots.name}", "end", color)
        )
    return _drawing(parts)


def stacked(*drawings: str) -> str:
    """Return charts one below the other, as one drawing."""
    height = HEIGHT * len(drawings)
    placed = (
        drawing.replace("<svg ", f'<svg y="{number * HEIGHT}" ', 1)
        for number, drawing in enumerate(drawings)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}">\n{"".join(placed)}</svg>\n'
    )


def _log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten in between, or 1 where those crowd."""
    exponents = range(int(low) - 1, int(high) + 2)
    fine = [m * 10.0**e for e in exponents for m in (1, 2, 5)]
    between = [value for value in fine if low <= log10(value) <= high]
    if len(between) <= _MOST_LOG_TICKS:
        return between
    return [value for value in between if log10(value) == round(log10(value))]


def _y_scale(values: Sequence[float]) -> _Scale:
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high == low:
        high = low + 1.0
    margin = 0.05 * (high - low)
    return _Scale(
        low if low == 0 else low - margin, high + margin, HEIGHT - _BOTTOM, _TOP
    )


def _axes(title: str, x_name: str, y_name: str, y: _Scale) -> list[str]:
    parts = [_text(WIDTH / 2, 18, title, "middle", weight="bold")]
    parts.append(_text((_LEFT + WIDTH) / 2, HEIGHT - 8, x_name, "middle"))
    middle = (HEIGHT - _BOTTOM + _TOP) / 2
    parts.append(
        f'<text x="14" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle})">{escape(y_name)}</text>'
    )
    for value in y.ticks():
        parts.append(_grid_line(_LEFT, y(value), WIDTH - _RIGHT, y(value)))
        parts.append(_text(_LEFT - 6, y(value) + 4, f"{value:.3g}", "end"))
    return parts


def _grid_line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}" stroke="#ddd"/>'


def _text(
    x: float,
    y: float,
    content: str,
    anchor: str,
    color: str = "#333",
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}" '
        f'font-weight="{weight}">{escape(content)}</text>'
    )


def _drawing(parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )
