"""Building on Ray: the same bytes, whatever becomes of a task or of the caller."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from isolated_run import start_isolated
from ray_actors import wait_until_gone
from rows import normal_rows
from shard_folders import DIM, QUICK, contents, made, tied_rows

import quiver
from quiver.errors import CancelledError, ShardError
from quiver.sharding.folder import NAME
from quiver.sharding.on_ray import cluster

pytestmark = pytest.mark.slow
ROWS = tied_rows()


def running_tasks():
    """Return the processes that build a shard right now; Ray has given them a name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::carry_out_packed"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("how", [{}, {"workers": 1}, {"workers": 2, "threads": 1}])
def test_tasks_write_the_same_bytes(ray, tmp_path, how):
    made(tmp_path / "here", ROWS, 4, metric="inner_product", by="hash")
    made(
        tmp_path / "tasks",
        ROWS,
        4,
        metric="inner_product",
        by="hash",
        engine="ray",
        **how,
    )
    assert contents(tmp_path / "tasks") == contents(tmp_path / "here")


def test_a_task_killed_amid_a_build_changes_no_byte(ray, tmp_path):
    killed = []

    def kill_one(done, total):
        if not killed and (running := running_tasks()):
            os.kill(running[0], signal.SIGKILL)
            killed.append(running[0])

    rows = normal_rows(1500, DIM)
    how = {"backend": "reference", "engine": "ray", "progress": kill_one}
    made(tmp_path / "killed", rows, 4, **how)
    assert killed
    made(tmp_path / "whole", rows, 4, backend="reference")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_build_whose_caller_was_killed_goes_on_to_the_same_bytes(ray, tmp_path):
    rows = normal_rows(1500, DIM)
    np.save(tmp_path / "rows.npy", rows)
    args = ("build_shards_slowly.py", tmp_path / "rows.npy", tmp_path / "out", 8)
    # Its cluster is one of its own, which quiver starts and which ends with it.
    with start_isolated(*args, 2, "ray") as process:
        while (line := process.stdout.readline()) and line.startswith("0 "):
            pass
        assert line, process.stderr.read()
        process.kill()
        process.communicate(timeout=60)
    for task in running_tasks():
        wait_until_gone(task)
    assert not (tmp_path / "out" / NAME).exists()
    how = {"shards": 8, "backend": "reference", **QUICK}
    quiver.build_shards(rows, tmp_path / "out", engine="ray", **how)
    quiver.build_shards(rows, tmp_path / "whole", **how)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_build_that_is_cancelled_ends_its_tasks(ray, tmp_path):
    rows = normal_rows(1500, DIM)

    def stop_when_it_builds(done, total):
        return not running_tasks()

    with pytest.raises(CancelledError):
        made(
            tmp_path,
            rows,
            4,
            backend="reference",
            engine="ray",
            progress=stop_when_it_builds,
        )
    for task in running_tasks():
        wait_until_gone(task)
    assert not (tmp_path / NAME).exists()


def test_a_shard_that_cannot_be_built_names_its_rows(ray, tmp_path):
    (tmp_path / "shard-00001-g1.quiver").mkdir()
    with pytest.raises(ShardError, match=r"shard-00001.*rows 105 … 209 of vectors"):
        made(tmp_path, ROWS, 2, engine="ray")


def test_a_cluster_without_a_free_processor_is_told_not_waited_for(
    full, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster, "START_SECONDS", 0.5)
    with pytest.raises(ShardError, match="of 2 processors 0 are free"):
        made(tmp_path, ROWS, 2, engine="ray", workers=1)


def test_a_command_builds_and_searches_on_the_cluster(ray, tmp_path):
    pytest.importorskip("typer", reason="needs the extra `cli`")
    from command_line import run

    np.save(tmp_path / "rows.npy", ROWS)
    engine = "--engine", "ray", "--backend", "reference", "--json"
    out, rows = tmp_path / "out", tmp_path / "rows.npy"
    done = run("shards", "build", rows, "-o", out, "--shards", 2, *engine)
    assert done.exit_code == 0, done.output
    quiver.build_shards(ROWS, tmp_path / "here", shards=2, backend="reference")
    assert contents(out) == contents(tmp_path / "here")
    done = run("shards", "search", out, rows, "-k", 1, *engine)
    found = [row["ids"] for row in json.loads(done.stdout)["results"]]
    assert found == quiver.ShardedIndex.open(out).search(ROWS, 1).ids.tolist()
