"""Cluster: what is simulated, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]


class Outage(NamedTuple):
    """A worker that is not there for a while.

    Attributes
    ----------
    part, replica : int
        Which worker: of which shards, and of which replica.
    start, seconds : float
        From when on, and for how long.
    """

    part: int
    replica: int
    start: float
    seconds: float


@dataclass(frozen=True)
class Cluster:
    """Workers that share shards, and the broker that asks them.

    Attributes
    ----------
    service : ndarray of shape (samples, shards) or (samples,)
        Seconds of a core that questions took each shard. A question draws a row, or of
        one column one for each shard.
    parts : int
        Workers among which the shards are dealt out, or of one column the shards.
    replicas : int
        How often all shards are there.
    cores : float or None
        What broker and workers share, if they are on one machine; None: each has its
        own.
    others : float
        Programs beside them that run there all the time.
    one_at_a_time : bool
        Whether a question waits for the one before, as with the engine of processes.
    prepare, send, receive, merge : float
        Seconds of a core that the broker takes for a question, for asking a worker, for
        reading an answer, for all answers.
    beside : float
        Seconds of a core that a worker takes for a question beside its shards.
    delay : float or ndarray
        Seconds until a worker begins on what it was sent, or the broker on its answer;
        of several each message draws one.
    straggle_share, straggle_factor : float
        How many answers take how many times longer than was drawn.
    hedge_after : float
        Seconds after which a part that has not answered is asked of another replica.
    deadline : float
        Seconds after which no more answers are waited for, and workers ended.
    restart : float
        Seconds until a worker that was ended is back.
    outages : sequence of Outage
        Workers that are not there.
    """

    service: Seconds
    parts: int
    replicas: int = 1
    cores: float | None = None
    others: float = 0.0
    one_at_a_time: bool = False
    prepare: float = 0.0
    send: float = 0.0
    receive: float = 0.0
    merge: float = 0.0
    beside: float = 0.0
    delay: float | Seconds = 0.0
    straggle_share: float = 0.0
    straggle_factor: float = 1.0
    hedge_after: float = math.inf
    deadline: float = math.inf
    restart: float = 0.0
    outages: Sequence[Outage] = ()


class Outcome(NamedTuple):
    """What became of questions, in their order.

    Attributes
    ----------
    seconds : ndarray of shape (questions,)
        From when each was asked to its answer.
    coverage : ndarray of shape (questions,)
        Share of the parts in it.
    n_asked : int
        Times that a worker was asked.
    """

    seconds: Seconds
    coverage: Seconds
    n_asked: int
