"""The page and its picture, from all that was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from boundary import findings, tables
from boundary.data import QUERIES
from boundary.measure import AT_64, BEAM_WIDTHS
from boundary.tables import Records
from quiver.pages.svg import Series, dot_chart

TEMPLATE = Path(__file__).with_name("page.md")
NOT_MEASURED = "Not measured."
FEWEST_MISSED = 0.01
"""In % of the true neighbours: where none is missed, on a scale without a zero."""

_PARTS = {
    "table": (tables.table, findings.of_table),
    "scale": (tables.scale, findings.of_scale),
    "beta": (tables.by_beta,),
    "speed": (tables.speeds, findings.of_speed),
    "dimensions": (tables.few_dimensions, findings.of_dimensions),
}


def write(sections: Mapping[str, Records], folder: Path) -> None:
    """Write ``boundary.md`` and ``boundary.svg``."""
    (folder / "boundary.md").write_text(markdown(sections), encoding="utf-8")
    if sections["table"]:
        picture = drawing(sections["table"])
        (folder / "boundary.svg").write_text(picture, encoding="utf-8")


def markdown(sections: Mapping[str, Records]) -> str:
    """Return the page."""
    parts = {
        name: "\n\n".join(part(sections[name]) for part in parts)
        if sections[name]
        else NOT_MEASURED
        for name, parts in _PARTS.items()
    }
    return TEMPLATE.read_text("utf-8").format(
        **parts,
        queries=QUERIES,
        widths=" / ".join(map(str, BEAM_WIDTHS)),
        threads=_threads(sections["table"]),
    )


def drawing(records: Records) -> str:
    """Return what is missed at ef=64, the data sets ordered by the float graph."""

    def place(name: str) -> float:
        record = records[name]
        return (record["graph"] or record["default"]["recall"])[AT_64]

    names = sorted(records, key=place)
    recalls = {
        "paper code": [records[name]["paper"]["whole"] for name in names],
        "two bits": [records[name]["two_bits"]["whole"] for name in names],
        "default": [records[name]["default"]["recall"] for name in names],
    }
    if all(record["graph"] for record in records.values()):
        recalls["float32"] = [records[name]["graph"] for name in names]
    rows = list(range(len(names)))
    series = [
        Series(label, [_missed(shares[AT_64]) for shares in found], rows)
        for label, found in recalls.items()
    ]
    title = "True neighbours missed at ef=64"
    return dot_chart(title, "100 - recall@10 in %", names, series)


def _threads(records: Records) -> str:
    counts = {record["threads"] for record in records.values()}
    return ", ".join(map(str, sorted(counts)))


def _missed(share: float) -> float:
    return max(FEWEST_MISSED, 100 * (1 - share))
