"""App: the lab as an ASGI application; needs the extra ``lab``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from http import HTTPStatus
from importlib.resources import files

from quiver.lab.answers import about, compared, explained
from quiver.lab.asked import LIMITS, Question, read_question, read_words
from quiver.lab.guard import App, Guard
from quiver.lab.material import Material
from quiver.pages.walk import page_file, walk_parts
from quiver.service.app import body_of, not_routed, sent
from quiver.service.desk import Desk
from quiver.service.limits import Limits
from quiver.service.refusals import Reply, reply_of

try:
    from fastapi import FastAPI
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("fastapi", "starlette"):
        raise
    msg = f"{__name__} needs FastAPI: pip install 'quiver-ann[lab]'"
    raise ModuleNotFoundError(msg, name=error.name) from error

REMEDIES = {
    HTTPStatus.BAD_REQUEST: 'send {"words": "…"} or a question, as JSON in UTF-8',
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "ask for less",
    HTTPStatus.UNPROCESSABLE_ENTITY: "follow the rule; GET /about tells what there is",
    HTTPStatus.TOO_MANY_REQUESTS: "ask again after Retry-After seconds",
    HTTPStatus.SERVICE_UNAVAILABLE: "ask again after Retry-After seconds",
    HTTPStatus.GATEWAY_TIMEOUT: "ask again: kernels may be compiled by then",
}
KINDS = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
SHARED = ("walk.css", "walk.js")
OWN = ("lab.css", "lab.js", "asking.js", "chart.js", "backends.js", "icon.svg")

Handler = Callable[[Request], Awaitable[Response]]


def make_app(
    material: Material, host: str = "127.0.0.1", limits: Limits = LIMITS
) -> App:
    """Return an application that serves the lab's page and answers it.

    ``GET /`` and the files of the page, ``GET /about``, and ``POST`` of ``/find``,
    ``/walk`` and ``/backend``. Every error is JSON of one shape.

    Parameters
    ----------
    material : Material
        What is shown.
    host : str, default '127.0.0.1'
        Where it is served: a name in requests must be this one or ``localhost``.
    limits : Limits, optional
        What one request may ask for.

    Returns
    -------
    ASGI application
        For uvicorn.
    """
    desk = Desk(limits, REMEDIES)
    # Their pages load scripts from other hosts.
    app = FastAPI(title="quiver lab", docs_url=None, redoc_url=None, openapi_url=None)

    def answered(answer: Callable[[bytes], object]) -> Handler:
        def replied(raw: bytes) -> Reply:
            return reply_of(HTTPStatus.OK, {"answer": answer(raw)})

        async def handle(request: Request) -> Response:
            return sent(await desk.reply(body_of(request), replied))

        return handle

    def asked(raw: bytes) -> Question:
        return read_question(raw, material, limits)

    answers = {
        "/find": lambda raw: [m._asdict() for m in material.find(read_words(raw))],
        "/walk": lambda raw: explained(material, asked(raw)),
        "/backend": lambda raw: compared(material, asked(raw)),
    }
    for path, answer in answers.items():
        app.add_api_route(path, answered(answer), methods=["POST"])
    app.add_api_route("/about", answered(lambda _: about(material, limits)))
    for path, (content, kind) in _files(material).items():
        app.add_api_route(path, _served(content, kind))
    routes = "GET / or /about, or POST /find, /walk or /backend"
    app.add_exception_handler(HTTPException, not_routed(routes))
    return Guard(app, host)


def _files(material: Material) -> dict[str, tuple[str, str]]:
    """Return what is served at each path: the content and its type."""
    found = {f"/{name}": (page_file(name), _kind(name)) for name in SHARED}
    found |= {f"/{name}": (_own(name), _kind(name)) for name in OWN}
    sides = "".join(
        _own("side.html").replace("@name@", escape(name)).replace("@walk@", parts)
        for name in material.sides
        for parts in [walk_parts(f"{escape(name)}-")]
    )
    page = _own("lab.html").replace("@sides@", sides)
    return {**found, "/": (page, KINDS["html"])}


def _own(name: str) -> str:
    return files("quiver.lab").joinpath("page", name).read_text("utf-8")


def _kind(name: str) -> str:
    return KINDS[name.rpartition(".")[2]]


def _served(content: str, kind: str) -> Callable[[], Awaitable[Response]]:
    body = content.encode()

    async def serve() -> Response:
        return Response(body, headers={"content-type": kind})

    return serve
