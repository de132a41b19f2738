"""Messages: what a shard is asked and answers, as plain bytes.

A message is a word, options that JSON can hold, and arrays of numbers, which follow or
are on a board. Nothing is pickled, so reading one runs no code of its sender's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import AnyArray
from quiver.sharding.board import ALIGNMENT, Board, Posted, laid_out

_LENGTH_BYTES = 8


class Message(NamedTuple):
    """A question to one shard, or its answer.

    Attributes
    ----------
    word : str
        What is asked, or what kind of answer this is.
    options : dict
        Of names to what JSON can hold.
    arrays : tuple of ndarray
        Of bools, integers or floats.
    """

    word: str
    options: dict[str, Any] = {}  # noqa: RUF012 - never written to
    arrays: tuple[AnyArray, ...] = ()


def distinct(messages: Iterable[Message | None]) -> list[AnyArray]:
    """Return the arrays of messages; one that several of them have comes once."""
    every = (array for each in messages if each for array in each.arrays)
    return list({id(array): array for array in every}.values())


def pack(messages: Sequence[Message | None], posted: Posted | None = None) -> bytes:
    """Return messages as bytes; an array that several of them have is written once.

    Parameters
    ----------
    messages : sequence of Message or None
        What to say.
    posted : Posted, optional
        Where on a board their arrays are; otherwise they follow.
    """
    pool = distinct(messages)
    places = {id(array): place for place, array in enumerate(pool)}
    offsets = [posted.offsets[key] for key in places] if posted else laid_out(pool)[0]
    head = {
        "arrays": [
            [array.dtype.str, array.shape, offset]
            for array, offset in zip(pool, offsets, strict=True)
        ],
        "board": posted.size if posted else 0,
        "messages": [
            each and [each.word, each.options, [places[id(a)] for a in each.arrays]]
            for each in messages
        ],
    }
    text = json.dumps(head).encode("ascii")
    parts: list[bytes | memoryview] = [
        len(text).to_bytes(_LENGTH_BYTES, "little"),
        text,
        bytes(-(_LENGTH_BYTES + len(text)) % ALIGNMENT),
    ]
    for array in () if posted else pool:
        parts.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        parts.append(bytes(-array.nbytes % ALIGNMENT))
    return b"".join(parts)


def unpack(frame: bytes, board: Board | None = None) -> list[Message | None]:
    """Return the messages that `pack` was given; their arrays are views, read-only.

    Those on a board are as long as nothing else is written there.
    """
    length = int.from_bytes(frame[:_LENGTH_BYTES], "little")
    start = _LENGTH_BYTES + length
    head = json.loads(frame[_LENGTH_BYTES:start])
    source: Any = frame
    first = start + -start % ALIGNMENT
    if head["board"]:
        assert board is not None, "a frame whose arrays are on a board came without one"
        source, first = board.read(head["board"]), 0
    arrays: list[AnyArray] = [
        np.frombuffer(source, name, math.prod(shape), first + offset).reshape(shape)
        for name, shape, offset in head["arrays"]
    ]
    return [
        each and Message(each[0], each[1], tuple(arrays[place] for place in each[2]))
        for each in head["messages"]
    ]
