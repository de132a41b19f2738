"""The page of an explanation in a real headless browser."""

from __future__ import annotations

import numpy as np
import pytest
from browser import ARROW_LEFT, NEEDS_BROWSER, open_browser

import quiver

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def explanation():
    points = np.random.default_rng(2).normal(size=(300, 16))
    params = quiver.BuildParams(max_degree=6, ef_construction=12)
    index = quiver.Index.build(points, params=params, backend="reference")
    return index.explain(np.ones(16), k=5, ef=12)


@pytest.fixture(scope="module")
def browser(explanation, tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "walk.html"
    page.write_text(explanation.to_html({explanation.entry_point: "the <start>"}))
    with open_browser() as session:
        session.call("POST", "/url", {"url": page.as_uri()})
        yield session


def shown(browser, kind: str) -> int:
    """Return how many elements of a kind the eye can see."""
    return browser.run(
        f"return [...document.querySelectorAll('{kind}')]"
        ".filter(e => getComputedStyle(e).visibility === 'visible').length"
    )


def test_the_page_loads_without_console_errors(browser, explanation):
    assert browser.text("h1") == "One search, hop by hop"
    n_hops = len(explanation.hops)
    assert browser.text("#count") == f"hop {n_hops} of {n_hops}"
    assert browser.console_errors() == []


def test_the_slider_walks_back_and_forth(browser, explanation):
    n_hops = len(explanation.hops)
    slider = browser.find("#step")
    links = [sum(len(hop.newly_seen) for hop in explanation.hops)]
    assert shown(browser, "line") == links[0]
    for hop in reversed(explanation.hops):
        browser.press(slider, ARROW_LEFT)
        links.append(links[-1] - len(hop.newly_seen))
        assert browser.text("#count") == f"hop {hop.number - 1} of {n_hops}"
        assert shown(browser, "line") == links[-1]
    assert links[-1] == 0
    assert browser.text("#headline") == "at the entry point"
    browser.click("#next")
    first = explanation.hops[0]
    assert browser.text("#headline") == f"expands {first.node}: the <start>"
    assert shown(browser, "line") == len(first.newly_seen)
    assert browser.run("return document.querySelectorAll('.node.now').length") == 1
    n_beam = browser.run("return document.querySelectorAll('.node.beam').length")
    assert n_beam == len(first.beam)
    browser.click("#back")
    assert browser.text("#count") == f"hop 0 of {n_hops}"
    assert browser.console_errors() == []


def test_the_picture_is_not_blank_and_changes_with_the_hop(browser, explanation):
    browser.run("step.value = 0; step.dispatchEvent(new Event('input'))")
    before = browser.screenshot("svg")
    browser.run("step.value = 9999; step.dispatchEvent(new Event('input'))")
    after = browser.screenshot("svg")
    assert min(before.shape[:2]) > 300
    assert before.std() > 0.01
    assert after.shape == before.shape
    changed = np.abs(after - before).max(axis=2) > 0.1
    assert changed.mean() > 0.01
