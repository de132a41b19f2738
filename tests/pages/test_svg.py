"""The charts: what is drawn stands where its value says."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from quiver.pages.svg import HEIGHT, Series, dot_chart, line_chart, stacked

SVG = "{http://www.w3.org/2000/svg}"


def elements(drawing, kind):
    return list(ElementTree.fromstring(drawing).iter(SVG + kind))


def texts(drawing):
    return [text.text for text in elements(drawing, "text")]


def test_equal_ratios_are_equal_distances_in_a_dot_chart():
    drawing = dot_chart("t", "x", ["a"], [Series("s", [1, 10, 100], [0, 0, 0])])
    left, middle, right = (float(c.get("cx")) for c in elements(drawing, "circle"))
    assert middle - left == pytest.approx(right - middle, abs=0.2)


def test_rows_of_a_dot_chart_run_downwards_beside_their_names():
    drawing = dot_chart("t", "x", ["a", "b"], [Series("s", [3, 4], [0, 1])])
    first, second = (float(c.get("cy")) for c in elements(drawing, "circle"))
    names = {t.text: float(t.get("y")) for t in elements(drawing, "text")}
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
    inner = [e for e in elements(stacked(line, line), "svg") if e.get("y")]
    assert [int(e.get("y")) for e in inner] == [0, HEIGHT]
    assert texts(stacked(line, line)) == 2 * texts(line)


def test_names_are_escaped():
    drawing = dot_chart("<t>", "x", ["a & b"], [Series("s", [1], [0])])
    assert {"<t>", "a & b"} <= {*texts(drawing)}
