"""Charts: well-formed XML that puts every value where its axis says."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from quiver.pages.svg import (
    HEIGHT,
    PALETTE,
    WIDTH,
    Series,
    bar_chart,
    dot_chart,
    line_chart,
    stacked,
)

RISING = Series("rising", [16, 64, 32], [0.0, 1.0, 0.5])


def parts(chart: str, tag: str) -> list[ElementTree.Element]:
    return [*ElementTree.fromstring(chart).iter(f"{{http://www.w3.org/2000/svg}}{tag}")]


def texts(chart: str) -> list[str | None]:
    return [text.text for text in parts(chart, "text")]


def test_x_values_are_evenly_spaced_in_their_order() -> None:
    chart = line_chart("t", "ef", "recall", [RISING])
    by_x = {
        x: float(dot.get("cx"))
        for x, dot in zip(RISING.x, parts(chart, "circle"), strict=True)
    }
    assert by_x[32] - by_x[16] == pytest.approx(by_x[64] - by_x[32], abs=0.11)
    assert 0 < by_x[16] < by_x[64] < WIDTH
    assert [text for text in texts(chart) if text in ("16", "32", "64")] == [
        *("16", "32", "64")
    ]


def test_a_larger_y_value_is_higher_in_proportion() -> None:
    low, high, middle = (
        float(dot.get("cy"))
        for dot in parts(line_chart("t", "x", "y", [RISING]), "circle")
    )
    assert 0 < high < middle < low < HEIGHT
    assert low - middle == pytest.approx(middle - high, abs=0.11)


def test_every_line_has_its_name_and_its_color_until_they_repeat() -> None:
    lines = [Series(f"line {n}", [1, 2], [n, n]) for n in range(len(PALETTE) + 1)]
    chart = line_chart("t", "x", "y", lines)
    colors = [line.get("stroke") for line in parts(chart, "polyline")]
    assert colors == [*PALETTE, PALETTE[0]]
    assert {line.name for line in lines} <= {*texts(chart)}


def test_bars_stand_on_zero_over_their_bins_as_tall_as_their_value() -> None:
    chart = bar_chart("t", "x", "y", [0, 1, 3], Series("bar", [], [2.0, 4.0]))
    _, first, second = parts(chart, "rect")
    ends = [float(b.get("y")) + float(b.get("height")) for b in (first, second)]
    assert ends[0] == pytest.approx(ends[1], abs=0.11)
    ratio = float(second.get("height")) / float(first.get("height"))
    assert ratio == pytest.approx(2, abs=0.01)
    assert float(second.get("width")) == pytest.approx(
        2 * float(first.get("width")), abs=0.2
    )


@pytest.mark.parametrize("y", [[], [3.0], [2.0, 2.0]])
def test_values_without_a_spread_are_drawn(y: list[float]) -> None:
    chart = line_chart("t", "x", "y", [Series("flat", range(len(y)), y)])
    heights = {dot.get("cy") for dot in parts(chart, "circle")}
    assert len(heights) == min(1, len(y))


def test_what_names_hold_stays_text() -> None:
    name = '<script>&"'
    chart = line_chart(name, name, name, [Series(name, [1], [1])])
    assert texts(chart).count(name) == 4
    assert texts(bar_chart(name, name, name, [0, 1])).count(name) == 3


def test_equal_ratios_are_equal_distances_in_a_dot_chart():
    drawing = dot_chart("t", "x", ["a"], [Series("s", [1, 10, 100], [0, 0, 0])])
    left, middle, right = (float(c.get("cx")) for c in parts(drawing, "circle"))
    assert middle - left == pytest.approx(right - middle, abs=0.2)


def test_rows_of_a_dot_chart_run_downwards_beside_their_names():
    drawing = dot_chart("t", "x", ["a", "b"], [Series("s", [3, 4], [0, 1])])
    first, second = (float(c.get("cy")) for c in parts(drawing, "circle"))
    names = {t.text: float(t.get("y")) for t in parts(drawing, "text")}
    assert (names["a"], names["b"]) == (first + 4, second + 4)
    assert first < second


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([3, 3], ["1", "2", "5"]),
        ([1, 80], ["1", "2", "5", "10", "20", "50"]),
        ([1, 100_000], ["1", "10", "100", "1,000", "10,000", "100,000"]),
    ],
)
def test_a_logarithmic_scale_is_marked_at_round_values(values, ticks):
    drawing = dot_chart("t", "x", ["a", "b"], [Series("s", values, [0, 1])])
    assert [text for text in texts(drawing) if text in ticks] == ticks


def test_charts_are_stacked_without_overlap():
    line = line_chart("t", "x", "y", [Series("s", [1, 2], [0.5, 1.0])])
    inner = [e for e in parts(stacked(line, line), "svg") if e.get("y")]
    assert [int(e.get("y")) for e in inner] == [0, HEIGHT]
    assert texts(stacked(line, line)) == 2 * texts(line)


def test_names_are_escaped():
    drawing = dot_chart("<t>", "x", ["a & b"], [Series("s", [1], [0])])
    assert {"<t>", "a & b"} <= {*texts(drawing)}
