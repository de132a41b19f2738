"""Guard: only the lab's own page may ask, under the lab's own name."""

from __future__ import annotations

import asyncio

import pytest
from served import ask_app

from quiver.lab.guard import HEADERS, Guard


async def greeting(scope, receive, send):
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def asked(headers, host="127.0.0.1"):
    return asyncio.run(ask_app(Guard(greeting, host), "GET", "/", b"", headers))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "[::1]:80", "LOCALHOST"]
)
def test_addresses_and_the_labs_own_names_are_let_in(host):
    assert asked({"host": host}).document == "hello"


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost."),
        *(
            "",
            "[",
            "[::1",
            "a@127.0.0.1/",
            "user@evil.example",
            "evil.example#127.0.0.1",
        ),
        *("127.0.0.1:x", "\xff\xfe", "0x7f.1", "localhost evil.example", "[v1.x]"),
    ],
)
def test_another_name_is_refused(host):
    told = asked({"host": host})
    assert told.status == 421
    assert told.document["error"]["argument"] == "host"
    assert "quiver lab" in told.document["error"]["remedy"]


def test_no_host_at_all_is_refused():
    assert asked({}).status == 421


def test_a_name_that_the_lab_is_told_is_its_own():
    assert asked({"host": "Lab.example:80"}, "lab.example").status == 200
    assert asked({"host": "lab.example.evil"}, "lab.example").status == 421


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://127.0.0.1:8001", 403),
        ("https://127.0.0.1:8000", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
def test_a_page_of_another_origin_is_refused(origin, status):
    told = asked({"host": "127.0.0.1:8000", "origin": origin})
    assert told.status == status


def test_every_answer_tells_the_browser_what_it_may_do():
    for headers in ({"host": "localhost"}, {"host": "evil.example"}):
        told = asked(headers)
        assert told.headers.items() >= HEADERS.items()
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_what_is_no_http_passes():
    passed = []

    async def app(scope, receive, send):
        del receive, send
        passed.append(scope["type"])

    asyncio.run(Guard(app, "localhost")({"type": "lifespan"}, None, None))
    assert passed == ["lifespan"]
