"""Running: a service behind uvicorn, from a bound address to a graceful end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from quiver.errors import InvalidArgumentError

try:
    import uvicorn
except ModuleNotFoundError as error:
    if error.name != "uvicorn":
        raise
    msg = f"{__name__} needs uvicorn: pip install 'quiver-ann[serve]'"
    raise ModuleNotFoundError(msg, name=error.name) from error

BACKLOG = 128
"""Connections that may wait to be accepted."""


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens; clients may connect from here on.

    Parameters
    ----------
    host : str
        A name or an address of this machine.
    port : int
        0 takes any that is free.

    Raises
    ------
    InvalidArgumentError
        If this machine has no such address, or the port is taken.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, address = found[0][0], found[0][4]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        msg = f"host and port must be free on this machine, got {host} {port}: {error}"
        raise InvalidArgumentError(msg) from error


def address_of(listening: socket.socket) -> tuple[str, bool]:
    """Return the URL of a socket, and whether only this machine reaches it."""
    host, port = listening.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}", ip_address(host.partition("%")[0]).is_loopback


def run(app: Any, listening: socket.socket, drain_seconds: int) -> None:
    """Answer on a socket until Ctrl-C or SIGTERM, then finish what is under way.

    Parameters
    ----------
    app : ASGI application
        What answers.
    listening : socket
        From `bound`.
    drain_seconds : int
        Time that answers under way are given.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=drain_seconds,
    )
    server = uvicorn.Server(config)
    with _signals_end(server):
        server.run(sockets=[listening])


@contextmanager
def _signals_end(server: Any) -> Iterator[None]:
    """Let signals end a server and nothing else, from before it starts.

    While it runs it takes them itself, and when it has ended raises them again.
    """

    def end(*_: object) -> None:
        server.should_exit = True

    signals = signal.SIGINT, signal.SIGTERM
    before = [signal.signal(one, end) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)
