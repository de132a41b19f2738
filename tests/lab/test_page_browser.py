"""The lab's page in a real headless browser, served as it is to a user."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager

import pytest
from browser import ARROW_LEFT, NEEDS_BROWSER, open_browser
from small_lab import HOSTILE, QUERIES, small_lab

pytest.importorskip("fastapi", reason="needs the extra `lab`")
pytest.importorskip("uvicorn", reason="needs the extra `lab`")

import uvicorn

from quiver.lab.app import make_app
from quiver.service.running import address_of, bound

pytestmark = NEEDS_BROWSER
SECONDS = 30


@contextmanager
def serving(app):
    config = uvicorn.Config(app, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    with closing(bound("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield address_of(listening)[0]
        finally:
            server.should_exit = True
            thread.join(SECONDS)


@pytest.fixture(scope="module")
def material():
    return small_lab()


@pytest.fixture(scope="module")
def browser(material):
    with serving(make_app(material)) as url, open_browser() as session:
        session.call("POST", "/url", {"url": url})
        until(session, "return document.querySelectorAll('.node').length > 0")
        yield session


def until(browser, script):
    """Wait for what a script returns to be true."""
    for _ in range(10 * SECONDS):
        if found := browser.run(script):
            return found
        time.sleep(0.1)
    raise AssertionError(script)


def settled(browser):
    until(browser, "return document.querySelector('#sides').ariaBusy === 'false'")


def set_value(browser, selector, value):
    browser.run(
        f"const e = document.querySelector('{selector}'); e.value = '{value}';"
        "e.dispatchEvent(new Event('input', {bubbles: true}))"
    )


def test_the_page_loads_with_both_walks_and_no_error(browser, material):
    settled(browser)
    assert browser.text("h1") == "quiver lab"
    assert "160 vectors of 16 dimensions, cosine" in browser.text("#about")
    for name, index in material.sides.items():
        walk = index.explain(QUERIES[0])
        n = len(walk.hops)
        assert browser.text(f"#{name}-count") == f"hop {n} of {n}"
        assert f"recall@10 {walk.recall:.2f}" in browser.text(f"#{name}-summary")
        assert browser.text(f"#{name}-answer td").startswith(f"{walk.found[0].id}: ")
        drawn = f"document.querySelectorAll('#{name}-picture .node.on').length"
        assert browser.run(f"return {drawn}") == walk.distance_computations
        rings = f"document.querySelectorAll('#{name}-chart .near').length"
        assert browser.run(f"return {rings}") == 10
    assert browser.console_errors() == []


def test_a_walk_is_stepped_by_keys_and_played_to_its_end(browser, material):
    settled(browser)
    n = len(material.index.explain(QUERIES[0]).hops)
    slider = browser.find("#default-step")
    browser.press(slider, ARROW_LEFT)
    assert browser.text("#default-count") == f"hop {n - 1} of {n}"
    browser.press(browser.find("#default-play"), "\ue007")
    assert browser.text("#default-play") == "pause"
    end = f"return document.querySelector('#default-count').value === 'hop {n} of {n}'"
    until(browser, end)
    assert browser.text("#default-play") == "play"
    browser.click("#default-play")
    browser.click("#default-play")
    assert browser.text("#default-play") == "play"
    assert browser.text("#default-count") == f"hop 0 of {n}"
    browser.click("#default-next")
    assert browser.text("#default-headline").startswith("expands ")
    assert browser.text("#default-beam td")
    assert browser.console_errors() == []


def test_words_are_looked_up_and_the_best_is_asked(browser):
    set_value(browser, "#words", "another question")
    until(browser, "return document.querySelectorAll('#matches button').length === 2")
    browser.press(browser.find("#words"), "\ue007")
    until(browser, "return asked.textContent === 'query 1: Another QUESTION'")
    settled(browser)
    set_value(browser, "#words", "7")
    until(browser, "return document.querySelector('#matches').innerText[0] === 'r'")
    browser.click("#matches button")
    until(browser, "return asked.textContent.startsWith('row 7: ')")
    settled(browser)
    assert browser.text("#default-answer td") == f"7: row 7 has {HOSTILE}"
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert browser.run("return document.title") == "quiver lab"
    set_value(browser, "#words", "xyzzy")
    browser.press(browser.find("#words"), "\ue007")
    until(browser, "return problem.textContent.startsWith('No text has these words')")
    assert browser.console_errors() == []


def test_effort_metric_and_the_second_index_change_what_is_shown(browser, material):
    browser.click("#another")
    settled(browser)
    set_value(browser, "#ef", 12)
    until(browser, "return problem.textContent === ''")
    walk = material.index.explain(material.vector("query", 1), k=10, ef=12)
    until(
        browser,
        "return document.querySelector('#default-summary').textContent"
        f".startsWith('{len(walk.hops)} hops, {walk.distance_computations} ')",
    )
    settled(browser)
    cosine = browser.text("#default-answer td:nth-child(2)")
    browser.run("metric.value = 'euclidean'; metric.dispatchEvent(new Event('change'))")
    assert browser.text("#default-answer td:nth-child(2)") != cosine
    browser.click("#every_bound")
    assert browser.run("return n_rerank.disabled") is False
    browser.click("#beside")
    until(browser, "return document.querySelector('#paper-side').hidden")
    browser.click("#beside")
    until(browser, "return !document.querySelector('#paper-side').hidden")
    browser.click("#every_bound")
    settled(browser)
    assert browser.console_errors() == []


def test_a_backend_is_compared_with_the_reference(browser):
    settled(browser)
    browser.run("backend.value = 'reference'")
    browser.click("#one-backend")
    until(browser, "return document.querySelectorAll('#backends tr').length === 2")
    until(
        browser, "return !document.querySelector('#backends').innerText.match('asked')"
    )
    assert browser.text("#backends tr").startswith("reference (numpy) default equal")
    assert browser.console_errors() == []


def test_what_a_mark_means_its_shape_tells(browser):
    key = "document.querySelectorAll('#default-side .key path')"
    shapes = browser.run(f"return [...{key}].map(path => path.getAttribute('d'))")
    assert len({*shapes}) == len(shapes) == 7


def test_every_control_has_a_name_and_the_page_is_not_wider_than_the_window(browser):
    nameless = browser.run(
        "return [...document.querySelectorAll('button, input, select')]"
        ".filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim()))"
        ".map(e => e.id)"
    )
    assert nameless == []
    for width in (1200, 500):
        size = {"width": width, "height": 900}
        browser.call("POST", "/window/rect", size)
        root = "document.documentElement"
        assert browser.run(f"return {root}.scrollWidth <= {root}.clientWidth")
