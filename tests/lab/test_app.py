"""The lab's application: answers those of the index, and garbage that hurts nothing."""

from __future__ import annotations

import asyncio
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import ask_app
from small_lab import DIM, HOSTILE, QUERIES, N, small_lab

import quiver
from quiver.backends.registry import list_backends

pytest.importorskip("fastapi", reason="needs the extra `lab`")

from quiver.lab.answers import digest
from quiver.lab.app import OWN, SHARED, make_app
from quiver.lab.asked import LIMITS
from quiver.lab.guard import HEADERS

HOME = {"host": "127.0.0.1:8000"}
ASKED = {"side": "default", "of": "query", "id": "1"}


@pytest.fixture(scope="module")
def material():
    return small_lab()


@pytest.fixture(scope="module")
def app(material):
    return make_app(material)


def told(app, path, asked=None, headers=HOME):
    method, body = ("GET", b"") if asked is None else ("POST", asked)
    return asyncio.run(ask_app(app, method, path, body, headers))


def answer(app, path, asked=None):
    reply = told(app, path, asked)
    assert reply.status == 200, reply
    return reply.document["answer"]


def test_the_page_and_its_files_name_nothing_outside(app):
    page = told(app, "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="([^"]*)"', page.document)
    assert {*named} <= {*OWN, *SHARED}
    for name in (*OWN, *SHARED):
        file = told(app, f"/{name}")
        assert file.status == 200
        assert not re.search(r"https?://(?!www\.w3\.org/)", file.document), name
        for imported in re.findall(r'from "\./([^"]*)"', file.document):
            assert imported in (*OWN, *SHARED)


def test_nothing_of_the_page_needs_what_its_policy_forbids(app):
    files = [told(app, path).document for path in ("/", *(f"/{name}" for name in OWN))]
    text = "".join(files) + told(app, "/walk.js").document
    assert not re.search(r"<script(?! type=\"module\" src=)", files[0])
    assert not re.search(r"\bstyle=|<style|\son\w+=", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b", text)


def test_a_page_has_no_id_twice_and_every_label_its_control(app):
    page = told(app, "/").document
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len({*ids})
    assert "@" not in page
    for control in re.findall(r'\b(?:for|aria-labelledby)="([^"]*)"', page):
        assert control in ids


def test_what_there_is_to_ask_is_told(app, material):
    about = answer(app, "/about")
    assert (about["n"], about["dim"], about["metric"]) == (N, DIM, "cosine")
    assert [*about["sides"]] == ["default", "paper"]
    assert about["most"] == {"k": 100, "ef": 511}
    assert {one["name"] for one in about["backends"]} >= {"reference"}
    assert len(about["offered"]) == len(QUERIES)


def test_typed_words_find_texts(app):
    found = answer(app, "/find", {"words": "another question"})
    assert found[0] == {"of": "query", "id": "1", "text": "Another QUESTION"}


@pytest.mark.parametrize("side", ["default", "paper"])
@pytest.mark.parametrize("effort", [{}, {"k": 3, "ef": 9, "n_rerank": 4}])
def test_a_walk_is_the_explanation_of_the_same_search(app, material, side, effort):
    index = material.sides[side]
    explained = index.explain(QUERIES[1], **effort)
    shown = answer(app, "/walk", {**ASKED, "side": side, **effort})
    walk = shown["walk"]
    assert [int(one["id"]) for one in walk["answer"]] == [
        one.id for one in explained.found
    ]
    assert len(walk["hops"]) == len(explained.hops)
    assert walk["labels"][walk["answer"][0]["id"]] == material.text(
        explained.found[0].id
    )
    for one in (*walk["answer"], *walk["true"]):
        assert shown["distances"]["cosine"][one["id"]] == one["shown"]
        far = np.linalg.norm(index.get(int(one["id"])) - QUERIES[1])
        assert float(shown["distances"]["euclidean"][one["id"]]) == pytest.approx(
            far, abs=1e-4
        )
    assert shown["estimates"]["rows"] == N


def test_a_row_is_asked_by_its_id(material):
    ids = np.arange(N) + 2**62 + 1
    app = make_app(small_lab(ids=ids))
    shown = answer(app, "/walk", {**ASKED, "of": "row", "id": str(ids[7])})
    assert shown["walk"]["answer"][0]["id"] == str(ids[7])


@pytest.mark.parametrize("side", ["default", "paper"])
def test_every_backend_that_runs_here_answers_in_the_same_bits(app, material, side):
    names = [one.name for one in list_backends() if one.available]
    # Its compilation would take longer than a test may.
    for name in [name for name in names if name != "numba"]:
        shown = answer(app, "/backend", {**ASKED, "side": side, "backend": name})
        index = quiver.Index(material.sides[side].state, quiver.get_backend(name))
        assert shown["name"] == name
        assert shown["is_equal"] is True
        assert shown["digest"] == digest(index.search(QUERIES[1]))
        assert shown["ids"] == [str(id_) for id_ in index.search(QUERIES[1]).ids]


def test_a_digest_changes_with_one_bit_of_a_distance_or_a_counter(material):
    found = material.index.search(QUERIES[:2])
    before = digest(found)
    found.distances[0, 0] = np.nextafter(found.distances[0, 0], np.float32(2))
    after = digest(found)
    found.stats.hops[0] += 1
    assert len({before, after, digest(found)}) == 3


def test_a_hostile_text_comes_as_text(app):
    reply = told(app, "/walk", {**ASKED, "of": "row", "id": "7"})
    assert reply.headers["content-type"] == "application/json"
    assert HOSTILE in reply.document["answer"]["walk"]["labels"]["7"]


@pytest.mark.parametrize(
    ("path", "asked", "status", "kind", "argument"),
    [
        ("/walk", b"{", 400, "MalformedRequestError", "body"),
        ("/walk", b"\xff", 400, "MalformedRequestError", "body"),
        ("/walk", b"[" * 9000, 400, "MalformedRequestError", "body"),
        ("/walk", bytes(LIMITS.body + 1), 413, "TooLargeError", "body"),
        ("/walk", [], 422, "InvalidTypeError", "body"),
        ("/walk", {}, 422, "InvalidArgumentError", "side"),
        ("/walk", {**ASKED, "sid": 1}, 422, "InvalidArgumentError", "fields"),
        ("/walk", {**ASKED, "side": "x" * 999}, 422, "InvalidArgumentError", "side"),
        ("/walk", {**ASKED, "side": []}, 422, "InvalidArgumentError", "side"),
        ("/walk", {**ASKED, "of": None}, 422, "InvalidArgumentError", "of"),
        ("/walk", {**ASKED, "id": 1}, 422, "InvalidTypeError", "id"),
        ("/walk", {**ASKED, "id": "5"}, 422, "InvalidArgumentError", "id"),
        ("/walk", {**ASKED, "id": "9" * 20}, 422, "InvalidArgumentError", "id"),
        ("/walk", {**ASKED, "id": "1\n"}, 422, "InvalidTypeError", "id"),
        ("/walk", {**ASKED, "k": 0}, 422, "InvalidArgumentError", "k"),
        ("/walk", {**ASKED, "k": 101}, 422, "InvalidArgumentError", "k"),
        ("/walk", {**ASKED, "k": True}, 422, "InvalidTypeError", "k"),
        ("/walk", {**ASKED, "ef": 5}, 422, "InvalidArgumentError", "ef"),
        ("/walk", {**ASKED, "ef": 512}, 422, "InvalidArgumentError", "ef"),
        ("/walk", {**ASKED, "ef": 1025}, 422, "InvalidArgumentError", "ef"),
        ("/walk", {**ASKED, "n_rerank": 1}, 422, "InvalidArgumentError", "n_rerank"),
        ("/backend", {**ASKED, "backend": "x"}, 422, "InvalidArgumentError", "backend"),
        ("/backend", {**ASKED, "backend": {}}, 422, "InvalidArgumentError", "backend"),
        ("/find", {"words": 7}, 422, "InvalidTypeError", "words"),
        ("/find", {"words": "x" * 401}, 422, "InvalidArgumentError", "words"),
        ("/find", {}, 422, "InvalidTypeError", "words"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name(
    app, path, asked, status, kind, argument
):
    reply = told(app, path, asked)
    error = reply.document["error"]
    assert (reply.status, error["type"], error["argument"]) == (status, kind, argument)
    assert error["rule"]
    assert error["remedy"]
    assert len(reply.document["error"]["message"]) <= 500


def test_a_backend_that_cannot_run_here_says_why(app):
    absent = [one for one in list_backends() if not one.available]
    if not absent:
        pytest.skip("every backend runs here")
    reply = told(app, "/backend", {**ASKED, "backend": absent[0].name})
    assert reply.status == 422
    assert reply.document["error"]["type"] == "BackendUnavailableError"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/walk", 405),
        ("POST", "/", 405),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/../quiver/lab/app.py", 404),
        ("GET", "/lab.html", 404),
        ("BREW", "/", 405),
        ("GET", "/\udcff\0", 404),
    ],
)
def test_what_no_route_takes_is_refused_alike(app, method, path, status):
    raw = path.encode("utf-8", "surrogateescape").decode("latin-1")
    reply = asyncio.run(ask_app(app, method, raw, b"", HOME))
    assert reply.status == status
    assert "GET / or /about" in reply.document["error"]["message"]


def test_another_site_is_refused_and_every_answer_is_guarded(app):
    evil = told(app, "/walk", ASKED, {"host": "evil.example"})
    assert (evil.status, evil.document["error"]["type"]) == (421, "MisdirectedRequest")
    for reply in (evil, told(app, "/"), told(app, "/walk", b"{"), told(app, "/no")):
        assert reply.headers.items() >= HEADERS.items()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
FIELDS = {
    "side": st.sampled_from(["default", "paper"]) | JSON_VALUES,
    "of": st.sampled_from(["query", "row"]) | JSON_VALUES,
    "id": st.integers(-2, N).map(str) | st.integers().map(str) | JSON_VALUES,
    "k": st.integers(-1, 101) | JSON_VALUES,
    "ef": st.integers(0, 600) | JSON_VALUES,
    "n_rerank": st.integers(0, 600) | JSON_VALUES,
    "backend": st.just("reference") | JSON_VALUES,
    "words": st.text() | JSON_VALUES,
}
BODIES = st.binary(max_size=200) | st.one_of(
    JSON_VALUES, st.fixed_dictionaries({}, optional=FIELDS)
).map(lambda value: json.dumps(value).encode())


@given(path=st.sampled_from(["/walk", "/backend", "/find"]), body=BODIES)
def test_garbage_gets_a_typed_answer_and_the_lab_survives(app, path, body):
    reply = told(app, path, body)
    assert reply.status in (200, 400, 422), reply
    if reply.status != 200:
        assert reply.document["error"]["type"] != "InternalError"
    assert len(answer(app, "/find", {"words": "question"})) == 2
