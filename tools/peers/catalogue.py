"""Every peer by name; an absent library is skipped with its reason."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from functools import partial

import quiver
from peers.contract import Peer
from peers.hnsw import Faiss, Hnswlib, Usearch
from peers.ours import Quiver
from peers.quantized import Scann, SymphonyQG, TriviumDB, TriviumDBIndex
from peers.vamana import DiskAnn, Svs

YARDSTICK, FASTEST_PEER = "hnswlib-m16", "symphonyqg"
GRAPH_SIZES = ((32, 96), (64, 128))
"""Pairs of max_degree and ef_construction."""


def all_peers() -> dict[str, Callable[[], Peer]]:
    """Return the factories in the order of the report."""
    # The reference would need hours for the same work.
    backends = [b.name for b in quiver.list_backends() if b.name != "reference"]
    ours = {
        f"quiver-r{max_degree}-{backend}": partial(Quiver, backend, max_degree, beam)
        for max_degree, beam in GRAPH_SIZES
        for backend in backends
    }
    return {
        **ours,
        YARDSTICK: partial(Hnswlib, 16),
        "faiss-hnsw32": partial(Faiss, "HNSW32,Flat", "float32"),
        "faiss-hnsw32-sq8": partial(Faiss, "HNSW32,SQ8", "8 bits"),
        "usearch-m16": partial(Usearch, 16, "f32", "float32"),
        "usearch-m16-i8": partial(Usearch, 16, "i8", "8 bits"),
        "svs-float16": partial(Svs, "float16", "16 bits"),
        "svs-lvq4x8": partial(Svs, "lvq", "4 + 8 bits"),
        "svs-leanvec": partial(Svs, "leanvec", "8 bits of half the dims, 8 bits"),
        "diskannpy": DiskAnn,
        FASTEST_PEER: SymphonyQG,
        "scann": Scann,
        "triviumdb": TriviumDB,
        "triviumdb-index": TriviumDBIndex,
    }


def chosen(patterns: str) -> dict[str, Callable[[], Peer]]:
    """Return the peers whose names match comma-separated shell patterns.

    Raises
    ------
    ValueError
        If a pattern matches no name.
    """
    peers, names = all_peers(), set()
    for pattern in patterns.split(","):
        matches = fnmatch.filter(peers, pattern)
        if not matches:
            known = ", ".join(peers)
            msg = f"peers must match some of {known}, got {pattern!r}"
            raise ValueError(msg)
        names.update(matches)
    return {name: peers[name] for name in peers if name in names}
