"""What asv measured is taken, and asv's pages are made of what was kept."""

from __future__ import annotations

import json
from math import nan
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="needs the extra `bench`")

from asv.config import Config
from asv.results import Results, iter_results
from asv.runner import BenchmarkResult
from kept_history import ABOUT, quiet
from track import results
from track.commits import Commit
from track.headlines import MEASURED
from track.history import Entry

COMMIT = "ab" * 20
VERSION = "1a2b3c4d5e6f"
BATCH = next(each for each in MEASURED if each.name == "batch")
PARAMS = [["'numba'", "'cython-avx2'", "'cython-neon'"], ["'demo-384'", "'x'"], ["1"]]


@pytest.fixture
def config(tmp_path):
    """Return settings for an empty folder of results that knows the headlines."""
    config = Config()
    config.results_dir = str(tmp_path)
    config.matrix = {"env_nobuild": {"OMP_NUM_THREADS": ["1"]}}
    named = {each.benchmark: benchmark(each) for each in MEASURED}
    content = {**named, "version": 2}
    (tmp_path / "benchmarks.json").write_text(json.dumps(content))
    return config


def benchmark(headline):
    params = [["'numba'", "'cython-avx2'"], *([value] for value in headline.parameters)]
    return {"name": headline.benchmark, "version": VERSION, "params": params}


def store(config, env_name="virtualenv-py3.13", value=0.0123456789):
    """Write what asv writes after it ran batches: measured, failed and skipped."""
    found = Results(ABOUT, {}, COMMIT, 1000, "3.13", env_name, {})
    numbers = [value, 7.0, None, 7.0, nan, 7.0]
    nothing = [None] * len(numbers)
    ran = {"name": BATCH.benchmark, "version": VERSION, "params": PARAMS}
    found.add_result(ran, BenchmarkResult(numbers, nothing, nothing, 0, "", None))
    folder = Path(config.results_dir) / "quiet"
    folder.mkdir(exist_ok=True)
    machine = {"machine": "quiet", "arch": "x86_64", "version": 1}
    (folder / "machine.json").write_text(json.dumps(machine))
    found.save(config.results_dir)


def test_headlines_are_taken_and_what_failed_or_was_skipped_is_not(config):
    store(config)
    assert [*results.taken(config)] == [
        Entry(COMMIT, ABOUT, {"batch": VERSION[:8]}, {"numba": {"batch": 0.0123456789}})
    ]


def test_one_sample_in_the_environment_at_hand_is_not_taken(config):
    store(config, env_name="existing-py_usr_bin_python")
    assert [*results.taken(config)] == []


def kept(version=VERSION[:8]):
    (entry,) = quiet([COMMIT])
    values = {name: entry.values[name] for name in ("numba", "cython-avx2")}
    versions = dict.fromkeys(entry.versions, version)
    return entry._replace(values=values, versions=versions)


LINE = {COMMIT: Commit(COMMIT, 1_700_000_000, "Change")}


def test_results_are_made_again_of_what_was_kept(config):
    results.restore(config, [kept()], LINE)
    (again,) = iter_results(config.results_dir)
    assert again.commit_hash == COMMIT
    assert again.date == 1_700_000_000_000
    assert again.params == ABOUT
    assert again.env_vars == {"OMP_NUM_THREADS": "1"}
    for headline in MEASURED:
        found = again.get_result_value(
            headline.benchmark, benchmark(headline)["params"]
        )
        assert found == [
            kept().values[backend][headline.name]
            for backend in ("numba", "cython-avx2")
        ]
    # Nor are they taken for measured ones.
    assert [*results.taken(config)] == []


def test_what_asv_has_itself_is_left_alone(config):
    store(config)
    results.restore(config, [kept()], LINE)
    assert len([*iter_results(config.results_dir)]) == 1


def test_numbers_of_another_version_of_a_benchmark_are_not_shown(config):
    results.restore(config, [kept(version="00000000")], LINE)
    (again,) = iter_results(config.results_dir)
    assert [*again.get_all_result_keys()] == []
