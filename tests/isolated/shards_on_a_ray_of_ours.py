"""Search shards on Ray where the caller has started none, and print what was started.

Usage: shards_on_a_ray_of_ours.py FOLDER HOME
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

import quiver
from quiver.errors import InvalidArgumentError

KNOCK = """
import sys
import ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="CRITICAL")
except Exception as error:
    print("refused")
else:
    print("answered")
"""


def knock(address: str, **more: str) -> str:
    """Return what a stranger to the cluster is told, who may have a token."""
    words = [sys.executable, "-c", KNOCK, address]
    # The time a stranger waits for the cluster, in seconds.
    env = {**os.environ, "RAY_gcs_rpc_server_connect_timeout_s": "5", **more}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)
    return done.stdout.strip() or "refused"


def main(folder: str, home: str) -> None:
    told = {"imported": [name for name in sys.modules if name.startswith("ray")]}
    os.environ |= {"HOME": home, "RAY_AUTH_MODE": "disabled"}
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS"):
        os.environ.pop(name, None)
    try:
        quiver.ShardedIndex.open(folder, "ray", backend="reference")
    except InvalidArgumentError as error:
        told["refused"] = str(error)
    del os.environ["RAY_AUTH_MODE"]
    query = np.ones(quiver.ShardedIndex.open(folder).dim)
    with quiver.ShardedIndex.open(folder, "ray", backend="reference") as index:
        told["ids"] = index.search(query, 3).ids.tolist()
    told["expected"] = quiver.ShardedIndex.open(folder).search(query, 3).ids.tolist()
    import ray

    context = ray.get_runtime_context()
    told["dashboard"] = ray._private.worker._global_node.webui_url
    told["with_token"] = knock(context.gcs_address)
    told["with_another"] = knock(context.gcs_address, RAY_AUTH_TOKEN="0" * 32)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
