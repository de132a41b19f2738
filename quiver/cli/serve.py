"""The command ``quiver shards serve``: a folder of shards, asked over HTTP."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from math import ceil
from typing import Annotated

import typer

import quiver
from quiver.cli.console import answers, load_backend, print_json, print_note
from quiver.cli.options import (
    BackendOption,
    HotOption,
    JsonOption,
    PlaceName,
    VerifyName,
    VerifyOption,
)
from quiver.cli.shards import EngineOfShards, FolderArgument, WorkersOption
from quiver.errors import InvalidArgumentError
from quiver.service.limits import Limits

_DEFAULTS = Limits()


class PolicyName(StrEnum):
    """What becomes of a request when a shard is lost."""

    STRICT = "strict"
    PARTIAL = "partial"


def serve(
    folder: FolderArgument,
    host: Annotated[
        str, typer.Option(help="Address to listen on; the default is this machine's.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free.")] = 8000,
    engine: Annotated[
        EngineOfShards,
        typer.Option(help="Here, in processes of their own, or in actors of Ray."),
    ] = EngineOfShards.LOCAL,
    replicas: Annotated[
        int, typer.Option(min=1, help="Actors of each shard, on Ray.")
    ] = 1,
    policy: Annotated[
        PolicyName,
        typer.Option(help="Of requests that name none: refuse, or answer without."),
    ] = PolicyName.STRICT,
    workers: WorkersOption = None,
    deadline: Annotated[
        float, typer.Option(help="Seconds until a worker is given up.")
    ] = 10.0,
    batch: Annotated[
        int, typer.Option(help="Most queries of a request.")
    ] = _DEFAULTS.batch,
    max_k: Annotated[int, typer.Option(help="Largest k.")] = _DEFAULTS.k,
    max_ef: Annotated[int, typer.Option(help="Largest ef.")] = _DEFAULTS.ef,
    max_body: Annotated[
        int, typer.Option(help="Most bytes of a request.")
    ] = _DEFAULTS.body,
    in_flight: Annotated[
        int, typer.Option(help="Requests at a time; more are refused.")
    ] = _DEFAULTS.in_flight,
    seconds: Annotated[
        float, typer.Option(help="Time until a client is told of no answer.")
    ] = _DEFAULTS.seconds,
    hot: HotOption = PlaceName.MMAP,
    verify: VerifyOption = VerifyName.FAST,
    backend: BackendOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Answer POST /search over HTTP until Ctrl-C or SIGTERM.

    Also GET /healthz and /metrics. There is no password and no encryption: on other
    addresses than this machine's own, put a proxy that has them in front.
    """
    try:
        # Imported here: the other commands must run without the extra.
        from quiver.service.app import make_app
        from quiver.service.running import address_of, bound, run
    except ModuleNotFoundError as error:
        raise InvalidArgumentError(str(error)) from error
    limits = Limits(
        batch=batch,
        k=max_k,
        ef=max_ef,
        body=max_body,
        in_flight=in_flight,
        seconds=seconds,
    )
    opened = quiver.ShardedIndex.open(
        *(folder, engine.value),
        hot=hot.value,
        verify=verify.value,
        backend=load_backend(backend).name,
        workers=workers,
        deadline=deadline,
        replicas=replicas,
        # Each request chooses; what none names is said to the service.
        policy="partial",
    )
    with opened, closing(bound(host, port)) as listening:
        url, is_loopback = address_of(listening)
        if not is_loopback:
            print_note(
                f"warning: whoever reaches {url} can search: there is no password and "
                "no encryption; --host 127.0.0.1 is for this machine only"
            )
        app = make_app(opened, limits, policy=policy.value)
        if as_json:
            print_json({"url": url, "n": len(opened)}, indent=None)
        else:
            answers.print(f"serving {opened} at {url}", soft_wrap=True, markup=False)
        run(app, listening, ceil(seconds))
    print_note("stopped")
