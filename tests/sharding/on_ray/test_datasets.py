"""A Ray Dataset as the source of a build: its rows, in its order, read once."""

from __future__ import annotations

import time

import numpy as np
import pytest
from shard_folders import QUICK, contents, mixed_ids, tied_rows

import quiver
from quiver.errors import (
    FileFormatError,
    InvalidArgumentError,
    InvalidTypeError,
    QuiverError,
    ShardError,
)
from quiver.sharding.on_ray import cluster

pytestmark = [
    pytest.mark.slow,
    # Of Ray Data's own making.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
ROWS = tied_rows()
IDS = mixed_ids(len(ROWS))


@pytest.fixture(scope="module")
def pa(ray):
    return pytest.importorskip("pyarrow", reason="needs the extra `io`")


@pytest.fixture(scope="module")
def data(ray):
    pytest.importorskip("pandas", reason="Ray Data needs pandas")
    data = pytest.importorskip("ray.data", reason="Ray Data needs pyarrow")
    data.DataContext.get_current().enable_progress_bars = False
    return data


@pytest.fixture(scope="module")
def files(pa, tmp_path_factory):
    from pyarrow import parquet

    folder = tmp_path_factory.mktemp("rows")
    for number, part in enumerate(np.array_split(np.arange(len(ROWS)), 5)):
        columns = {
            "vector": list(ROWS[part]),
            "id": IDS[part],
            "text": ["x"] * len(part),
        }
        parquet.write_table(pa.table(columns), folder / f"{number}.parquet")
    return folder


def built(source, out, **how):
    how = {"shards": 3, "backend": "reference", **QUICK, **how}
    quiver.build_shards(source, out, **how)
    return contents(out)


def test_a_dataset_of_files_is_built_as_the_files_are(data, files, tmp_path):
    named = {"key": "vector", "id_key": "id", "by": "hash"}
    whole = built(files, tmp_path / "files", **named)
    dataset = data.read_parquet(str(files))
    assert built(dataset, tmp_path / "here", **named) == whole
    assert built(dataset, tmp_path / "tasks", engine="ray", **named) == whole
    assert not dataset.context.execution_options.preserve_order


def test_rows_come_in_order_from_blocks_that_do_not(data, tmp_path):
    first = int(IDS[0])

    def embedded(batch):
        """Return vectors as a model would, the first rows last."""
        time.sleep(0.5 if first in batch["id"] else 0.0)
        return {"embedding": -batch["vector"].astype("float32"), "id": batch["id"]}

    dataset = data.from_items(
        [
            {"vector": row, "id": id_}
            for row, id_ in zip(ROWS, IDS.tolist(), strict=True)
        ],
        override_num_blocks=6,
    ).map_batches(embedded, batch_size=35)
    how = {"key": "embedding", "id_key": "id"}
    whole = built(-ROWS, tmp_path / "array", ids=IDS)
    assert built(dataset, tmp_path / "dataset", **how) == whole


def test_arrays_of_numpy_make_a_dataset(data, tmp_path):
    rows = ROWS.astype(np.float32)
    assert built(data.from_numpy(rows), tmp_path / "a") == built(rows, tmp_path / "b")


def test_a_row_that_is_no_vector_is_named(data, tmp_path):
    rows = [{"v": [1.0, 2.0]}] * 3
    for bad, words, error in (
        ([{"v": [1.0, float("nan")]}], "a Ray Dataset.*row 3", InvalidArgumentError),
        ([{"v": None}], "a Ray Dataset.*null", InvalidTypeError),
        ([{"v": [1.0]}], "row|length", QuiverError),
    ):
        with pytest.raises(error, match=words):
            built(data.from_items(rows + bad), tmp_path / "out", key="v")


def test_a_dataset_that_fails_says_so(data, tmp_path):
    def fail(batch):
        raise ZeroDivisionError(len(batch))

    dataset = data.from_numpy(ROWS).map_batches(fail)
    with pytest.raises(ShardError, match=r"a Ray Dataset: ZeroDivisionError: "):
        built(dataset, tmp_path / "out", key="data")
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_rows_or_columns_that_may_be_meant_is_refused(
    data, files, tmp_path
):
    dataset = data.read_parquet(str(files))
    for source, how, words in (
        (dataset.limit(0), {"key": "vector"}, "rows"),
        (dataset, {"key": "vektor"}, "vektor"),
        (dataset, {"key": "vector", "id_key": "no"}, "no"),
        (dataset, {"ids": IDS, "id_key": "id"}, "id_key"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            built(source, tmp_path / "out", **how)
    with pytest.raises(FileFormatError, match="shape"):
        built(dataset, tmp_path / "out", key="id")


def test_a_dataset_that_no_processor_is_free_for_is_not_waited_for(
    data, full, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster, "START_SECONDS", 0.5)
    with pytest.raises(ShardError, match="0 are free"):
        built(data.range(3), tmp_path / "out")
