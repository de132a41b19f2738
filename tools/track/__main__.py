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

from track import history, page, results
from track.gathered import gathered
from track.headlines import MEASURED
from track.offline import without_server

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
    if options.range:
        measure(options.range, options.machine, flags)
        for entry in history.append(options.history[0], results.taken(config)):
            print(f"{options.history[0]}: {entry.commit} on {entry.place}")
    publish(config, options.repository, options.history, options.site)


def configured() -> Config:
    """Return asv's settings, with folders that hold from anywhere."""
    config = Config.load(str(CONFIG))
    config.results_dir = str(CONFIG.parent / config.results_dir)
    return config


def measure(commit_range: str, machine: str, flags: list[str]) -> None:
    """Let asv build and time every commit; by default the headlines alone."""
    asv("machine", "--yes", "--machine", machine)
    chosen = any(flag.startswith(("--bench", "-b")) for flag in flags)
    patterns = () if chosen else (f"--bench={each.pattern}" for each in MEASURED)
    asv("run", commit_range, "--machine", machine, *patterns, *flags)


def publish(config: Config, repository: Path, files: list[Path], site: Path) -> None:
    """Write the front page, and beside it asv's own."""
    tracked = gathered(repository, files)
    site.mkdir(parents=True, exist_ok=True)
    if tracked.measured:
        asv("run", "--python=same", "--bench=just-discover")
        results.restore(config, tracked.measured, tracked.line)
        asv("publish", "--no-pull", f"--html-dir={site.absolute() / 'asv'}")
        without_server(site / "asv")
    (site / "index.html").write_text(page.render(tracked), encoding="utf-8")
    print(f"wrote {site / 'index.html'}")


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
