"""Slots: how many requests are in hand, and that there are not too many."""

from __future__ import annotations

from threading import Lock

from quiver.errors import OverloadedError


class Slots:
    """Places for requests, given back by whichever thread is done with one.

    Parameters
    ----------
    most : int
        Places.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self.in_use = 0

    def take(self) -> None:
        """Take a place.

        Raises
        ------
        OverloadedError
            If there is none.
        """
        with self._lock:
            if self.in_use >= self._most:
                msg = f"requests must be at most {self._most} at a time, got one more"
                raise OverloadedError(msg)
            self.in_use += 1

    def give_back(self) -> None:
        """Give a place back."""
        with self._lock:
            self.in_use -= 1
