"""What was measured, by section and data set, in one JSON file.

It grows while measuring goes on, so nothing is lost where that ends early, and the
page can be written anew without measuring.
"""

from __future__ import annotations

import json
from pathlib import Path

from boundary.measure import Record

SECTIONS = ("table", "scale", "beta", "speed", "dimensions")


class Figures:
    """Records by section and name, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        read = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self.sections: dict[str, dict[str, Record]] = {
            section: read.get(section, {}) for section in SECTIONS
        }

    def put(self, section: str, name: str, record: Record) -> None:
        """Keep a record, in place of an older one of that name.

        Where hnswlib was not installed, its recall of the same data stays.
        """
        old = self.sections[section].get(name)
        if old is not None and record.get("graph") == []:
            record = {**record, "graph": old["graph"]}
        self.sections[section][name] = record
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(self._text(), "utf-8")

    def _text(self) -> str:
        """Return JSON with a line for every record, so that changes can be read."""
        sections = (
            f"{json.dumps(section)}: {{\n{_lines(records)}\n}}"
            for section, records in self.sections.items()
        )
        return f"{{{', '.join(sections)}}}\n"


def _lines(records: dict[str, Record]) -> str:
    return ",\n".join(
        f" {json.dumps(name)}: {json.dumps(record)}" for name, record in records.items()
    )
