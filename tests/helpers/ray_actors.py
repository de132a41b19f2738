"""The processes behind the shards of an index on Ray."""

from __future__ import annotations

import os
import signal
import sys
import time


def replicas_of(index):
    """Return every replica, those of a shard one after another."""
    return [one for replicas in index._now.engine.shards.values() for one in replicas]


def process_of(replica):
    """Return the number of the process that a replica runs in by now."""
    ray = sys.modules["ray"]
    ask = replica._actor.__ray_call__.options(max_task_retries=5)
    return ray.get(ask.remote(lambda _: os.getpid()), timeout=30)


def kill(replica):
    """End the process of a replica, and wait until it has ended."""
    victim = process_of(replica)
    os.kill(victim, signal.SIGKILL)
    wait_until_gone(victim)
    return victim


def wait_until_gone(process_id):
    """Wait until a process has ended."""
    end = time.monotonic() + 20
    while os.path.exists(f"/proc/{process_id}"):
        assert time.monotonic() < end, process_id
        time.sleep(0.005)
