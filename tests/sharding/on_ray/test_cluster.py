"""Ray itself: an extra, started only where the caller has not, and with its token."""

from __future__ import annotations

import sys

import pytest
from shard_folders import made, tied_rows

import quiver
from quiver.errors import InvalidArgumentError

ROWS = tied_rows()


def test_without_ray_its_extra_is_named(tmp_path, monkeypatch):
    folder = made(tmp_path / "shards", ROWS[:20], 2)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidArgumentError, match=r"quiver-ann\[ray\]"):
        quiver.ShardedIndex.open(folder, "ray")
    with pytest.raises(InvalidArgumentError, match=r"quiver-ann\[ray\]"):
        made(tmp_path / "out", ROWS, 2, engine="ray")
    assert not (tmp_path / "out").exists()


def test_replicas_are_for_actors_and_counted(tmp_path):
    folder = made(tmp_path, ROWS[:20], 2)
    with pytest.raises(InvalidArgumentError, match="replicas must be"):
        quiver.ShardedIndex.open(folder, replicas=2)
    with pytest.raises(InvalidArgumentError, match="replicas must be"):
        quiver.ShardedIndex.open(folder, "ray", replicas=0)
