"""Each harness run from a checkout, without containers, on vectors of one's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from harnesses.data import Task, write_dense, write_filtered, write_streaming
from harnesses.results import Measured, of_dense, of_filtered, of_streaming

HERE = Path(__file__).parent
BIG_ANN = HERE.with_name("big_ann")
NAME = "quiver-proof"
VIBE_METRICS = {"cosine": "cosine", "euclidean": "euclidean"}
ANN_METRICS = {"cosine": "angular", "euclidean": "euclidean"}
HNSW = {"M": 16, "efConstruction": 200}
HNSW_EF = [10, 20, 40, 80, 160, 320, 640]
N_WORDS, RUNBOOK = 200, "clustered-replace"
# Both keep their data sets by name in a table, and take no other name.
# A queue that its own thread fills may seem empty to their worker, which then ends.
ANN_LAUNCHER = f"""
import multiprocessing
multiprocessing.Queue = multiprocessing.Manager().Queue
from ann_benchmarks.datasets import DATASETS
DATASETS[{NAME!r}] = None
from ann_benchmarks.main import main
main()
"""
BIG_ANN_LAUNCHER = f"""
import os
from benchmark import datasets
kind, *shape = os.environ["QUIVER_DATA_SET"].split()
data_set = getattr(datasets, kind)(*map(int, shape))
datasets.DATASETS[{NAME!r}] = lambda: data_set
from benchmark.runner import run_from_cmdline
run_from_cmdline()
"""


def vibe(checkout: Path, task: Task, k: int, runs: int) -> list[Measured]:
    """Run VIBE: one query a call, each process on a core of its own."""
    # The name tells dimension and metric.
    name = f"{NAME}-{task.base.shape[1]}-{VIBE_METRICS[task.metric]}"
    data = _fresh(checkout, name, k) / f"{name}.hdf5"
    write_dense(data, task, VIBE_METRICS[task.metric])
    place = checkout / "vibe" / "algorithms"
    hnsw = {"args": HNSW, "query_args": {"ef": HNSW_EF}}
    definitions = _place(place, HERE / "vibe", hnsw)
    options = _dense_options(name, k, runs, definitions)
    _run(checkout, ["run.py", *options])
    return of_dense(checkout / "results" / name / str(k), data, k)


def ann_benchmarks(checkout: Path, task: Task, k: int, runs: int) -> list[Measured]:
    """Run ann-benchmarks: one query a call."""
    data = _fresh(checkout, NAME, k) / f"{NAME}.hdf5"
    write_dense(data, task, ANN_METRICS[task.metric])
    place = checkout / "ann_benchmarks" / "algorithms"
    hnsw = {"arg_groups": [HNSW], "args": {}, "query_args": [HNSW_EF]}
    definitions = _place(place, HERE / "ann_benchmarks", hnsw)
    options = _dense_options(NAME, k, runs, definitions)
    _run(checkout, ["-c", ANN_LAUNCHER, *options])
    return of_dense(checkout / "results" / NAME / str(k), data, k)


def big_ann_filter(checkout: Path, task: Task, k: int, runs: int) -> list[Measured]:
    """Run the filter track of big-ann-benchmarks: all queries in a call."""
    (n, dim), n_queries = task.base.shape, len(task.queries)
    folder = _fresh(checkout, NAME, k) / f"random-filter{n}"
    write_filtered(folder, task, N_WORDS, least=k)
    _run_track(checkout, task, "filter", "RandomFilterDS", k, ["--runs", str(runs)])
    results = checkout / "results" / "neurips23" / "filter" / NAME / str(k)
    return of_filtered(results, folder / f"gt_{n}_{n_queries}_{dim}", k)


def big_ann_streaming(checkout: Path, task: Task, k: int, _runs: int) -> list[Measured]:
    """Run the streaming track, once a setting, on a runbook of `RUNBOOK`'s kind."""
    n = len(task.base)
    folder = _fresh(checkout, NAME, k) / f"random{n}"
    # Their runner looks for the truth in a folder of the runbook's name.
    runbook, truth = folder / f"{NAME}.yaml", folder / str(n) / f"{NAME}.yaml"
    write_streaming(folder, task, NAME, RUNBOOK, runbook, truth)
    more = ["--runs", "1", "--runbook_path", str(runbook)]
    _run_track(checkout, task, "streaming", "RandomDS", k, more)
    tracks = checkout / "results" / "neurips23" / "streaming"
    return of_streaming(tracks / runbook.name / NAME / str(k), truth, k)


Harness = Callable[[Path, Task, int, int], list[Measured]]
HARNESSES: dict[str, Harness] = {
    "vibe": vibe,
    "ann-benchmarks": ann_benchmarks,
    "big-ann-filter": big_ann_filter,
    "big-ann-streaming": big_ann_streaming,
}


def _fresh(checkout: Path, name: str, k: int) -> Path:
    """Remove what an earlier proof left of its results; return the folder of data."""
    for results in (checkout / "results").rglob(name):
        shutil.rmtree(results / str(k), ignore_errors=True)
    data = checkout / "data"
    data.mkdir(exist_ok=True)
    return data


def _place(algorithms: Path, ours: Path, hnsw: dict[str, Any]) -> Path:
    """Copy our files into a checkout; return definitions of quiver and hnswlib alone.

    Theirs of hnswlib builds nine graphs, and ours is meant to be run as it is.
    """
    place, definitions = algorithms / "quiver", algorithms / "quiver" / "proof"
    shutil.copytree(ours, place, dirs_exist_ok=True)
    shutil.copy(HERE / "module.py", place)
    config = yaml.safe_load((algorithms / "hnswlib" / "config.yml").read_text())
    config["float"]["any"][0]["run_groups"] = {"proof": hnsw}
    for name in ("quiver", "hnswlib"):
        (definitions / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(ours / "config.yml", definitions / "quiver")
    (definitions / "hnswlib" / "config.yml").write_text(yaml.safe_dump(config))
    return definitions


def _dense_options(name: str, k: int, runs: int, definitions: Path) -> list[str]:
    options = ["--dataset", name, "--count", str(k), "--runs", str(runs)]
    return [*options, "--local", "--definitions", str(definitions)]


def _run_track(
    checkout: Path, task: Task, track: str, kind: str, k: int, more: list[str]
) -> None:
    """Put our files into a track of big-ann-benchmarks, and run what they define."""
    place = checkout / "neurips23" / track / "quiver"
    place.mkdir(exist_ok=True)
    for name in ("adapter.py", "Dockerfile"):
        shutil.copy(BIG_ANN / name, place)
    shutil.copy(BIG_ANN / f"{track}.yaml", place / "config.yaml")
    (n, dim), n_queries = task.base.shape, len(task.queries)
    options = ["--neurips23track", track, "--dataset", NAME, "--count", str(k), *more]
    options += _definition(place / "config.yaml", task)
    environment = {"QUIVER_DATA_SET": f"{kind} {n} {n_queries} {dim}"}
    _run(checkout, ["-c", BIG_ANN_LAUNCHER, *options], environment)


def _definition(config: Path, task: Task) -> list[str]:
    """Return what their ``run.py`` would hand to a container."""
    ours = yaml.safe_load(config.read_text())["any"]["quiver"]
    group = ours["run-groups"]["base"]
    settings = yaml.safe_load(group["args"])
    efforts = yaml.safe_load(group["query-args"])
    named = ["--algorithm", "quiver", "--module", ours["module"]]
    named += ["--constructor", ours["constructor"]]
    arguments = [[ANN_METRICS[task.metric], *settings], *([one] for one in efforts)]
    return named + [json.dumps(one) for one in arguments]


def _run(
    checkout: Path, command: Sequence[str], environment: dict[str, str] | None = None
) -> None:
    """Run Python in a checkout; the harness's own children find the same Python."""
    paths = [str(checkout), *filter(None, sys.path)]
    environment = {
        **os.environ,
        **(environment or {}),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(paths),
    }
    subprocess.run(
        [sys.executable, *command], cwd=checkout, env=environment, check=True
    )
