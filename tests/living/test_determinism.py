"""The same operations make the same bytes, whatever threads, backends and files."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from living_model import DIM, SHAPE, digest, untidy_pool

import quiver
from quiver._typing import Metric
from quiver.backends import Backend
from quiver.conformance.hazards import METRICS

POOL = untidy_pool(400, seed=3)

# Of the hashes after each operation: the last graph is built anew and would hide how
# others were repaired. A new one means that every living graph changes.
SCRIPT_SHA256: dict[Metric, str] = {
    "cosine": "b6348864e769c40b706279b757074eaecafaa880b5deb39b1849fd58adbf9b5d",
    "euclidean": "449b2b17b925ae5a6b2b56a0f789dd26af5bfc4897bf027de4ab24919105d2d1",
    "inner_product": "9efb30010add611b77254768c8b5329fd0f7d3d64a1be76f290ad074848d7a66",
}

OUTSIZE_SHA256 = "e3a31b4e7dec613998330f21c3deb7f442b2532391f66a48b290963b78c9ef58"
"""Of rows of which some are a million times as long, added in two parts."""


@pytest.fixture(autouse=True)
def every_row_pays_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let operations as small as these use all their threads."""
    monkeypatch.setattr("quiver.parallel.workers.START_WORK", 1)
    monkeypatch.setattr("quiver.parallel.workers.WAKE_WORK", 1)


class Reopened:
    """Saves and opens an index between operations, or leaves it as it is."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def __call__(self, index: quiver.Index) -> quiver.Index:
        if self.folder is None:
            return index
        index.save(self.folder / "between.quiver")
        return quiver.open(self.folder / "between.quiver", backend=index.backend)


def run_script(
    metric: Metric, backend: str | Backend, threads: int | None, between: Reopened
) -> list[str]:
    """Return the hash of everything after each of a dozen operations."""
    how = {"params": SHAPE, "backend": backend, "threads": threads}
    index = quiver.Index.build(POOL[:150], metric=metric, **how)
    manual = {"threads": threads, "consolidate": "manual"}
    hashes = []

    def note() -> quiver.Index:
        hashes.append(digest(index))
        return between(index)

    index.add(POOL[150:260], threads=threads)
    index = note()
    index.remove(range(0, 60, 3), **manual)
    index = note()
    index.add(POOL[260:300], range(1000, 1040), **manual)
    index = note()
    index.update([1, 2, 4, 1003], POOL[[7, 300, 301, 302]], **manual)
    index = note()
    index.consolidate(threads=threads)
    index = note()
    index.remove(index.ids[np.argsort(POOL[index.ids % 400, 0])[:90]], **manual)
    index = note()
    index.add(POOL[300:360], threads=threads, consolidate="manual")
    index = note()
    index.remove(index.ids[:30], threads=threads)
    index = note()
    index.add(POOL[:5], threads=threads)
    index = note()
    index.consolidate(refit=True, threads=threads)
    index = note()
    # So few are left that the graph is built anew.
    index.remove(index.ids[40:], threads=threads)
    index = note()
    index.add(POOL[360:], threads=threads)
    note()
    return hashes


@cache
def expected(metric: Metric) -> list[str]:
    return run_script(metric, "reference", 1, Reopened(None))


@pytest.mark.parametrize("metric", METRICS)
def test_a_dozen_operations_make_the_golden_bytes(metric: Metric) -> None:
    every_hash = "".join(expected(metric)).encode()
    assert sha256(every_hash).hexdigest() == SCRIPT_SHA256[metric]
    assert len({*expected(metric)}) == 12


@pytest.mark.parametrize("metric", METRICS)
def test_every_operation_makes_the_same_bytes(backend: Backend, metric: Metric) -> None:
    # What is expected comes of the reference with one thread.
    for threads in (2,) if backend.name == "reference" else (1, 2, 8):
        assert run_script(metric, backend, threads, Reopened(None)) == expected(metric)


@pytest.mark.parametrize("metric", METRICS)
def test_a_file_between_two_operations_changes_nothing(
    metric: Metric, tmp_path: Path
) -> None:
    assert run_script(metric, "auto", None, Reopened(tmp_path)) == expected(metric)


def test_an_index_filled_from_nothing_is_the_built_one_once_it_is_ripe() -> None:
    rows = np.random.default_rng(0).normal(size=(1000, DIM)).astype(np.float32)
    # A build asks the rows for the slack; there are none when an index is created.
    shape = replace(SHAPE, alpha=1.2)
    filled = quiver.Index.create(DIM, "euclidean", params=shape)
    for start in range(0, 1000, 300):
        assert not filled.state.has_graph
        filled.add(rows[start : start + 300])
    encoding = quiver.Index.create(DIM).encoding
    built = quiver.Index.build(
        rows, metric="euclidean", params=shape, encoding=encoding
    )
    assert filled.version == 4
    filled.state.__dict__["version"] = 0
    assert digest(filled) == digest(built)


@pytest.mark.parametrize("has_file", [False, True])
def test_outsize_rows_are_cut_to_the_same_length_after_a_file(
    tmp_path: Path, has_file: bool
) -> None:
    rows, between = POOL[:300].copy(), Reopened(tmp_path if has_file else None)
    rows[::40] *= np.float32(1e6)
    index = quiver.Index.build(rows[:150], metric="inner_product", params=SHAPE)
    for part in (rows[150:220], rows[220:]):
        index.add(part)
        index = between(index)
    assert digest(index) == OUTSIZE_SHA256
