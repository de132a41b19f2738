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
        """Keep a record, in place of an older one of that name."""
        self.sections[section][name] = record
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self.sections, indent=1) + "\n", "utf-8")
