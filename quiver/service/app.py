"""App: a service as an ASGI application; needs the extra ``serve``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from quiver._version import __version__
from quiver.errors import MalformedRequestError
from quiver.service.limits import Limits, described
from quiver.service.refusals import Reply, refusal
from quiver.service.service import Service
from quiver.service.watched import Searched
from quiver.sharding.engines import Policy

try:
    from fastapi import FastAPI
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("fastapi", "starlette"):
        raise
    msg = f"{__name__} needs FastAPI: pip install 'quiver-ann[serve]'"
    raise ModuleNotFoundError(msg, name=error.name) from error

LOOK_SECONDS = 2.0
"""Time between one look at the folder and its shards and the next."""


def make_app(
    index: Searched,
    limits: Limits | None = None,
    *,
    policy: Policy = "strict",
    look_seconds: float = LOOK_SECONDS,
) -> FastAPI:
    """Return an application that answers ``POST /search`` from an index.

    Also ``GET /healthz`` and ``GET /metrics``; every error is JSON of one shape.

    Parameters
    ----------
    index : Index or ShardedIndex
        What is searched; whoever opened it closes it. One of shards is best opened with
        ``policy="partial"``: then each request chooses, and who is missing is known.
    limits : Limits, optional
        What clients may ask for.
    policy : {'strict', 'partial'}, default 'strict'
        Of requests that name none.
    look_seconds : float, default 2
        Time between one look at the folder and the next: so much later a new generation
        is searched, and a shard that was lost is started anew without being asked.

    Returns
    -------
    FastAPI
        For uvicorn, or for ``ray.serve.ingress``.
    """
    service = Service(index, limits, policy)

    async def search(request: Request) -> Response:
        return sent(await service.search(body_of(request)))

    async def health() -> Response:
        return sent(service.health())

    async def metrics() -> Response:
        return sent(service.metrics())

    @asynccontextmanager
    async def watched(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(service.watch(look_seconds))
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        service.close()

    app = FastAPI(
        title="quiver",
        version=__version__,
        lifespan=watched,
        # Their pages load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
    )
    body = described(index.dim, service.limits)
    app.add_api_route("/search", search, methods=["POST"], openapi_extra=body)
    app.add_api_route("/healthz", health)
    app.add_api_route("/metrics", metrics)
    routes = "POST /search, GET /healthz or GET /metrics"
    app.add_exception_handler(HTTPException, not_routed(routes))
    return app


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """Yield the parts of a request's body as they come."""
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect as error:
        msg = "body must come whole, got a part of it"
        raise MalformedRequestError(msg) from error


def sent(reply: Reply) -> Response:
    """Return a reply as the framework sends it."""
    return Response(reply.body, reply.status, reply.headers)


def not_routed(routes: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what refuses requests that no route takes, such as of another path."""

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        msg = f"request must be {routes}, got {request.method} {request.scope['path']}"
        kind = status.phrase.title().replace(" ", "")
        reply = refusal(status, kind, msg)
        reply.headers.update(error.headers or {})
        return sent(reply)

    return refuse
