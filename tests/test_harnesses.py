"""Quiver in VIBE and ann-benchmarks: as their runners drive it, without them."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path

import harnesses
import numpy as np
import pytest
import yaml
from harnesses import __main__ as command
from harnesses import checkouts, data, results
from harnesses.data import Task
from living_model import untidy_pool

import quiver
from quiver.errors import InvalidArgumentError

FOLDER = Path(harnesses.__file__).parent
PACKAGES = {"vibe": "vibe", "ann-benchmarks": "ann_benchmarks"}
BASE = """
class BaseANN:
    def get_memory_usage(self): return 0.0
    def get_additional(self): return {}
    def done(self): pass
"""
POOL = untidy_pool(300)
PARAMS = {"max_degree": 6, "ef_construction": 16, "backend": "reference"}


def stand_in(folder: Path, package: str) -> Path:
    """Make the part of a checkout that our files go into; return its algorithms."""
    algorithms = folder / package / "algorithms"
    base = algorithms / "base"
    base.mkdir(parents=True)
    (base / "module.py").write_text(BASE)
    return algorithms


@pytest.fixture(params=PACKAGES.values())
def module(request, tmp_path, monkeypatch):
    """Import our module from where it goes in a checkout."""
    place = stand_in(tmp_path, request.param) / "quiver"
    shutil.copytree(FOLDER / request.param, place)
    shutil.copy(FOLDER / "module.py", place)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(f"{request.param}.algorithms.quiver.module")
    for name in [n for n in sys.modules if n.partition(".")[0] == request.param]:
        del sys.modules[name]


def fitted(module, metric="euclidean", rows=POOL):
    algorithm = module.Quiver(metric, PARAMS)
    algorithm.fit(rows)
    return algorithm


def test_a_beam_narrower_than_n_is_taken_as_n(module):
    algorithm = fitted(module)
    algorithm.set_query_arguments(10)
    expected = algorithm._index.search(POOL[3], k=100, ef=100).ids
    np.testing.assert_array_equal(algorithm.query(POOL[3], 100), expected)
    algorithm.set_query_arguments(150)
    expected = algorithm._index.search(POOL[3], k=100, ef=150).ids
    np.testing.assert_array_equal(algorithm.query(POOL[3], 100), expected)


def test_without_query_arguments_the_default_beam_is_taken(module):
    algorithm = fitted(module)
    expected = algorithm._index.search(POOL[3], k=7).ids
    np.testing.assert_array_equal(algorithm.query(POOL[3], 7), expected)


def test_fewer_rows_than_n_are_no_invalid_ids(module):
    algorithm = fitted(module, rows=POOL[:20])
    algorithm.set_query_arguments(10)
    assert sorted(algorithm.query(POOL[0], 50)) == list(range(20))
    algorithm.batch_query(POOL[:2], 50)
    assert [len(set(ids)) for ids in algorithm.res] == [20, 20]


def test_a_batch_is_answered_as_its_queries_are(module):
    algorithm = fitted(module)
    algorithm.set_query_arguments(20)
    algorithm.batch_query(POOL[:30], 5)
    for query, ids in zip(POOL[:30], algorithm.res, strict=True):
        np.testing.assert_array_equal(ids, algorithm.query(query, 5))


@pytest.mark.parametrize(
    ("word", "metric"),
    [
        ("angular", "cosine"),
        ("cosine", "cosine"),
        ("normalized", "cosine"),
        ("euclidean", "euclidean"),
        ("ip", "inner_product"),
    ],
)
def test_every_metric_of_theirs_is_understood(module, word, metric):
    assert fitted(module, word)._index.metric == metric


def test_a_metric_that_quiver_has_not_is_refused(module):
    with pytest.raises(InvalidArgumentError, match="hamming"):
        fitted(module, "hamming")


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_bytes_are_taken_as_rows_and_queries(module, dtype):
    rows = np.random.default_rng(0).integers(0, 100, (60, 9)).astype(dtype)
    algorithm = fitted(module, rows=rows)
    assert algorithm.query(rows[7], 1).tolist() == [7]


def test_each_setting_has_a_name_of_its_own(module):
    algorithm = fitted(module)
    names = set()
    for ef in (10, 20):
        algorithm.set_query_arguments(ef)
        names.add(str(algorithm))
    assert len(names) == 2


def config_of(package: str) -> dict:
    return yaml.safe_load((FOLDER / package / "config.yml").read_text())


def test_vibes_configuration_names_the_module_and_its_arguments():
    config = config_of("vibe")
    # Both read "@metric" as the data set's; a dict of settings is one argument.
    assert config["float"] == config["uint8"] == config["int8"]
    (definition,) = config["float"]["any"]
    assert definition["module"] == "vibe.algorithms.quiver"
    assert definition["singularity_image"] == "quiver"
    assert definition["base_args"] == ["@metric"]
    group = definition["run_groups"]["base"]
    assert list(group["args"]) == ["params"]
    for params in group["args"]["params"]:
        quiver.BuildParams(**params)
    assert group["query_args"]["ef"] == sorted(set(group["query_args"]["ef"]))


def test_the_configuration_of_ann_benchmarks_asks_for_the_same():
    (definition,) = config_of("ann_benchmarks")["float"]["any"]
    assert definition["module"] == "ann_benchmarks.algorithms.quiver"
    assert definition["docker_tag"] == "ann-benchmarks-quiver"
    groups = definition["run_groups"].values()
    (theirs,) = config_of("vibe")["float"]["any"]
    same = theirs["run_groups"]["base"]
    assert [group["arg_groups"] for group in groups] == [
        [params] for params in same["args"]["params"]
    ]
    assert [group["query_args"] for group in groups] == [[same["query_args"]["ef"]]] * 2


@pytest.fixture
def task():
    rows = np.random.default_rng(1).normal(size=(330, 12)).astype(np.float32)
    return Task("blobs", "euclidean", rows[:300], rows[300:])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_file_of_vectors_holds_what_both_harnesses_read(tmp_path, task, metric):
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    task = task._replace(metric=metric)
    data.write_dense(tmp_path / "x.hdf5", task, "word")
    with h5py.File(tmp_path / "x.hdf5") as file:
        assert dict(file.attrs) == {
            "type": "dense",
            "distance": "word",
            "point_type": "float",
            "dimension": 12,
        }
        np.testing.assert_array_equal(file["train"], task.base)
        np.testing.assert_array_equal(file["test"], task.queries)
        ids, distances = quiver.exact_knn(task.base, task.queries, 100, metric=metric)
        np.testing.assert_array_equal(file["neighbors"], ids)
        np.testing.assert_array_equal(file["distances"], distances)
        _, everything = quiver.exact_knn(task.base, task.queries, 300, metric=metric)
        np.testing.assert_allclose(
            file["avg_distances"], everything.mean(axis=1), rtol=1e-5
        )


def test_a_distance_that_is_near_enough_counts():
    farthest = np.array([[1.0], [2.0]]) + results.NEAR
    found = np.array([[0.5, 1.0005], [2.0, np.inf]])
    assert results.found_near(found, farthest) == 0.75


RUNNER = """
import json, os, re, sys
from pathlib import Path
import h5py, numpy as np, yaml
from vibe.algorithms.quiver.module import Quiver

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
definitions = Path(sys.argv[sys.argv.index("--definitions") + 1])
name, k = options["--dataset"], int(options["--count"])
file = h5py.File(f"data/{name}.hdf5")
X, Q = np.array(file["train"]), np.array(file["test"])
for algorithm in ("quiver", "hnswlib"):
    config = yaml.safe_load((definitions / algorithm / "config.yml").read_text())
    assert [d["name"] for d in config["float"]["any"]] == [algorithm]
index = Quiver(file.attrs["distance"], {"max_degree": 8})
index.fit(X)
folder = Path("results") / name / str(k) / "quiver"
folder.mkdir(parents=True)
with h5py.File(folder / "x.hdf5", "w") as out:
    for ef in (16, 400):
        index.set_query_arguments(ef)
        ids = [index.query(q, k) for q in Q]
        group = out.create_group(str(ef))
        group.attrs.update({"algo": "quiver", "name": str(ef), "build_time": 1.0,
                            "best_search_time": ef / 1000})
        group["neighbors"] = ids
        group["distances"] = [np.linalg.norm(X[i] - q, axis=1) for i, q in zip(ids, Q)]
"""


def test_the_proof_runs_a_checkout_and_reads_what_it_wrote(tmp_path, task):
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    algorithms = stand_in(tmp_path, "vibe")
    (algorithms / "hnswlib").mkdir()
    theirs = {"float": {"any": [{"name": "hnswlib", "run_groups": {"big": {}}}]}}
    (algorithms / "hnswlib" / "config.yml").write_text(yaml.safe_dump(theirs))
    (tmp_path / "run.py").write_text(RUNNER)
    for _ in range(2):  # An earlier proof's results do not count.
        measured = checkouts.vibe(tmp_path, task, 5, runs=1)
    assert [one.setting for one in measured] == ["16", "400"]
    assert measured[1].recall == 1.0
    assert measured[1].qps == pytest.approx(2.5)
    kept = algorithms / "quiver" / "proof" / "hnswlib" / "config.yml"
    groups = yaml.safe_load(kept.read_text())["float"]["any"][0]["run_groups"]
    assert groups == {
        "proof": {"args": checkouts.HNSW, "query_args": {"ef": checkouts.HNSW_EF}}
    }
    with h5py.File(next(tmp_path.rglob("data/*.hdf5"))) as file:
        assert file.attrs["distance"] == "euclidean"


def test_the_proof_prints_every_setting_and_speeds_at_recalls():
    measured = [
        results.Measured("quiver", "wide", 1.0, 10.0, 2.0),
        results.Measured("quiver", "narrow", 0.90, 1000.0, 2.0),
        results.Measured("hnswlib", "only", 0.94, 50.4, 7.25),
    ]
    assert command.every_setting(measured).splitlines()[2:] == [
        "| only | 0.9400 | 50 | 7.2 |",
        "| narrow | 0.9000 | 1000 | 2.0 |",
        "| wide | 1.0000 | 10 | 2.0 |",
    ]
    assert command.at_recalls(measured).splitlines()[2:] == [
        "| hnswlib | 50 | not reached | not reached |",
        "| quiver | 1000 | 100 | 16 |",
    ]


def test_a_harness_that_noted_nothing_is_no_proof(tmp_path, monkeypatch):
    monkeypatch.setitem(checkouts.HARNESSES, "vibe", lambda *_: [])
    with pytest.raises(SystemExit, match="noted no result of quiver"):
        command.main(["vibe", str(tmp_path), "--rows", "200", "--queries", "5"])


def test_the_filter_track_is_run_with_our_configuration(tmp_path, task, monkeypatch):
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    (tmp_path / "neurips23" / "filter").mkdir(parents=True)
    asked = []

    def run(checkout, arguments, environment):
        asked.extend([*arguments, environment["QUIVER_DATA_SET"]])
        truth = next(checkout.rglob("gt_*"))
        folder = checkout / "results/neurips23/filter/quiver-proof/5"
        folder.mkdir(parents=True)
        with h5py.File(folder / "x.hdf5", "w") as out:
            about = {"algo": "quiver", "name": "x", "build_time": 1.0}
            out.attrs.update({**about, "best_search_time": 0.5})
            out["neighbors"] = results.read_nearest(truth).tags[:, :5]

    monkeypatch.setattr(checkouts, "_run", run)
    (measured,) = checkouts.big_ann_filter(tmp_path, task, 5, runs=2)
    assert measured == ("quiver", "x", 1.0, len(task.queries) / 0.5, 1.0)
    assert asked[-1] == "RandomFilterDS 300 30 12"
    metric, settings = json.loads(asked[-6])
    assert (metric, settings["max_degree"]) == ("euclidean", 32)
    assert [json.loads(one)[0]["ef"] for one in asked[-5:-1]] == [16, 32, 64, 128]
    place = tmp_path / "neurips23" / "filter" / "quiver"
    assert {path.name for path in place.iterdir()} == {
        "adapter.py",
        "config.yaml",
        "Dockerfile",
    }


def test_the_streaming_track_is_run_on_a_runbook_with_its_truth(
    tmp_path, task, monkeypatch
):
    h5py = pytest.importorskip("h5py", reason="needs the extra `io`")
    (tmp_path / "neurips23" / "streaming").mkdir(parents=True)

    def run(checkout, arguments, environment):
        assert environment == {"QUIVER_DATA_SET": "RandomDS 300 30 12"}
        path = Path(arguments[arguments.index("--runbook_path") + 1])
        assert path.parent.name == "random300"
        steps = yaml.safe_load(path.read_text())["quiver-proof"]
        kept = sorted((path.parent / "300" / path.name).iterdir())
        assert len(kept) > 3
        folder = checkout / "results/neurips23/streaming" / path.name
        folder = folder / "quiver-proof/5"
        folder.mkdir(parents=True)
        with h5py.File(folder / "x.hdf5", "w") as out:
            about = {"algo": "quiver", "name": "x", "build_time": 0.0}
            out.attrs.update({**about, "num_searches": len(kept)})
            for i, truth in enumerate(kept):
                step = int(truth.stem.removeprefix("step"))
                assert steps[step] == {"operation": "search"}
                out.attrs[f"step_{i}"] = step
                tags = results.read_nearest(truth).tags[:, :5].copy()
                # At one search of all a query in ten is answered with nothing.
                tags[: 3 if i == 0 else 0] = -1
                out[f"neighbors_step{step}"] = tags

    monkeypatch.setattr(checkouts, "_run", run)
    (measured,) = checkouts.big_ann_streaming(tmp_path, task, 5, 1)
    n_searches = len([*tmp_path.rglob("step*.gt100")])
    assert measured.recall == pytest.approx(1 - 0.1 / n_searches)
    assert measured.qps is None
    assert "| x | " in command.every_setting([measured])
    assert " | - | 0.0 |" in command.every_setting([measured])
