"""asv's results to entries, and entries to asv's results.

asv keeps every benchmark with its statistics, many times what is followed here. Kept
are the headline numbers alone, and of those results are made again, so that asv's pages
show commits whose results are on no disk any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from math import isnan
from pathlib import Path

from asv import util
from asv.benchmarks import Benchmarks
from asv.config import Config
from asv.machine import Machine
from asv.results import Results, iter_results, iter_results_paths
from asv.runner import BenchmarkResult

from track.commits import Commit
from track.headlines import MEASURED, Headline
from track.history import Entry, Values

_KEPT = "kept"
_VERSION_DIGITS = 8


def taken(config: Config) -> Iterator[Entry]:
    """Yield the headline numbers of what asv measured in environments of its own.

    In another, as `make asv` does, it takes one sample and what is not committed.
    """
    for folder, name, machine in iter_results_paths(config.results_dir):
        if "-existing-" in name or name.endswith(f"-{_KEPT}.json"):
            continue
        results = Results.load(str(Path(folder) / name), machine_name=machine)
        values: Values = {}
        versions = {}
        for headline in MEASURED:
            for backend, value in _measured(results, headline):
                values.setdefault(backend, {})[headline.name] = value
                version = results.benchmark_version[headline.benchmark]
                versions[headline.name] = version[:_VERSION_DIGITS]
        if values:
            about = {name: str(value) for name, value in results.params.items()}
            yield Entry(results.commit_hash, about, versions, values)


def _measured(results: Results, headline: Headline) -> Iterator[tuple[str, float]]:
    if headline.benchmark not in results.get_all_result_keys():
        return
    params = results.get_result_params(headline.benchmark)
    numbers = results.get_result_value(headline.benchmark, params)
    for (backend, *others), number in zip(product(*params), numbers, strict=True):
        # None where it failed, not a number where it was skipped.
        there = number is not None and not isnan(number)
        if there and tuple(others) == headline.parameters:
            yield backend.strip("'"), number


def restore(
    config: Config, entries: Iterable[Entry], line: Mapping[str, Commit]
) -> None:
    """Write results of the commits that asv has none of."""
    folder = Path(config.results_dir)
    for old in folder.glob(f"*/*-{_KEPT}.json"):
        old.unlink()
    there = {_key(result.commit_hash, result.params) for result in iter_results(folder)}
    benchmarks = Benchmarks.load(config)
    for entry in entries:
        if _key(entry.commit, entry.about) not in there:
            _introduce(folder, entry.about)
            date = 1000 * line[entry.commit].seconds
            _restored(config, entry, benchmarks, date).save(config.results_dir)


def _key(commit: str, about: Mapping[str, str]) -> tuple[str, ...]:
    return commit, about["machine"], about["python"]


def _introduce(folder: Path, about: Mapping[str, str]) -> None:
    path = folder / about["machine"] / "machine.json"
    if not path.exists():
        known = {name: about[name] for name, _ in Machine.fields if name in about}
        util.write_json(str(path), known, Machine.api_version)


def _restored(
    config: Config, entry: Entry, benchmarks: Benchmarks, date: int
) -> Results:
    pinned = {name: value for name, (value,) in config.matrix["env_nobuild"].items()}
    python = entry.about["python"]
    results = Results(entry.about, {}, entry.commit, date, python, _KEPT, pinned)
    for headline in MEASURED:
        benchmark = benchmarks.get(headline.benchmark, {"version": ""})
        version = entry.versions.get(headline.name)
        if version and benchmark["version"].startswith(version):
            results.add_result(benchmark, _result(entry, headline, benchmark["params"]))
    return results


def _result(
    entry: Entry, headline: Headline, params: list[list[str]]
) -> BenchmarkResult:
    numbers = [
        entry.values.get(backend.strip("'"), {}).get(headline.name)
        if tuple(others) == headline.parameters
        else None
        for backend, *others in product(*params)
    ]
    nothing = [None] * len(numbers)
    return BenchmarkResult(numbers, nothing, nothing, 0, "", None)
