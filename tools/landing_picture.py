"""Draw the picture of the first page: a graph in the plane, and a walk through it.

python tools/landing_picture.py docs/landing.svg

Rows have two dimensions, so that nothing is projected; graph, walk and answer are those
of an index over them, the same on every computer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import quiver
from quiver._typing import AnyArray
from quiver.pages.svg import PALETTE
from quiver.reference.keys import NO_ID
from quiver.reference.walk import walk

N_ROWS, MAX_DEGREE, K, BEAM = 500, 6, 5, 8
WIDTH, HEIGHT, MARGIN = 760, 320, 12
QUERY = (640, 230)
LIGHT, GRAY, BLUE, RED = "#dcdcdc", "#a8a8a8", *PALETTE[:2]

Spot = tuple[int, int]


class Drawn(NamedTuple):
    """One walk: where rows lie, which were expanded, seen and found, in this order."""

    rows: list[Spot]
    links: list[tuple[int, int]]
    expanded: list[int]
    seen: list[int]
    found: list[int]


def main() -> None:
    """Write the picture to the path given."""
    Path(sys.argv[1]).write_text(picture(walked()), encoding="utf-8")


def walked() -> Drawn:
    """Build an index over whole pixels and walk through it from the far left."""
    room = np.array([WIDTH, HEIGHT]) - 2 * MARGIN
    places = np.random.default_rng(0).integers(0, room, (N_ROWS, 2)) + MARGIN
    index = quiver.Index.build(places, metric="euclidean", max_degree=MAX_DEGREE)
    start = index.state.entry_points[[np.argmin(places[index.state.entry_points, 0])]]
    code = index.backend.quantize(
        np.array([QUERY], dtype=np.float32), index.transform, index.codes.bits
    )
    hops = [*walk(index.codes, index.neighbors, code, start, BEAM)]
    seen = np.concatenate([hop.newly_seen for hop in hops])
    pairs = ((row, int(to)) for row in range(N_ROWS) for to in linked(index, row))
    return Drawn(
        rows=[(int(x), int(y)) for x, y in places],
        links=sorted({(min(pair), max(pair)) for pair in pairs}),
        expanded=[hop.node for hop in hops[1:]],
        seen=sorted({*start.tolist(), *seen.tolist()}),
        found=index.search(QUERY, K).ids.tolist(),
    )


def linked(index: quiver.Index, row: int) -> AnyArray:
    return index.neighbors[row][index.neighbors[row] != NO_ID]


def picture(drawn: Drawn) -> str:
    """Return the walk as SVG of some kilobytes, in whole pixels."""
    rows = drawn.rows
    links = (f"M{at(rows[a])}L{at(rows[b])}" for a, b in drawn.links)
    way = "L".join(at(rows[row]) for row in drawn.expanded)
    x, y = QUERY
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        path("".join(links), LIGHT, 0.8),
        path(dots(rows), GRAY, 3),
        path(dots(rows[row] for row in drawn.seen), BLUE, 5),
        path(f"M{way}", "#000", 2),
        path(dots(rows[row] for row in drawn.expanded), "#000", 7),
        *(ring(rows[row]) for row in drawn.found),
        path(f"M{x - 8} {y}h16M{x} {y - 8}v16", RED, 3),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'role="img" fill="none" stroke-linecap="round">\n'
        f"<title>{title(drawn)}</title>\n{body}\n</svg>\n"
    )


def title(drawn: Drawn) -> str:
    return (
        f"A walk of {len(drawn.expanded)} hops that looks at {len(drawn.seen)} of "
        f"{N_ROWS} rows and finds the {K} nearest"
    )


def path(d: str, color: str, width: float) -> str:
    return f'<path d="{d}" stroke="{color}" stroke-width="{width}"/>'


def ring(spot: Spot) -> str:
    return (
        f'<circle cx="{spot[0]}" cy="{spot[1]}" r="8" stroke="{RED}" stroke-width="2"/>'
    )


def dots(spots: Iterable[Spot]) -> str:
    """Return lines of no length, which a round end makes dots."""
    return "".join(f"M{at(spot)}h0" for spot in spots)


def at(spot: Spot) -> str:
    return f"{spot[0]} {spot[1]}"


if __name__ == "__main__":
    main()
