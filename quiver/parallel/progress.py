"""Progress: what a caller is told of long work, and the bar of ``progress=True``.

Calls are bounded: one for every hundredth of the work, one a second where a hundredth
takes longer, so that a refusal is heard in time, and one when all is done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from importlib import import_module
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from quiver._typing import Progress
from quiver.errors import CancelledError, InvalidTypeError

P = ParamSpec("P")
T = TypeVar("T")

STEPS = 100
"""Calls at most while the work is under way, besides those that time brings about."""

SILENT_SECONDS = 1.0
"""After so long a call is made in any case: it may want to cancel."""

_BAR_WIDTH = 30


class ProgressMeter:
    """Adds up finished rows or steps and tells the caller, who may cancel.

    Parameters
    ----------
    progress : callable, bool or None
        What `tells_progress` passes on: True is a callable by then.
    total : int
        Rows or steps in all.
    """

    def __init__(self, progress: Progress | bool | None, total: int) -> None:
        self._progress = progress if callable(progress) else None
        self._total = total
        self._done = 0

    def advance(self, n_rows: int) -> None:
        """Count ``n_rows`` more as done."""
        self._done += n_rows
        self.poll()

    def poll(self) -> None:
        """Let the caller cancel, although nothing more is done."""
        if self._progress is not None:
            _tell(self._progress, self._done, self._total)


def tells_progress(label: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a function that takes ``progress`` by keyword.

    Its body gets None, or a callable that passes few calls on and none of them with
    ``done == total``: that one is made once the body has returned. For
    ``progress=True`` a bar with the label is shown meanwhile.

    Raises
    ------
    InvalidTypeError
        When called with a ``progress`` that is no callable, bool or None.
    CancelledError
        If the last call, too, returned False.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            with _opened(kwargs.get("progress"), label) as told:
                report = told and _Report(told)
                kwargs["progress"] = report
                result = function(*args, **kwargs)
                if report is not None:
                    report.finish()
            return result

        return call

    return decorate


class _Report:
    """A progress callback that is called seldom, and with the total only once.

    Parameters
    ----------
    progress : callable
        The caller's.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._total = 0
        self._step = -1
        self._at = 0.0

    def __call__(self, done: int, total: int) -> bool | None:
        """Pass a new hundredth on, and any number once a second."""
        self._total = total
        if done >= total:
            return None
        now, step = monotonic(), done * STEPS // total
        if step == self._step and now - self._at < SILENT_SECONDS:
            return None
        self._at, self._step = now, step
        return self._progress(done, total)

    def finish(self) -> None:
        """Tell that all is done."""
        _tell(self._progress, self._total, self._total)


def _tell(progress: Progress, done: int, total: int) -> None:
    if progress(done, total) is False:
        msg = f"cancelled by progress() after {done} of {total}"
        raise CancelledError(msg)


def _opened(progress: Any, label: str) -> AbstractContextManager[Progress | None]:
    if progress is True:
        return progress_bar(label)
    if progress is None or progress is False:
        return nullcontext(None)
    if not callable(progress):
        msg = (
            "progress must be True for a bar, or a callable as in "
            f"progress(done, total), got {progress!r}"
        )
        raise InvalidTypeError(msg)
    return nullcontext(progress)


def progress_bar(label: str) -> AbstractContextManager[Progress]:
    """Return a context that shows a bar on stderr; it yields the callback.

    The bar is that of rich, which shows none away from a terminal or notebook, or of
    tqdm, or a line of text if neither is installed. It is gone when the block ends.
    """
    for library, bar in (("rich.progress", _rich_bar), ("tqdm.auto", _tqdm_bar)):
        try:
            module = import_module(library)
        except ImportError:
            continue
        return bar(module, label)
    return _plain_bar(label)


@contextmanager
def _rich_bar(rich: Any, label: str) -> Iterator[Progress]:
    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeRemainingColumn(),
    )
    console = import_module("rich.console").Console(stderr=True)
    hidden = not (console.is_terminal or console.is_jupyter)
    with rich.Progress(
        *columns, console=console, transient=True, disable=hidden
    ) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _tqdm_bar(tqdm: Any, label: str) -> Iterator[Progress]:
    with tqdm.tqdm(desc=label, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


@contextmanager
def _plain_bar(label: str) -> Iterator[Progress]:
    width = 0

    def show(done: int, total: int) -> None:
        nonlocal width
        full = "#" * (done * _BAR_WIDTH // total)
        line = f"{label} [{full:<{_BAR_WIDTH}}] {done}/{total}"
        width = len(line)
        print(f"\r{line}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print(f"\r{'':{width}}\r", end="", file=sys.stderr, flush=True)
