"""A repository of empty commits, and a history of what was measured at each."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from track.headlines import MEASURED
from track.history import Entry

BACKENDS = ("numba", "cython-scalar", "cython-avx2")
ABOUT = {"machine": "quiet", "arch": "x86_64", "python": "3.13"}
FIRST = {"recall": 0.9885, "distances": 1242.77, "reranked": 64.0, "bytes": 264.0}
SECONDS = 0.0123
# With what Python takes for ends of lines, and git does not.
SUBJECT = "Change <{}>\x0b\u2028"


def make_repository(
    folder: Path,
    n_commits: int,
    baselines: Mapping[int, str] | None = None,
    tags: Iterable[tuple[int, str]] = (),
) -> Path:
    """Make commits in one go; baselines and tags by the number of their commit."""
    stream = []
    for number in range(n_commits):
        subject = SUBJECT.format(number)
        stream.append(f"commit refs/heads/main\nmark :{number + 1}\n")
        stream.append(f"committer A <a@b> {1_700_000_000 + 86_400 * number} +0000\n")
        stream.append(f"data {len(subject.encode())}\n{subject}\n")
        if content := (baselines or {}).get(number):
            stream.append("M 100644 inline asv_bench/baseline.json\n")
            stream.append(f"data {len(content)}\n{content}\n")
    stream += [f"reset refs/tags/{tag}\nfrom :{at + 1}\n\n" for at, tag in tags]
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "fast-import", "--quiet", text="".join(stream))
    return folder


def git(folder: Path, *arguments: str, text: str = "") -> None:
    command = ["git", "-C", str(folder), *arguments]
    subprocess.run(command, input=text.encode(), check=True, capture_output=True)


def baseline(recall: float, answer: int, compiler: str = "GCC 12") -> str:
    """Return what the gate would hold, in short."""
    metrics = {"demo-384 default ef=64 recall": recall, "demo-384 digest": "abc"}
    instructions = {"avx2 2-bit answer": answer, "compiler": compiler}
    return json.dumps({"metrics": metrics, "instructions": instructions})


def quiet(commits: Iterable[str], noise: float = 0.0, seed: int = 0) -> list[Entry]:
    """Return measurements of commits that change nothing: times differ by chance."""
    rng = np.random.default_rng(seed)
    versions = {each.name: "1a2b3c4d" for each in MEASURED}
    return [
        Entry(
            commit,
            ABOUT,
            versions,
            {
                backend: {
                    each.name: FIRST.get(each.name)
                    or SECONDS * (1 + noise * float(rng.normal()))
                    for each in MEASURED
                }
                for backend in BACKENDS
            },
        )
        for commit in commits
    ]
