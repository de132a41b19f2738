"""Messages: plain bytes that say what they said, and pickle nothing."""

from __future__ import annotations

import numpy as np
import pytest

from quiver.sharding.board import ALIGNMENT
from quiver.sharding.messages import Message, pack, unpack


def test_what_is_packed_is_unpacked():
    arrays = (
        np.arange(6, dtype=np.float32).reshape(2, 3)[:, :2],
        np.array([True, False]),
        np.empty((0, 4), dtype=np.int64),
        np.array(5),
    )
    sent = [Message("search", {"k": 3, "ef": None}, arrays), None, Message("ids")]
    got = unpack(pack(sent))
    assert [one and one[:2] for one in got] == [one and one[:2] for one in sent]
    for found, array in zip(got[0].arrays, arrays, strict=True):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
        assert not found.flags.writeable


def test_an_array_that_several_messages_have_is_sent_once():
    queries = np.zeros(1000)
    one, four = (pack([Message("search", {}, (queries,))] * n) for n in (1, 4))
    assert len(four) < len(one) + 4 * ALIGNMENT


def test_an_array_of_objects_cannot_be_sent():
    frame = pack([Message("search", {}, (np.zeros(3),))])
    forged = frame.replace(b'"<f8"', b'"|O8"')
    assert forged != frame
    with pytest.raises((TypeError, ValueError), match="OBJECT"):
        unpack(forged)
