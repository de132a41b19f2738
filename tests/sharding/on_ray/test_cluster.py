"""Ray itself: an extra, started only where the caller has not, and with its token."""

from __future__ import annotations

import json
import sys

import pytest
from isolated_run import run_isolated
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


@pytest.mark.slow
def test_a_cluster_is_started_with_its_token_and_without_a_dashboard(tmp_path):
    pytest.importorskip("ray", reason="needs the extra `ray`; see `make ray`")
    folder = made(tmp_path / "shards", ROWS, 1)
    told = json.loads(run_isolated("shards_on_a_ray_of_ours.py", folder, tmp_path))
    assert told["imported"] == []
    assert "RAY_AUTH_MODE must be 'token'" in told["refused"]
    assert told["ids"] == told["expected"]
    assert not told["dashboard"]
    # A stranger who has another token is turned away.
    assert told["with_token"] == "answered"
    assert told["with_another"] == "refused"
