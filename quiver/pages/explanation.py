"""An explanation as one HTML page: the walk drawn, a step slider, tables.

The picture is made here as SVG; the page's script only shows and hides its parts, so
it needs no library and no network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from quiver.explain.explanation import Explanation

WIDTH, HEIGHT, MARGIN = 760, 560, 24
SHOWN_BEAM = 12
"""Entries of the beam listed beside the picture."""

Labels = dict[int, str]


def to_html(explanation: Explanation, labels: Labels) -> str:
    """Return the page of an explanation."""
    e = explanation
    template = files("quiver.pages").joinpath("explanation.html").read_text("utf-8")
    effort = f"k={e.k}, {e.effort}, {e.metric}"
    cost = f"{len(e.hops)} hops, {e.distance_computations} code distances"
    parts = {
        "effort": effort,
        "summary": f"{cost}, recall@{len(e.true_neighbours)} {e.recall:.2f}",
        "code_distance": e.code_distance,
        "n_hops": str(len(e.hops)),
        "width": str(WIDTH),
        "height": str(HEIGHT),
        "picture": _Picture(e, labels).svg(),
        "answer": "".join(_answer_rows(e, labels)),
        "true": "".join(_true_rows(e, labels)),
        "steps": _script_data(e, labels),
    }
    # In one pass, so that a label cannot name a placeholder.
    return re.sub(r"@(\w+)@", lambda found: parts[found[1]], template)


class _Picture:
    """The SVG's elements, each marked with the hops between which it shows."""

    def __init__(self, explanation: Explanation, labels: Labels) -> None:
        self.explanation, self.labels = explanation, labels
        self.spots = {id_: (x, y) for id_, x, y in explanation.points}
        corners = [*self.spots.values(), explanation.query_point]
        xs, ys = zip(*corners, strict=True)
        self.left, self.top = min(xs), max(ys)
        # One scale for both directions: the plane must not be stretched.
        self.scale = min(
            (WIDTH - 2 * MARGIN) / (max(xs) - self.left or 1),
            (HEIGHT - 2 * MARGIN) / (self.top - min(ys) or 1),
        )

    def svg(self) -> str:
        """Return background, links, nodes and query, in painting order."""
        parts = [*self._background(), *self._links(), *self._nodes()]
        x, y = self._at(self.explanation.query_point)
        cross = f"M{x - 7} {y}H{x + 7}M{x} {y - 7}V{y + 7}"
        parts.append(f'<path class="query" d="{cross}"><title>query</title></path>')
        return "\n".join(parts)

    def _at(self, spot: tuple[float, float]) -> tuple[float, float]:
        x = MARGIN + (spot[0] - self.left) * self.scale
        y = MARGIN + (self.top - spot[1]) * self.scale
        return round(x, 1), round(y, 1)

    def _background(self) -> Iterable[str]:
        for spot in self.spots.values():
            x, y = self._at(spot)
            yield f'<circle class="far" cx="{x}" cy="{y}" r="1.5"/>'

    def _links(self) -> Iterable[str]:
        for hop in self.explanation.hops:
            x1, y1 = self._at(self.spots[hop.node])
            for id_ in hop.newly_seen:
                x2, y2 = self._at(self.spots[id_])
                ends = f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
                yield f'<line data-hop="{hop.number}" {ends}/>'

    def _nodes(self) -> Iterable[str]:
        e = self.explanation
        seen = dict.fromkeys(e.entry_points, 0)
        expanded: dict[int, int] = {}
        dropped: dict[int, int] = {}
        for hop in e.hops:
            seen.update(dict.fromkeys(hop.newly_seen, hop.number))
            expanded[hop.node] = hop.number
            dropped.update(dict.fromkeys(hop.dropped, hop.number))
        true = {neighbor.id for neighbor in e.true_neighbours}
        for id_ in [*seen, *(true - seen.keys())]:
            x, y = self._at(self.spots[id_])
            marks = {"seen": seen, "expanded": expanded, "dropped": dropped}
            data = "".join(
                f' data-{name}="{hops[id_]}"'
                for name, hops in marks.items()
                if id_ in hops
            )
            kind = "node true" if id_ in true else "node"
            title = escape(_label(id_, self.labels))
            yield (
                f'<circle class="{kind}"{data} cx="{x}" cy="{y}" r="4">'
                f"<title>{title}</title></circle>"
            )


def _label(id_: int, labels: Labels) -> str:
    return f"{id_}: {labels[id_]}" if id_ in labels else str(id_)


def _answer_rows(explanation: Explanation, labels: Labels) -> Iterable[str]:
    for found in explanation.found:
        yield _row(
            _label(found.id, labels),
            f"{found.distance:.4f}",
            str(found.beam_place or "none"),
            "none" if found.seen_in_hop is None else str(found.seen_in_hop),
        )


def _true_rows(explanation: Explanation, labels: Labels) -> Iterable[str]:
    for true in explanation.true_neighbours:
        label = _label(true.id, labels)
        yield _row(label, f"{true.distance:.4f}", true.fate, true.reason)


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"


def _script_data(explanation: Explanation, labels: Labels) -> str:
    """Return what the script lists per hop, safe inside a script element."""
    steps = [
        {
            "node": _label(hop.node, labels),
            "distance": hop.distance,
            "seen": len(hop.newly_seen),
            "dropped": len(hop.dropped),
            "beam": [
                [_label(id_, labels), distance]
                for id_, distance in list(
                    zip(hop.beam, hop.beam_distances, strict=True)
                )[:SHOWN_BEAM]
            ],
        }
        for hop in explanation.hops
    ]
    # A label could otherwise close the element.
    return json.dumps(steps).replace("<", "\\u003c")
