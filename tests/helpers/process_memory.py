"""The memory of a process that maps a file, as Linux tells it."""

from __future__ import annotations

from pathlib import Path


def memory_of(process_id: int | str, ending: str) -> dict[str, int]:
    """Return bytes by the names of smaps: of mapped files, and of all else private.

    Files are those whose path ends so. ``Rss`` and ``Pss`` are what the process sees of
    them and its share of that, ``Private`` what of them is its own alone, and
    ``Beside`` what is its own beside them.
    """
    found = dict.fromkeys(("Rss", "Pss", "Private", "Beside"), 0)
    is_file = False
    for line in Path(f"/proc/{process_id}/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            is_file = line.endswith(ending)
            continue
        if name in ("Rss:", "Pss:") and is_file:
            found[name[:-1]] += int(rest[0]) << 10
        elif name.startswith("Private_"):
            found["Private" if is_file else "Beside"] += int(rest[0]) << 10
    return found
