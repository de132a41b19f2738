"""An index that loses something at every stage, and the queries it loses it for."""

from __future__ import annotations

from functools import cache

from rows import skewed_rows

import quiver

BASE, QUERIES = 600, 60
ROWS = skewed_rows(BASE + QUERIES, 24, seed=5)


@cache
def lossy_index(**options: object) -> quiver.Index:
    # Few edges and short beams.
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    return quiver.Index.build(ROWS[:BASE], params=params, **options)
