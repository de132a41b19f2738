"""Checking: the reports of all shards as one, and what only all of them can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from quiver._typing import UserIds
from quiver.check import CheckReport
from quiver.check.report import CheckLine
from quiver.sharding.manifest import Manifest
from quiver.sharding.messages import Message
from quiver.sharding.placing import owners, slots_in


def checked(
    manifest: Manifest, told: Sequence[Message], parts: Sequence[UserIds]
) -> CheckReport:
    """Return what the check of every shard found, and whether ids are in place.

    Parameters
    ----------
    manifest : Manifest
        Of the folder.
    told : sequence of Message
        The report of each shard.
    parts : sequence of ndarray of shape (n,), int64
        The ids of each shard.
    """
    lines = []
    for shard, report in zip(manifest.shards, told, strict=True):
        lines += [
            CheckLine(line["name"], line["passed"], f"{shard.file}: {line['detail']}")
            for line in report.options["lines"]
        ]
    left_out = dict.fromkeys(one for each in told for one in each.options["left_out"])
    lines += [_distinct(parts), _placed(manifest, parts)]
    return CheckReport(tuple(lines), tuple(left_out))


def _distinct(parts: Sequence[UserIds]) -> CheckLine:
    ids = np.sort(np.concatenate(parts))
    again = ids[1:][ids[1:] == ids[:-1]]
    if len(again):
        return CheckLine("distinct ids", False, f"id {again[0]} is in two shards")
    return CheckLine("distinct ids", True, f"{len(ids)} ids, none in two shards")


def _placed(manifest: Manifest, parts: Sequence[UserIds]) -> CheckLine:
    faults = [*_misplaced(manifest, parts)]
    said = "within the bounds of the manifest"
    if manifest.scheme == "hash":
        said += ", where their hashes put them"
    return CheckLine("placed ids", not faults, faults[0] if faults else f"all {said}")


def _misplaced(manifest: Manifest, parts: Sequence[UserIds]) -> Iterator[str]:
    slots = slots_in(manifest.shards)
    for number, (shard, ids) in enumerate(zip(manifest.shards, parts, strict=True)):
        found = bounds_of(ids)
        if found != (shard.lowest, shard.highest):
            yield f"{shard.file}: ids {found}, not {(shard.lowest, shard.highest)}"
        if manifest.scheme == "hash" and (owners(ids, slots) != number).any():
            yield f"{shard.file}: an id whose hash belongs to another shard"


def bounds_of(ids: UserIds) -> tuple[int, int]:
    """Return the least and the greatest id; 0 and 0 of none."""
    return (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
