"""A folder of shards behind Ray Serve: several replicas at one address.

RAY_AUTH_MODE=token python app.py FOLDER        # on this machine
serve run app:build folder=FOLDER replicas=4    # on a cluster that runs

Every replica opens the folder, which all machines must see at the same path, and
answers as `quiver shards serve` does: POST /search, GET /healthz, GET /metrics.
"""

from __future__ import annotations

import argparse
import os
import signal
from typing import Any

import ray
from pydantic import BaseModel
from ray import serve

import quiver
from quiver.service.app import make_app
from quiver.service.limits import Limits


class Arguments(BaseModel):
    """What ``serve run app:build`` and a Serve config file may say.

    Attributes
    ----------
    folder : str
        What `quiver.build_shards` wrote; an absolute path.
    engine : str
        Where each replica has its shards; see `quiver.ShardedIndex.open`.
    replicas : int
        How many answer.
    policy : str
        Of requests that name none: ``strict`` or ``partial``.
    in_flight : int
        Requests at a time of each replica; one more gets a 429 and Retry-After.
    """

    folder: str
    engine: str = "local"
    replicas: int = 2
    policy: str = "strict"
    in_flight: int = 32


def build(arguments: Arguments) -> serve.Application:
    """Return the application of Ray Serve."""
    limits = Limits(in_flight=arguments.in_flight)

    def made() -> Any:
        """Open the folder, in the process of a replica."""
        index = quiver.ShardedIndex.open(
            *(arguments.folder, arguments.engine),
            hot="mmap",
            deadline=10.0,
            policy="partial",
        )
        return make_app(index, limits, policy=arguments.policy)

    deployment = serve.deployment(
        serve.ingress(made)(),
        name="search",
        num_replicas=arguments.replicas,
        # Replicas on one machine map the same files and share its processors.
        ray_actor_options={"num_cpus": 0},
        # More than a replica answers at a time, so that it is quiver that refuses, with
        # typed JSON, and that /healthz gets through; beyond, Serve refuses with a 503.
        max_ongoing_requests=2 * arguments.in_flight,
        max_queued_requests=2 * arguments.in_flight,
        logging_config={"enable_access_log": False},
    )
    return deployment.bind()


def main() -> None:
    """Serve a folder from a Ray of this machine until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(description="A folder of shards on Ray Serve.")
    parser.add_argument("folder")
    parser.add_argument("--engine", default="local")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    if os.environ.get("RAY_AUTH_MODE") != "token":
        parser.error("set RAY_AUTH_MODE=token: Ray listens on every interface")
    ray.init(include_dashboard=False)
    serve.start(http_options={"host": given.host, "port": given.port})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    arguments = Arguments(
        folder=given.folder, engine=given.engine, replicas=given.replicas
    )
    serve.run(build(arguments), name="quiver", blocking=True)


if __name__ == "__main__":
    main()
