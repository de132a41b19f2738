"""What else a computer does while peers are measured, and when to say so."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

LOOK_SECONDS = 1.0
MUCH_OTHER_WORK, MUCH_STOLEN, MUCH_LOAD = 0.05, 0.01, 0.25
"""Shares of the computer's time, and load for each of its processors."""
_STAT = Path("/proc/stat")
_IDLE, _STOLEN = (3, 4), 7
"""Columns of ``/proc/stat``: idle and waiting for a disk; taken by a hypervisor."""


class Usage(NamedTuple):
    """Seconds that all processors together have spent so far.

    Attributes
    ----------
    whole, idle, stolen : float
        Of the computer, since it started; stolen is what its hypervisor gave to others.
    own : float
        Of this process and its children that have ended.
    """

    whole: float
    idle: float
    stolen: float
    own: float

    @classmethod
    def now(cls) -> Usage | None:
        """Return what the system tells, or None where it tells nothing."""
        if not _STAT.exists():
            return None
        # Where there is no such file, there may be no such module.
        import resource

        # Guests are counted among users as well, so they are left out.
        ticks = [int(word) for word in _STAT.read_text().split("\n")[0].split()[1:9]]
        tick = 1 / os.sysconf("SC_CLK_TCK")
        idle = sum(ticks[column] for column in _IDLE)
        whos = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        own = sum(sum(resource.getrusage(who)[:2]) for who in whos)
        return cls(sum(ticks) * tick, idle * tick, ticks[_STOLEN] * tick, own)


def look() -> dict[str, Any]:
    """Return the load of a moment in which nothing is measured."""
    before = Usage.now()
    time.sleep(LOOK_SECONDS)
    return {"load": os.getloadavg(), **shares(before, Usage.now())}


def shares(before: Usage | None, after: Usage | None) -> dict[str, float]:
    """Return the shares of the time between that others had and that was stolen."""
    if before is None or after is None or after.whole <= before.whole:
        return {}
    whole = after.whole - before.whole
    stolen = after.stolen - before.stolen
    worked = whole - (after.idle - before.idle) - stolen
    others = max(0.0, worked - (after.own - before.own))
    return {"others": others / whole, "stolen": stolen / whole}


def warning(about: dict[str, Any]) -> str:
    """Return what a reader must know of other work, or nothing on a quiet computer.

    Parameters
    ----------
    about : dict
        ``before``, a `look`; ``during``, `shares` of the run; ``processors``.
    """
    before, during = about["before"], about["during"]
    load = before["load"][0] / about["processors"]
    is_busy = load > MUCH_LOAD or any(
        shares.get(key, 0) > most
        for shares in (before, during)
        for key, most in (("others", MUCH_OTHER_WORK), ("stolen", MUCH_STOLEN))
    )
    if not is_busy:
        return ""
    return (
        f"**The computer was busy**: the load was {before['load'][0]:.1f} on "
        f"{about['processors']} processors before the run; other work had "
        f"{_percent(before, 'others')} of their time then and "
        f"{_percent(during, 'others')} during the run, and a hypervisor took "
        f"{_percent(during, 'stolen')}. Trust ratios, and of those on several threads "
        "and of 99th percentiles little; run again when it is quiet."
    )


def _percent(shares: dict[str, float], key: str) -> str:
    return f"{shares[key]:.0%}" if key in shares else "an unknown share"
