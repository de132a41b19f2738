"""Measure commits, keep their headline numbers, publish; ``make track`` runs this.

python -P -m track RANGE [--machine NAME] [--history FILE ...] [flags of asv run]

RANGE is what ``git rev-list`` takes, such as ``v0.1.0..`` or ``HEAD~20..HEAD``; with an
empty one nothing is measured. New lines go to the first ``--history``.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from pathlib import Path

from asv.config import Config
from asv.machine import Machine, MachineCollection
from asv.util import UserError

from track import history, page, results
from track.gathered import gathered
from track.headlines import MEASURED
from track.offline import without_server
from track.page import Tracked

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "asv_bench" / "asv.conf.json"
_SOME_FAILED = 2


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for and publish all there is."""
    parser = argparse.ArgumentParser(
        prog="track", description=__doc__, allow_abbrev=False
    )
    add = parser.add_argument
    add("range", help="commits to measure; none if empty")
    add("--machine", default=platform.node(), help="asv's name of this computer")
    history_file = ROOT / "asv_bench" / "history.jsonl"
    add("--history", type=Path, nargs="+", default=[history_file])
    add("--repository", type=Path, default=ROOT, help="whose commits are shown")
    add("--site", type=Path, default=ROOT / ".asv" / "site")
    options, flags = parser.parse_known_args(arguments)
    config = configured()
    introduce(options.machine)
    if options.range:
        measure(options.range, options.machine, flags)
        for entry in history.append(options.history[0], results.taken(config)):
            print(f"{options.history[0]}: {entry.commit} on {entry.place}")
    tracked = gathered(options.repository, options.history)
    options.site.mkdir(parents=True, exist_ok=True)
    if tracked.measured:
        publish(config, options.machine, tracked, options.site / "asv")
    front = options.site / "index.html"
    front.write_text(page.render(tracked), encoding="utf-8")
    print(f"wrote {front}")


def configured() -> Config:
    """Return asv's settings, with folders that hold from anywhere."""
    config = Config.load(str(CONFIG))
    config.results_dir = str(CONFIG.parent / config.results_dir)
    return config


def introduce(machine: str) -> None:
    """Tell asv of this computer what it would ask for, and would not find by a name."""
    try:
        known = MachineCollection.load(machine)
    except UserError:
        known = {}
    told = {**Machine.get_defaults(), **known, "machine": machine}
    Machine.load(machine_name=machine, **told)


def measure(commit_range: str, machine: str, flags: list[str]) -> None:
    """Let asv build and time every commit; by default the headlines alone."""
    chosen = any(flag.startswith(("--bench", "-b")) for flag in flags)
    patterns = () if chosen else (f"--bench={each.pattern}" for each in MEASURED)
    asv("run", commit_range, "--machine", machine, *patterns, *flags)


def publish(config: Config, machine: str, tracked: Tracked, folder: Path) -> None:
    """Write asv's own pages of all that was kept."""
    asv("run", "--python=same", "--bench=just-discover", "--machine", machine)
    results.restore(config, tracked.measured, tracked.line)
    asv("publish", "--no-pull", f"--html-dir={folder.absolute()}")
    without_server(folder)


def asv(command: str, *arguments: str) -> None:
    """Run asv; a benchmark that fails on an old commit is no reason to stop."""
    ran = subprocess.run(
        [sys.executable, "-m", "asv", command, f"--config={CONFIG}", *arguments],
        check=False,
    )
    if ran.returncode not in (0, _SOME_FAILED):
        raise SystemExit(ran.returncode)


if __name__ == "__main__":
    main()
