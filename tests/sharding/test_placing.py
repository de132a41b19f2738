"""Placing: every key has one owner, the same for ever, and owners have even shares."""

from __future__ import annotations

import itertools

import numpy as np

from quiver.sharding.manifest import SLOTS
from quiver.sharding.placing import owners, shared_out, slots_of

STEP, FACTORS = 0x9E3779B97F4A7C15, (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def slot_by_definition(key):
    mixed = (key + STEP) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * FACTORS[0] % 2**64
    mixed = (mixed ^ (mixed >> 27)) * FACTORS[1] % 2**64
    return (mixed ^ (mixed >> 31)) >> 48


def test_a_slot_is_the_top_of_the_mixed_key():
    keys = np.array([0, 1, -2, 2**63 - 1, -(2**63), 12345], dtype=np.int64)
    assert slots_of(keys).tolist() == [
        slot_by_definition(k % 2**64) for k in keys.tolist()
    ]


def test_slots_are_shared_out_whole():
    for n in (1, 2, 3, 7, 4096):
        slots = shared_out(n)
        assert len(slots) == n
        assert slots[0][0] == 0
        assert slots[-1][1] == SLOTS
        assert all(a[1] == b[0] < b[1] for a, b in itertools.pairwise(slots))


def test_every_key_belongs_to_the_shard_whose_slots_hold_it():
    keys, slots = np.arange(1000), shared_out(7)
    for slot, owner in zip(slots_of(keys), owners(keys, slots), strict=True):
        assert slots[owner][0] <= slot < slots[owner][1]
    assert np.bincount(owners(keys, slots)).min() > 100
