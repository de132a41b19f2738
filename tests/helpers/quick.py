"""The backend of tests that are about something else."""

from __future__ import annotations

import quiver

QUICK_BACKEND = next(
    told.name
    for told in quiver.list_backends()
    if told.available and told.name != "numba"
)
"""The first of ``auto`` that has nothing to compile when it is first called."""
