"""A worker that takes a question and never answers, until it is started anew."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from typing import Any

from quiver.sharding.messages import Message, pack
from quiver.sharding.serving import serve_shards

HANGING = 2
"""The shard whose first worker hangs."""


def serve_but_hang(
    pipe: Connection,
    folder: str,
    manifest: bytes,
    numbers: Any,
    verify: str,
    *rest: Any,
) -> None:
    """Serve as `serve_shards` does; of one shard, only when started again."""
    if HANGING in numbers and verify == "none":
        pipe.send_bytes(pack([Message("ready", {"process": os.getpid()})]))
        while True:
            time.sleep(60)
    serve_shards(pipe, folder, manifest, numbers, verify, *rest)
