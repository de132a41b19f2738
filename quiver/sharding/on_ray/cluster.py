"""Cluster: Ray, found or started, and what can be said of it where it does not answer.

Ray listens on every interface of the machine, whatever address it is told, so who may
talk to it is for its token to say.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from quiver.errors import InvalidArgumentError, ShardError
from quiver.readers.opening import needing
from quiver.sharding.messages import Message, unpack

START_SECONDS = 60.0
"""Time that Ray may take to start what it was asked to; a full cluster never does."""

_AUTH_MODE = "RAY_AUTH_MODE"


def load_ray() -> Any:
    """Return Ray, which may not run yet.

    Raises
    ------
    InvalidArgumentError
        If it is not installed; the message says how to.
    """
    with needing("engine 'ray'", "ray"):
        import ray
    return ray


def running_ray() -> Any:
    """Return Ray, connected as the caller left it, or started on this machine.

    A cluster of our own has no dashboard, and asks everybody for the token in
    ``~/.ray/auth_token``. Ray ends it with this process.

    Raises
    ------
    InvalidArgumentError
        If Ray is not installed, or would have to start without its token.
    """
    ray = load_ray()
    if ray.is_initialized():
        return ray
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if "RAY_ADDRESS" in os.environ:
        ray.init(**quiet)
        return ray
    _require_token(ray)
    ray.init(address="local", include_dashboard=False, **quiet)
    return ray


def _require_token(ray: Any) -> None:
    """Have a cluster that is started next ask for its token; Ray then makes one."""
    mode = os.environ.setdefault(_AUTH_MODE, "token")
    if mode != "token":
        msg = (
            f"{_AUTH_MODE} must be 'token' where Ray is started for you, got {mode!r}: "
            "it listens on every interface; call ray.init yourself to have it so"
        )
        raise InvalidArgumentError(msg)
    # It read its environment when it was imported, perhaps long before.
    ray._raylet.Config.initialize("")


class Processors(NamedTuple):
    """Processors of a cluster.

    Attributes
    ----------
    every : int
        All there are.
    free : int
        Those that nothing has been promised to.
    largest : int
        Those of the machine that has most.
    """

    every: int
    free: int
    largest: int


def processors(ray: Any) -> Processors:
    """Return how many processors a cluster has."""
    of_nodes = [
        node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]
    ]
    free = ray.available_resources().get("CPU", 0)
    return Processors(int(sum(of_nodes)), int(free), int(max(of_nodes, default=0)))


def fetched(ray: Any, ref: Any) -> list[Message | None]:
    """Return the messages that an actor or a task has returned.

    Raises
    ------
    ShardError
        If it has not, because its process was lost.
    """
    with telling(ray, ""):
        return unpack(ray.get(ref, timeout=START_SECONDS))


@contextmanager
def telling(ray: Any, what: str) -> Iterator[None]:
    """Turn what Ray raises into an error of ours, with a line of what Ray says.

    Raises
    ------
    ShardError
    """
    try:
        yield
    except ray.exceptions.RayError as error:
        raise ShardError(what + _reason(str(error))) from error


def _reason(text: str) -> str:
    first, *rest = text.splitlines() or [""]
    if "ray::" not in first:
        return first
    # It is a traceback, of which the first line at the margin names what was wrong.
    return next((line for line in rest if line[:1].isalpha()), first)


def not_started(ray: Any, what: str, wanted: str) -> ShardError:
    """Return the error that something was not started in time, and what may be why."""
    found = processors(ray)
    msg = (
        f"{what}: not started by Ray within {START_SECONDS:g} s; it needs {wanted}, "
        f"and of {found.every} processors {found.free} are free"
    )
    return ShardError(msg)


@contextmanager
def reserved(ray: Any, what: str, size: int, threads: int) -> Iterator[Any]:
    """Reserve processors for something; in the end what still runs on them is ended.

    Raises
    ------
    ShardError
        If there are not as many in time; the message says how many there are.
    """
    group = ray.util.placement_group([{"CPU": threads}] * size, strategy="SPREAD")
    try:
        if not group.wait(START_SECONDS):
            raise not_started(ray, what, f"{size} times {threads} processors")
        yield group
    finally:
        ray.util.remove_placement_group(group)
