"""What ``progress`` is told: seldom, never less, and the total once, at the end."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable

import pytest
from rows import normal_rows

import quiver
from quiver.backends import Backend
from quiver.errors import CancelledError, InvalidTypeError
from quiver.evaluation.bench import bench_backends
from quiver.parallel.progress import STEPS, ProgressMeter, progress_bar, tells_progress

SMALL = quiver.BuildParams(max_degree=4, ef_construction=8)
Seen = list[tuple[int, int]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stop the clock, so that calls depend on the work alone; return what moves it."""
    now = 0.0

    def move(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr("quiver.parallel.progress.monotonic", lambda: now)
    return move


@tells_progress("counting")
def count(total: int, *, step: int = 1, progress: object = None) -> str:
    meter = ProgressMeter(progress, total)
    for _ in range(0, total, step):
        meter.advance(step)
    return "counted"


def assert_bounded(seen: Seen) -> None:
    dones, totals = zip(*seen, strict=True)
    assert len(set(totals)) == 1
    assert list(dones) == sorted(dones)
    assert dones.count(totals[0]) == 1
    assert dones[-1] == totals[0]
    assert len(seen) <= STEPS + 1


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("metric", ["cosine", "inner_product"])
@pytest.mark.parametrize("n", [1, 2, 90, 1300])
def test_a_build_tells_each_hundredth_once_and_the_total_when_all_is_done(
    clock: Callable, backend: Backend, n: int, metric: str, threads: int
) -> None:
    if backend.name == "reference" and n > 90:
        pytest.skip("slow, and told by the same code")
    seen: Seen = []
    quiver.Index.build(
        normal_rows(n, 6),
        metric=metric,
        params=SMALL,
        backend=backend.name,
        threads=threads,
        progress=lambda *step: seen.append(step),
    )
    assert_bounded(seen)
    shares = [done * STEPS // n for done, _ in seen]
    assert len(set(shares)) == len(shares)
    if n == 1300:
        assert len(seen) == STEPS + 1


def test_the_graph_is_connected_before_the_total_is_told(
    clock: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[object] = []
    connect = quiver.graph.vamana.connect
    monkeypatch.setattr(
        "quiver.graph.vamana.connect",
        lambda *args: (connect(*args), order.append("connected")),
    )
    quiver.Index.build(
        normal_rows(50, 6), params=SMALL, progress=lambda *step: order.append(step)
    )
    assert order[-2:] == ["connected", (50, 50)]


def test_steps_between_two_hundredths_are_told_once_a_second(clock: Callable) -> None:
    seen: Seen = []

    @tells_progress("waiting")
    def wait(*, progress: object = None) -> None:
        meter = ProgressMeter(progress, 10_000)
        for seconds in (0.0, 0.5, 0.25, 0.25, 0.5, 0.5):
            clock(seconds)
            meter.advance(1)
        clock(1.0)
        meter.poll()

    wait(progress=lambda *step: seen.append(step))
    total = 10_000
    assert seen == [(1, total), (4, total), (6, total), (6, total), (total, total)]


def test_few_steps_are_all_told_and_the_last_one_once(clock: Callable) -> None:
    seen: Seen = []
    assert count(4, progress=lambda *step: seen.append(step)) == "counted"
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("refused", [1, 2, 3])
def test_false_cancels_at_any_call_and_is_the_last(
    clock: Callable, refused: int
) -> None:
    seen: Seen = []

    def refuse(*step: int) -> bool:
        seen.append(step)
        return len(seen) < refused

    with pytest.raises(CancelledError, match=rf"progress\(\) after {refused} of 3$"):
        count(3, progress=refuse)
    assert len(seen) == refused


def test_work_that_fails_never_tells_its_total(clock: Callable) -> None:
    seen: Seen = []

    @tells_progress("failing")
    def fail(*, progress: object = None) -> None:
        ProgressMeter(progress, 1).advance(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail(progress=lambda *step: seen.append(step))
    assert seen == []


@pytest.mark.parametrize("value", ["yes", 1, 0, [], {}])
def test_a_progress_that_cannot_be_called_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidTypeError, match="progress must be True for a bar, or a"):
        quiver.Index.build(normal_rows(5, 6), progress=value)


@pytest.mark.parametrize("value", [None, False])
def test_none_and_false_show_nothing(
    capsys: pytest.CaptureFixture[str], value: object
) -> None:
    assert count(3, progress=value) == "counted"
    assert capsys.readouterr() == ("", "")


def without(monkeypatch: pytest.MonkeyPatch, *libraries: str) -> None:
    for library in libraries:
        monkeypatch.setitem(sys.modules, library, None)


def test_without_rich_and_tqdm_the_bar_is_a_line_that_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: Callable
) -> None:
    without(monkeypatch, "rich.progress", "tqdm.auto")
    count(2, progress=True)
    lines = [f"counting [{'#' * n:<30}] {n // 15}/2" for n in (15, 30)]
    gone = " " * len(lines[-1])
    assert capsys.readouterr() == ("", f"\r{lines[0]}\r{lines[1]}\r{gone}\r")


def test_without_rich_the_bar_is_that_of_tqdm(
    monkeypatch: pytest.MonkeyPatch, clock: Callable
) -> None:
    moves: list[object] = []

    class Bar:
        n = 0

        def __init__(self, desc: str, *, leave: bool) -> None:
            moves.append((desc, leave))

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            moves.append("closed")

        def update(self, by: int) -> None:
            self.n += by
            moves.append((self.n, self.total))

    without(monkeypatch, "rich.progress")
    tqdm = types.ModuleType("tqdm.auto")
    tqdm.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", tqdm)
    count(3, progress=True)
    assert moves == [("counting", False), (1, 3), (2, 3), (3, 3), "closed"]


def test_the_bar_of_rich_is_shown_on_a_terminal_and_closed_by_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("FORCE_COLOR", "1")
    show_cursor = "\x1b[?25h"

    def divide() -> None:
        with progress_bar("dividing") as bar:
            bar(1, 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        divide()
    out, errors = capsys.readouterr()
    assert out == ""
    assert "dividing" in errors
    assert "1/2" in errors
    assert show_cursor in errors


def test_away_from_a_terminal_rich_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    count(3, progress=True)
    assert capsys.readouterr() == ("", "")


def small_index() -> quiver.Index:
    return quiver.Index.build(normal_rows(200, 6), params=SMALL)


LONG_WORK: dict[str, Callable[..., object]] = {
    "build": lambda **told: quiver.Index.build(
        normal_rows(60, 6), params=SMALL, **told
    ),
    "evaluate": lambda **told: quiver.evaluate(
        small_index(), normal_rows(20, 6), ef=16, **told
    ),
    "tune": lambda **told: quiver.tune(
        small_index(), normal_rows(150, 6), 0.5, max_ef=64, **told
    ),
    "diagnose": lambda **told: quiver.diagnose(
        normal_rows(200, 6), params=SMALL, **told
    ),
    "verify": lambda **told: quiver.verify("reference", rounds=1, **told),
    "bench": lambda **told: bench_backends(
        normal_rows(60, 6),
        normal_rows(4, 6),
        params=SMALL,
        backends=["reference"],
        repeats=1,
        **told,
    ),
}


@pytest.mark.parametrize("name", LONG_WORK)
def test_all_long_work_shows_a_bar_and_tells_its_total_once(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    clock: Callable,
    name: str,
) -> None:
    seen: Seen = []
    LONG_WORK[name](progress=lambda *step: seen.append(step))
    assert_bounded(seen)
    without(monkeypatch, "rich.progress", "tqdm.auto")
    LONG_WORK[name](progress=True)
    shown = capsys.readouterr().err.split("\r")
    assert [line.rpartition(" ")[2] for line in shown[1:-2]] == [
        f"{done}/{total}" for done, total in seen
    ]
    with pytest.raises(InvalidTypeError, match="progress must be"):
        LONG_WORK[name](progress="yes")


def test_commands_and_library_have_one_bar() -> None:
    pytest.importorskip("typer")
    console = importlib.import_module("quiver.cli.console")
    assert console.progress_bar is progress_bar
