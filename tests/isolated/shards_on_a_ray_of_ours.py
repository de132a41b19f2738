"""Open shards on Ray where the caller has started none, and print what was started.

Usage: shards_on_a_ray_of_ours.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np

import quiver
from quiver.errors import InvalidArgumentError


def main(folder: str) -> None:
    loaded = [name for name in sys.modules if name.partition(".")[0] == "ray"]
    os.environ["RAY_AUTH_MODE"] = "disabled"
    try:
        quiver.ShardedIndex.open(folder, "ray", backend="reference")
        refusal = ""
    except InvalidArgumentError as error:
        refusal = str(error)
    del os.environ["RAY_AUTH_MODE"]
    with quiver.ShardedIndex.open(folder, "ray", backend="reference") as index:
        found = index.search(np.ones(index.dim), 3)
    import ray

    told = {
        "loaded": loaded,
        "refusal": refusal,
        "ids": found.ids.tolist(),
        "address": ray.get_runtime_context().gcs_address,
        "dashboard": ray._private.worker.global_worker.node.address_info["webui_url"],
    }
    print(json.dumps(told), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
