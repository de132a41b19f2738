"""Guard: who may ask the lab, and what a browser may do with what it is sent.

A page of another site must not ask through a reader's browser. It could by a name of
its own that it has made to mean this computer (DNS rebinding), so names are taken only
if they are ours; an address cannot be made to mean another. Or it could by plain posts
to us, which name their origin.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from quiver.service.refusals import Reply, refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""Of every answer. No script but ours, no frame, nothing from another host."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z.-]+)(:[0-9]{1,5})?", re.ASCII)
"""A name or an address, and perhaps a port."""


class Guard:
    """An application behind whose back no other site asks.

    Parameters
    ----------
    app : ASGI application
        What answers.
    host : str
        The name or address that it is served at.
    """

    def __init__(self, app: App, host: str) -> None:
        self.app, self.names = app, {"localhost", host.lower()}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it, with the headers of a guarded page."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_encoded(HEADERS)]
            await send(message)

        reply = self._refused(scope) if scope["type"] == "http" else None
        if reply is None:
            await self.app(scope, receive, send_guarded)
            return
        start = {"type": "http.response.start", "status": reply.status}
        await send_guarded({**start, "headers": _encoded(reply.headers)})
        await send_guarded({"type": "http.response.body", "body": reply.body})

    def _refused(self, scope: Message) -> Reply | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if not self._is_ours(host):
            msg = f"host must be an address or a name of the lab, got {host!r}"
            return refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "MisdirectedRequest",
                f"{msg}; open the address that `quiver lab` printed",
            )
        if origin is not None and origin != f"http://{host}":
            msg = f"origin must be http://{host}, got {origin!r}"
            remedy = "ask from the lab's own page"
            return refusal(HTTPStatus.FORBIDDEN, "Forbidden", f"{msg}; {remedy}")
        return None

    def _is_ours(self, host: str) -> bool:
        named = _HOST.fullmatch(host.lower())
        if named is None or named[1] in self.names:
            return named is not None
        try:
            ip_address(named[1].strip("[]"))
        except ValueError:
            return False
        return True


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
