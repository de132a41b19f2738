"""Asking a service without a network: its own coroutine, or its ASGI application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, NamedTuple


class Told(NamedTuple):
    """What came back."""

    status: int
    document: Any
    headers: dict[str, str]


async def in_parts(body: bytes, size: int = 1 << 16) -> AsyncIterator[bytes]:
    """Yield a body as a server does."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def as_bytes(asked: Any) -> bytes:
    return asked if isinstance(asked, bytes) else json.dumps(asked).encode()


async def ask(service: Any, asked: Any) -> Told:
    """Ask a `quiver.service.service.Service`."""
    status, body, headers, _ = await service.search(in_parts(as_bytes(asked)))
    return Told(status, json.loads(body), headers)


def ask_once(service: Any, asked: Any) -> Told:
    return asyncio.run(ask(service, asked))


async def ask_app(
    app: Any,
    method: str,
    path: str,
    asked: Any = b"",
    headers: dict[str, str] | None = None,
) -> Told:
    """Ask an ASGI application, as a server would."""
    named = [
        (name.encode(), text.encode("latin-1"))
        for name, text in (headers or {}).items()
    ]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1"}
    scope |= {"method": method, "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "headers": named, "scheme": "http", "root_path": ""}
    scope |= {"server": ("testserver", 80), "client": ("127.0.0.1", 1)}
    come = [{"type": "http.request", "body": as_bytes(asked), "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return come.pop() if come else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    document: Any = body.decode()
    with suppress(ValueError):
        document = json.loads(body)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Told(sent[0]["status"], document, told)
