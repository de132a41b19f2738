"""An index that loses something at every stage, and the queries it loses it for."""

from __future__ import annotations

from functools import cache

from rows import skewed_rows

import quiver

BASE, QUERIES = 600, 60
ROWS = skewed_rows(BASE + QUERIES, 24, seed=5)


CODES = quiver.Encoding(fill=False)


@cache
def lossy_index(
    *, encoding: quiver.Encoding = CODES, **options: object
) -> quiver.Index:
    # Few edges and short beams, and two bits for each of 24 coordinates, where a
    # line holds eight: nothing would be lost by those.
    params = quiver.BuildParams(max_degree=4, ef_construction=8)
    return quiver.Index.build(ROWS[:BASE], params=params, encoding=encoding, **options)
