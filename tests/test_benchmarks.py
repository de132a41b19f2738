"""The benchmark suite cannot rot: it imports, lists every backend, and runs."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("asv_runner", reason="needs the extra `bench`")

from asv_runner.benchmarks.mark import SkipNotImplemented

from quiver.backends import registry

SUITE = Path(__file__).parents[1] / "asv_bench"
MODULES = ("build", "change", "files", "imports", "kernels", "search")


@pytest.fixture(scope="module")
def suite():
    """Import the suite as asv does, and forget it afterwards."""
    sys.path.insert(0, str(SUITE))
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in MODULES}
    modules["common"] = importlib.import_module("benchmarks.common")
    yield modules
    sys.path.remove(str(SUITE))
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


def classes(suite):
    for name in MODULES:
        module = suite[name]
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__:
                yield kind


def methods(kind):
    prefixes = ("time_", "timeraw_", "track_", "peakmem_")
    return [name for name in dir(kind) if name.startswith(prefixes)]


def test_every_module_of_the_suite_is_tested():
    found = {path.stem for path in (SUITE / "benchmarks").glob("*.py")}
    assert found == {*MODULES, "common", "__init__"}


def test_every_built_in_backend_is_listed(suite):
    assert suite["common"].BACKENDS == registry.BUILTINS


def test_the_backend_is_the_first_parameter_everywhere(suite):
    for kind in classes(suite):
        if kind.__name__ != "Import":
            assert kind.param_names[0] == "backend"
            assert kind.params[0] == suite["common"].BACKENDS


def test_builds_and_batches_are_timed_on_one_thread_and_on_all(suite):
    for kind in (suite["build"].Build, suite["search"].Batch):
        threads = kind.params[kind.param_names.index("threads")]
        assert [suite["common"].threads_of(one) for one in threads] == [1, None]


def test_the_large_set_has_rows_enough_for_threads(suite, monkeypatch):
    common = suite["common"]
    assert common.N_LARGE >= 10_000
    monkeypatch.setattr(common, "N_LARGE", 70)
    common.load_dataset.cache_clear()
    assert common.load_dataset(common.LARGE).vectors.shape == (70, 128)
    common.load_dataset.cache_clear()


def test_the_five_words_are_timed(suite):
    timed = " ".join(suite["kernels"].KERNELS)
    for word in ("encode", "distance", "prune", "search", "rerank"):
        assert word in timed


def test_quality_is_tracked_on_the_object_that_is_timed(suite):
    search = suite["search"].Search
    tracked = {
        name: getattr(search, name).unit
        for name in methods(search)
        if name.startswith("track_")
    }
    assert set(tracked) == {
        "track_recall_at_10",
        "track_distance_computations",
        "track_hops",
        "track_reranked",
        "track_hot_bytes_per_vector",
    }
    assert {"time_search", "peakmem_search"} <= set(methods(search))


def test_an_absent_backend_is_skipped_with_its_reason(suite, monkeypatch):
    def fail():
        msg = "no compiler here"
        raise ImportError(msg)

    monkeypatch.setitem(registry._loaders, "absent", fail)
    with pytest.raises(SkipNotImplemented, match="no compiler here"):
        suite["common"].load_backend("absent")


@pytest.mark.slow
def test_every_benchmark_runs(suite, backend, tmp_path_factory, monkeypatch):
    """Run every body once per backend, on the smallest of its data sets."""
    common = suite["common"]
    monkeypatch.setattr(common, "N_SYNTHETIC", 60)
    monkeypatch.setattr(common, "N_QUERIES", 20)
    monkeypatch.setattr(common, "DATASETS", ("synthetic-128",))
    for module in ("kernels", "search", "build", "change"):
        monkeypatch.setattr(suite[module], "DATASETS", ("synthetic-128",))
    monkeypatch.chdir(tmp_path_factory.mktemp("asv"))
    common.load_dataset.cache_clear()
    paths = common.OnIndexes().setup_cache()
    for kind in classes(suite):
        for values in itertools.product(*shrunk(kind, backend.name)):
            run_once(kind(), paths, values)
    common.load_dataset.cache_clear()


def shrunk(kind, backend_name):
    """Return the parameters with one backend and the one small data set."""
    if not hasattr(kind, "params"):
        return ()
    lists = [(backend_name,), *kind.params[1:]]
    if "dataset" in kind.param_names:
        lists[kind.param_names.index("dataset")] = ("synthetic-128",)
    return lists


def run_once(benchmark, paths, values):
    arguments = (paths, *values) if hasattr(benchmark, "setup_cache") else values
    if {"cold", "verify"}.intersection(getattr(benchmark, "param_names", ())):
        arguments = ({"demo-384": paths["synthetic-128"]}, *values)
    try:
        if hasattr(benchmark, "setup"):
            benchmark.setup(*arguments)
    except SkipNotImplemented:
        # What is too slow with the reference, or says nothing of it.
        assert type(benchmark).__name__ in ("Build", "BuildScaling", "Change")
        assert values[0] == "reference"
        return
    for name in methods(benchmark):
        result = getattr(benchmark, name)(*arguments)
        if name.startswith("track_"):
            assert result > 0
        if name.startswith("timeraw_"):
            compile(result, name, "exec")


def test_the_configuration_builds_with_the_project_s_own_build_system():
    config = json.loads((SUITE / "asv.conf.json").read_text())
    assert config["repo"] == ".."
    # Whatever a clone has checked out: it may have no branch of another name.
    assert config["branches"] == ["HEAD"]
    assert config["environment_type"] == "virtualenv"
    assert "pip wheel" in config["build_command"][0]
    pinned = config["matrix"]["env_nobuild"]
    assert all(values == ["1"] for values in pinned.values())
