"""The application: routes, and errors of the same shape where there is none."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from quick import QUICK_BACKEND
from rows import normal_rows
from served import ask_app

import quiver
from quiver.service.limits import Limits

pytest.importorskip("fastapi", reason="needs the extra `serve`")

from quiver.service.app import make_app

ROWS = normal_rows(60, 8, seed=1)


@pytest.fixture(scope="module")
def index():
    return quiver.Index.build(ROWS, backend=QUICK_BACKEND, max_degree=8)


@pytest.fixture(scope="module")
def app(index):
    return make_app(index, Limits(body=5000))


def asked(app, *request):
    return asyncio.run(ask_app(app, *request))


def test_a_search_is_answered_and_a_mistake_refused(app, index):
    told = asked(app, "POST", "/search", {"queries": ROWS[:3].tolist(), "k": 2})
    assert told.status == 200
    assert told.headers["content-type"] == "application/json"
    np.testing.assert_array_equal(told.document["ids"], index.search(ROWS[:3], 2).ids)
    assert asked(app, "POST", "/search", b"{").status == 400
    assert asked(app, "POST", "/search", bytes(5001)).status == 413


def test_health_and_metrics_are_told(app):
    health = asked(app, "GET", "/healthz")
    assert (health.status, health.document["vectors"]) == (200, 60)
    metrics = asked(app, "GET", "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "quiver_vectors 60" in metrics.document


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/search", 405, "MethodNotAllowed"),
        ("POST", "/healthz", 405, "MethodNotAllowed"),
        ("GET", "/", 404, "NotFound"),
        ("GET", "/docs", 404, "NotFound"),
        ("GET", "/search/../x", 404, "NotFound"),
    ],
)
def test_what_no_route_takes_is_refused_alike(app, method, path, status, kind):
    told = asked(app, method, path)
    error = told.document["error"]
    assert (told.status, error["type"]) == (status, kind)
    assert f"got {method} {path}" in error["message"]
    assert error["remedy"]
    assert ("allow" in told.headers) == (status == 405)


def test_the_schema_says_what_a_request_may_hold(app):
    told = asked(app, "GET", "/openapi.json").document
    body = told["paths"]["/search"]["post"]["requestBody"]["content"]
    fields = body["application/json"]["schema"]["properties"]
    assert fields["k"]["maximum"] == 1000
    assert fields["queries"]["oneOf"][0]["maxItems"] == 8


def test_a_client_that_leaves_amid_its_body_is_let_go(app):
    async def leave():
        told = []

        async def receive():
            return come.pop(0)

        async def send(message):
            told.append(message)

        come = [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
        ]
        scope = {"type": "http", "method": "POST", "path": "/search", "headers": []}
        await app({**scope, "query_string": b"", "root_path": ""}, receive, send)
        return told[0]["status"]

    assert asyncio.run(leave()) == 400


def test_the_folder_is_watched_for_as_long_as_the_application_lives(tmp_path):
    quiver.build_shards(ROWS, tmp_path, shards=2, backend=QUICK_BACKEND, max_degree=8)
    opened = quiver.ShardedIndex.open(tmp_path, backend=QUICK_BACKEND)
    app = make_app(opened, look_seconds=0.01)

    async def live():
        async with app.router.lifespan_context(app):
            writer = quiver.ShardedIndex.open(tmp_path, backend=QUICK_BACKEND)
            writer.add(ROWS[:1], ids=[777])
            while (await ask_app(app, "GET", "/healthz")).document["generation"] == 1:
                await asyncio.sleep(0.01)
            told = await ask_app(
                app, "POST", "/search", {"queries": ROWS[0].tolist(), "k": 2}
            )
        return told.document["ids"]

    assert asyncio.run(live()) == [0, 777]
