"""The floor plan: which room of quiver imports which, read from the code and drawn.

python tools/floor_plan.py                          # prints every room's imports
python tools/floor_plan.py docs/architecture.svg    # writes the picture

A room is a folder of the package or a module at its front. Only imports at the top of
a module count: those are what Python itself forbids to run in a circle. The same code
gives the same bytes, so a test can tell whether the committed picture is current.
"""

from __future__ import annotations

import argparse
import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "quiver"
GROUND = (
    *("params", "results", "memory", "parallel", "lookup"),
    *("reference", "validation", "arithmetic", "errors", "_typing", "_version"),
    "installation",
)
"""Imported from many rooms; drawn as the ground they stand on, so without arrows."""

BOX_WIDTH, BOX_HEIGHT, GAP, FLOOR, MARGIN = 112, 32, 24, 66, 16
PER_ROW, LANE, SWEEPS = 4, 10, 30
"""Boxes in a row of the ground; room for an arrow that passes a floor; rounds."""
INK, LINE = "#1d2733", "#5b7da6"
FOLDER, MODULE, EARTH = "#dce8f5", "#ffffff", "#f3f1ea"

Rooms = dict[str, set[str]]
Stop = tuple[str, ...]
"""A box (its room), or where an arrow passes a floor (both rooms and the floor)."""


def top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, nested ones too."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in (node, *getattr(node, "handlers", ())):
                children = ast.iter_child_nodes(part)
                yield from top_level(c for c in children if isinstance(c, ast.stmt))


def imported(node: ast.stmt) -> list[str]:
    """Return the dotted names that one statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module == "quiver":
        return [f"quiver.{alias.name}" for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def read_rooms() -> Rooms:
    """Return, for every room, the other rooms it imports."""
    paths = sorted(PACKAGE.rglob("*.py"))
    room_of = {p: p.relative_to(PACKAGE).parts[0].removesuffix(".py") for p in paths}
    rooms: Rooms = {room: set() for room in sorted({*room_of.values()} - {"__main__"})}
    for path, room in room_of.items():
        body = ast.parse(path.read_text("utf-8")).body
        names = [name.split(".") for n in top_level(body) for name in imported(n)]
        for first, *rest in names:
            if first == "quiver" and room in rooms:
                # A public name comes by the front door.
                rooms[room] |= {*rest[:1]} & rooms.keys() or {"__init__"}
    return {room: targets - {room} for room, targets in rooms.items()}


def in_order(rooms: Rooms) -> list[str]:
    """Return the rooms, each after all it imports; a circle is a ValueError."""
    order: list[str] = []
    while len(order) < len(rooms):
        ready = [r for r in rooms if r not in order and rooms[r] <= {*order}]
        if not ready:
            msg = f"circle among {sorted(rooms.keys() - {*order})}"
            raise ValueError(msg)
        order += ready
    return order


def needed_arrows(rooms: Rooms) -> Rooms:
    """Return the imports above the ground that no chain of others implies."""
    reached: Rooms = {}
    needed: Rooms = {}
    for room in (r for r in in_order(rooms) if r not in GROUND):
        targets = rooms[room].difference(GROUND)
        below = set().union(*(reached[target] for target in targets))
        reached[room], needed[room] = targets | below, targets - below
    return needed


def floors(arrows: Rooms) -> dict[str, int]:
    """Return every room's floor from the top: just below the lowest that imports it."""
    floor = dict.fromkeys(arrows, 0)
    for room in reversed(in_order(arrows)):
        floor |= {below: max(floor[below], floor[room] + 1) for below in arrows[room]}
    return floor


def arrange(arrows: Rooms) -> tuple[dict[Stop, tuple[float, float]], list[list[Stop]]]:
    """Return the middle of every stop, and the stops of every arrow from above."""
    floor = floors(arrows)
    paths = [
        [(a,), *((a, b, str(f)) for f in range(floor[a] + 1, floor[b])), (b,)]
        for a, targets in arrows.items()
        for b in sorted(targets)
    ]
    level = {s: int(s[-1]) if s[1:] else floor[s[0]] for path in paths for s in path}
    rows: dict[int, list[Stop]] = defaultdict(list)
    for stop in sorted(level):
        rows[level[stop]].append(stop)
    linked: dict[Stop, list[Stop]] = defaultdict(list)
    for above, below in (pair for path in paths for pair in pairwise(path)):
        linked[above].append(below)
        linked[below].append(above)
    x = {stop: float(rank) for row in rows.values() for rank, stop in enumerate(row)}
    for _ in range(SWEEPS):
        for row in (*rows.values(), *reversed(rows.values())):
            x |= settle({s: sum(x[t] for t in linked[s]) / len(linked[s]) for s in row})
    left = min(x.values()) - BOX_WIDTH / 2 - MARGIN
    top = MARGIN + BOX_HEIGHT / 2
    return {s: (round(x[s] - left, 1), top + FLOOR * level[s]) for s in x}, paths


def settle(wished: dict[Stop, float]) -> dict[Stop, float]:
    """Return the stops of a floor near where they wish to be, none upon another."""
    placed: dict[Stop, float] = {}
    free = -float("inf")
    for stop in sorted(wished, key=lambda stop: (wished[stop], stop)):
        half = (LANE if stop[1:] else BOX_WIDTH) / 2
        placed[stop] = max(wished[stop], free + half)
        free = placed[stop] + half + GAP
    pushed = sum(placed[stop] - wished[stop] for stop in wished) / len(wished)
    return {stop: middle - pushed for stop, middle in placed.items()}


def draw(rooms: Rooms) -> str:
    """Return the plan as SVG, what is imported below what imports it."""
    middle, paths = arrange(needed_arrows(rooms))
    width = max(x for x, _ in middle.values()) + BOX_WIDTH / 2 + MARGIN
    base = max(y for _, y in middle.values()) + FLOOR + 24
    for number, room in enumerate(GROUND):
        row, column = divmod(number, PER_ROW)
        x = width / 2 + (column + 0.5 - PER_ROW / 2) * (BOX_WIDTH + 10)
        middle[(room,)] = x, base + row * (BOX_HEIGHT + 10)
    earth = max(y for _, y in middle.values()) - base + BOX_HEIGHT + 34
    height = base + earth - 38
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" font-family="sans-serif" font-size="13">',
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{LINE}"/>'
        "</marker>",
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
        f'<rect x="8" y="{base - 46:g}" width="{width - 16:g}" height="{earth:g}" '
        f'rx="8" fill="{EARTH}"/>',
        f'<text x="{width / 2:g}" y="{base - 26:g}" text-anchor="middle" '
        f'fill="{INK}">imported from many rooms: see the table</text>',
        *(_arrow([middle[stop] for stop in path]) for path in paths),
        *(_box(s[0], *middle[s]) for s in sorted(middle) if not s[1:]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _arrow(stops: list[tuple[float, float]]) -> str:
    """Return a curve from the first box, straight past floors, down to the last."""
    half, bend = BOX_HEIGHT / 2, (FLOOR - BOX_HEIGHT) / 2
    path = f"M{stops[0][0]:g} {stops[0][1] + half:g}"
    for (x1, y1), (x2, y2) in pairwise(stops):
        path += f"V{y1 + half:g}C{x1:g} {y1 + half + bend:g} "
        path += f"{x2:g} {y2 - half - bend:g} {x2:g} {y2 - half:g}"
    return f'<path d="{path}" fill="none" stroke="{LINE}" marker-end="url(#tip)"/>'


def _box(room: str, x: float, y: float) -> str:
    fill, suffix = (FOLDER, "/") if (PACKAGE / room).is_dir() else (MODULE, ".py")
    return (
        f'<rect x="{x - BOX_WIDTH / 2:g}" y="{y - BOX_HEIGHT / 2:g}" rx="5" '
        f'width="{BOX_WIDTH}" height="{BOX_HEIGHT}" stroke="{LINE}" fill="{fill}"/>'
        f'<text x="{x:g}" y="{y + 4.5:g}" text-anchor="middle" fill="{INK}">'
        f"{room}{suffix}</text>"
    )


def main() -> None:
    """Print every room's imports, or write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", nargs="?", type=Path, help="where to write the SVG")
    picture = parser.parse_args().picture
    if picture is not None:
        picture.write_text(draw(read_rooms()), "utf-8")
        return
    for room, targets in read_rooms().items():
        print(f"{room}: {', '.join(sorted(targets)) or '-'}")


if __name__ == "__main__":
    main()
