"""Messages: what a shard is asked and answers, as plain bytes.

A message is a word, options that JSON can hold, and arrays of numbers. Nothing is
pickled, so reading one runs no code of its sender's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from quiver._typing import AnyArray

ALIGNMENT = 64
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


def pack(messages: Sequence[Message | None]) -> bytes:
    """Return messages as bytes; an array that several of them have is written once."""
    pool = {id(array): array for each in messages if each for array in each.arrays}
    places = {key: place for place, key in enumerate(pool)}
    head = {
        "arrays": [[array.dtype.str, array.shape] for array in pool.values()],
        "messages": [
            each and [each.word, each.options, [places[id(a)] for a in each.arrays]]
            for each in messages
        ],
    }
    text = json.dumps(head).encode("ascii")
    parts: list[bytes | memoryview] = [
        len(text).to_bytes(_LENGTH_BYTES, "little"),
        text,
    ]
    parts.append(bytes(-(_LENGTH_BYTES + len(text)) % ALIGNMENT))
    for array in pool.values():
        parts.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        parts.append(bytes(-array.nbytes % ALIGNMENT))
    return b"".join(parts)


def unpack(frame: bytes) -> list[Message | None]:
    """Return the messages that `pack` was given; their arrays are views, read-only."""
    length = int.from_bytes(frame[:_LENGTH_BYTES], "little")
    start = _LENGTH_BYTES + length
    head = json.loads(frame[_LENGTH_BYTES:start])
    start += -start % ALIGNMENT
    arrays = []
    for name, shape in head["arrays"]:
        array: AnyArray = np.frombuffer(frame, name, math.prod(shape), start)
        arrays.append(array.reshape(shape))
        start += array.nbytes + -array.nbytes % ALIGNMENT
    return [
        each and Message(each[0], each[1], tuple(arrays[place] for place in each[2]))
        for each in head["messages"]
    ]
