"""Whom a question goes to, and when it is given up: with a stand-in for Ray."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from quiver.errors import ShardError
from quiver.sharding.messages import Message, pack
from quiver.sharding.on_ray.gathering import Gathering
from quiver.sharding.on_ray.holder import UNOPENED

ANSWER = Message("found", {"by": "one"})
SECONDS = 0.05
GONE = Message(UNOPENED, {"kind": "FileAccessError", "text": "there is no file"})


class Lost(Exception):
    """What Ray raises of an actor that died."""


class StandIn:
    """As much of Ray as a gathering uses; a reference is what it will give."""

    exceptions = SimpleNamespace(RayError=Lost)

    def wait(self, refs, timeout):
        assert timeout <= SECONDS
        ready = [ref for ref in refs if ref.outcome is not None][:1]
        return ready, [ref for ref in refs if ref not in ready]

    def get(self, ref, timeout):
        assert timeout is not None
        if isinstance(ref.outcome, Lost):
            raise ref.outcome
        return pack([ref.outcome])


class Reference:
    """Where an answer will be: a message, an error of Ray's, or None for never."""

    def __init__(self, outcome):
        self.outcome = outcome


class Actor:
    """A replica that has these outcomes, one after another."""

    def __init__(self, *outcomes):
        self.outcomes, self.asked, self.n_replaced = [*outcomes], [], 0

    def ask(self, frame, *, is_patient):
        assert frame == b"?"
        self.asked.append(is_patient)
        return Reference(self.outcomes.pop(0))

    def replace(self):
        self.n_replaced += 1


class Named:
    """Stands for a shard of a manifest."""

    def __init__(self, file):
        self.file = file


def told(*shards, frames=None, turn=0):
    named = {
        Named(f"shard-{number}"): [*replicas] for number, replicas in enumerate(shards)
    }
    frames = frames or [b"?"] * len(shards)
    return Gathering(StandIn(), named, frames, turn).told(SECONDS)


def test_replicas_take_turns_at_being_asked_first():
    for turn, asked in ((0, (1, 0)), (1, (0, 1)), (2, (1, 0))):
        first, other = Actor(ANSWER), Actor(ANSWER)
        assert told([first, other], turn=turn) == [ANSWER]
        assert (len(first.asked), len(other.asked)) == asked


def test_the_next_replica_is_asked_where_one_is_lost():
    first, other = Actor(Lost("died")), Actor(ANSWER)
    assert told([first, other], [Actor(ANSWER)]) == [ANSWER, ANSWER]
    assert (first.asked, other.asked) == ([False], [False])


def test_the_first_is_asked_again_with_patience_where_all_are_lost():
    first, other = Actor(Lost("died"), ANSWER), Actor(Lost("died"))
    assert told([first, other]) == [ANSWER]
    assert (first.asked, other.asked) == ([False, True], [False])


def test_a_shard_that_is_lost_in_the_end_is_told_with_the_last_reason():
    (error,) = told([Actor(Lost("died"), Lost("ray::ask()\n  File\nOSError: no disk"))])
    assert isinstance(error, ShardError)
    assert str(error) == "shard-0: shard: OSError: no disk"
    (error,) = told([Actor(GONE, GONE)])
    assert str(error) == "shard-0: shard: there is no file"


def test_a_shard_that_is_not_asked_is_not_told():
    assert told([Actor()], [Actor(ANSWER)], frames=[None, b"?"]) == [None, ANSWER]


@pytest.mark.parametrize(
    ("outcomes", "n_replaced"), [([None], 1), ([Lost("died"), None], 0)]
)
def test_one_that_hangs_is_replaced_unless_it_is_being_started(outcomes, n_replaced):
    hung = Actor(*outcomes)
    error, answer = told([hung], [Actor(ANSWER)])
    assert "no answer within 0.05 s" in str(error)
    assert answer == ANSWER
    assert hung.n_replaced == n_replaced
