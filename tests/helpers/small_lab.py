"""A small lab: two indexes over the same rows, texts that would do harm, queries."""

from __future__ import annotations

import numpy as np
from rows import normal_rows

import quiver
from quiver.lab.material import Material

N, DIM = 160, 16
ROWS, QUERIES = normal_rows(N, DIM, seed=3), normal_rows(5, DIM, seed=4)
HOSTILE = '<img src=x onerror="document.title=1"></script><script>alert(1)</script>'


def small_lab(ids=None) -> Material:
    """Return a lab over some rows, under their numbers or under ids."""
    common = {
        "backend": "reference",
        "ids": ids,
        "max_degree": 8,
        "ef_construction": 12,
    }
    sides = {
        "default": quiver.Index.build(ROWS, **common),
        "paper": quiver.Index.build(ROWS, encoding="paper", **common),
    }
    texts = [f"row {n} has {HOSTILE if n % 7 == 0 else 'words'}" for n in range(N)]
    asked = ["a question about rows", "Another QUESTION", "none of them"]
    return Material(sides, texts, np.array(QUERIES), asked)
