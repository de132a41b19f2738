"""The sharded index: what it answers is the exact merge of its shards, one by one."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from rows import normal_rows
from shard_folders import (
    DIM,
    assert_equals_oracle,
    expected,
    made,
    mixed_ids,
    one_by_one,
    tied_rows,
)

import quiver
from quiver.errors import (
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
    InvalidTypeError,
    ShardError,
)
from quiver.sharding.folder import read_manifest, write_manifest

ROWS = tied_rows()
QUERIES = np.concatenate([normal_rows(8, DIM, seed=9), ROWS[[0, 3, 105]]])
METRICS = ("cosine", "euclidean", "inner_product")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(tmp_path_factory.mktemp("shards"), ROWS, 3)


@pytest.fixture(scope="module")
def opened(folder):
    return quiver.ShardedIndex.open(folder)


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shards", [1, 2, 3, 7])
@pytest.mark.parametrize("by", ["rows", "hash"])
def test_a_search_is_the_merge_of_its_shards(tmp_path, metric, shards, by):
    folder = made(tmp_path, ROWS, shards, metric=metric, by=by)
    index = quiver.ShardedIndex.open(folder)
    for k, effort in ((1, {}), (10, {"ef": 12}), (5, {"ef": 40, "n_rerank": 9})):
        found = index.search(QUERIES, k, **effort)
        assert_equals_oracle(found, expected(folder, QUERIES, k, **effort))
        assert (found.coverage, found.missing) == (1.0, ())


def test_a_horizon_ends_the_walks_of_every_shard(folder, opened):
    found = opened.search(QUERIES, 5, ef=40, horizon=1.0)
    assert_equals_oracle(found, expected(folder, QUERIES, 5, ef=40, horizon=1.0))
    whole = opened.search(QUERIES, 5, ef=40).stats.distance_computations.sum()
    assert found.stats.distance_computations.sum() < whole
    with pytest.raises(InvalidArgumentError, match="horizon must be in 1"):
        opened.search(QUERIES, 5, horizon=0.5)


def test_equal_rows_of_several_shards_are_ordered_by_id(opened):
    ids, distances = opened.search(ROWS[[0]], k=2)
    twins = np.flatnonzero((ROWS[0] == ROWS).all(axis=1))
    assert len(twins) == 2
    assert ids[0].tolist() == sorted(mixed_ids(len(ROWS))[twins])
    assert distances[0, 0] == distances[0, 1]


def test_k_may_be_larger_than_a_shard_and_than_all(folder, opened):
    for k in (80, 300):
        found = opened.search(QUERIES, k, ef=400)
        assert_equals_oracle(found, expected(folder, QUERIES, k, ef=400))
        assert found.counts.tolist() == [min(k, len(ROWS))] * len(QUERIES)


def test_one_vector_is_answered_without_the_leading_axis(opened):
    single, batch = opened.search(QUERIES[0], 3), opened.search(QUERIES[:1], 3)
    assert single.ids.shape == (3,)
    np.testing.assert_array_equal(single.ids, batch.ids[0])
    assert opened.search(QUERIES[:0], 3).ids.shape == (0, 3)


def test_every_form_of_a_filter_reaches_every_shard(folder, opened):
    few, many = np.sort(opened.ids)[[2, 50, 199]], np.sort(opened.ids)[::2]
    for given, allowed in (
        (few, few),
        ([*many.tolist(), 10**12], many),
        (np.isin(opened.ids, many), many),
        (lambda ids: ids >= 0, opened.ids[opened.ids >= 0]),
        ([], np.empty(0, np.int64)),
    ):
        oracle = expected(folder, QUERIES, 10, [allowed] * len(QUERIES))
        assert_equals_oracle(opened.search(QUERIES, 10, filter=given), oracle)


def test_every_query_may_have_its_own_filter(folder, opened):
    allowed = [np.sort(opened.ids)[start :: start + 1] for start in range(len(QUERIES))]
    found = opened.search(QUERIES, 6, filter=allowed)
    assert_equals_oracle(found, expected(folder, QUERIES, 6, allowed))


def test_a_function_is_asked_once_for_all_shards(opened):
    calls = []
    opened.search(QUERIES, filter=lambda ids: calls.append(len(ids)) or ids > 0)
    assert calls == [len(ROWS)]


def test_a_filter_of_one_shard_is_refused(folder, opened):
    own = one_by_one(folder)[0].filter([1])
    with pytest.raises(InvalidArgumentError, match="of one index"):
        opened.search(QUERIES, filter=own)


@pytest.mark.parametrize("metric", METRICS)
def test_a_radius_finds_what_every_shard_finds(tmp_path, metric):
    folder = made(tmp_path, ROWS, 3, metric=metric)
    index = quiver.ShardedIndex.open(folder)
    radius = float(np.median(index.search(QUERIES, 20).distances[:, -1]))
    shards = [one.search_radius(QUERIES, radius) for one in one_by_one(folder)]
    found = index.search_radius(QUERIES, radius)
    cut = index.search_radius(QUERIES, radius, max_results=4)
    for number in range(len(QUERIES)):
        pairs = sorted(
            (d, i) for one in shards for i, d in zip(*one[number], strict=True)
        )
        assert [(d, i) for i, d in zip(*found[number], strict=True)] == pairs
        assert [(d, i) for i, d in zip(*cut[number], strict=True)] == pairs[:4]
        assert cut.complete[number] == (len(pairs) <= 4)
    assert found.stats.hops.sum() == sum(one.stats.hops.sum() for one in shards)
    assert found.complete.all()


def test_vectors_are_got_from_the_shard_that_has_them(opened):
    ids = mixed_ids(len(ROWS))
    np.testing.assert_array_equal(opened.get(ids[::-1]), ROWS[::-1])
    np.testing.assert_array_equal(opened.get(ids[[[0, 9]]]), ROWS[[[0, 9]]])
    np.testing.assert_array_equal(opened.get(int(ids[5])), ROWS[5])
    with pytest.raises(InvalidArgumentError, match="3"):
        opened.get([3])


def test_it_says_what_it_is(opened):
    ids = mixed_ids(len(ROWS))
    assert (len(opened), opened.n, opened.dim) == (len(ROWS), len(ROWS), DIM)
    assert opened.metric == "cosine"
    assert ids[0] in opened
    assert 3 not in opened
    assert "x" not in opened
    assert sorted(opened.ids) == sorted(ids)
    assert repr(opened) == "ShardedIndex(n=210, dim=12, metric='cosine', shards=3)"
    assert opened.encoding == opened.manifest.encoding


def test_bytes_are_those_of_all_shards(folder, opened):
    reports = [index.memory_report() for index in one_by_one(folder)]
    found = opened.memory_report()
    assert found.hot == sum(report.hot for report in reports)
    assert found.n_vectors == len(ROWS)


def test_a_sound_index_is_found_sound(opened):
    report = opened.check(full=True)
    assert report.ok, str(report)
    assert {line.name for line in report.lines} >= {"distinct ids", "placed ids"}


def test_wrong_arguments_are_refused_as_by_an_index(opened):
    for wrong in ({"k": 0}, {"ef": 3}, {"n_rerank": 1}, {"filter": np.zeros(3, bool)}):
        with pytest.raises(InvalidArgumentError):
            opened.search(QUERIES, **wrong)
    with pytest.raises(InvalidTypeError):
        opened.search(QUERIES, k="3")
    with pytest.raises(InvalidArgumentError, match="12 columns"):
        opened.search(np.zeros(5))
    with pytest.raises(InvalidArgumentError, match="radius"):
        opened.search_radius(QUERIES, -1.0)


def test_codes_of_all_shards_agree(folder):
    states = [index.state for index in one_by_one(folder)]
    for state in states[1:]:
        assert state.encoding == states[0].encoding
        np.testing.assert_array_equal(state.transform.mean, states[0].transform.mean)
        np.testing.assert_array_equal(state.transform.signs, states[0].transform.signs)


def test_a_missing_shard_is_named(copy):
    name = read_manifest(copy).shards[1].file
    (copy / name).unlink()
    with pytest.raises(FileAccessError, match=name):
        quiver.ShardedIndex.open(copy)


def test_a_damaged_shard_is_named(copy):
    path = copy / read_manifest(copy).shards[2].file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=path.name):
        quiver.ShardedIndex.open(copy)


def test_full_proof_finds_what_mapping_leaves_unread(copy):
    path = copy / read_manifest(copy).shards[2].file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    quiver.ShardedIndex.open(copy, hot="mmap")
    with pytest.raises(FileFormatError, match=path.name):
        quiver.ShardedIndex.open(copy, hot="mmap", verify="full")


def test_a_cut_shard_is_named_without_being_read(copy):
    path = copy / read_manifest(copy).shards[0].file
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(FileFormatError, match=rf"{path.name}.*bytes"):
        quiver.ShardedIndex.open(copy)


def test_a_link_is_refused(copy, folder):
    path = copy / read_manifest(copy).shards[0].file
    path.unlink()
    path.symlink_to(folder / path.name)
    with pytest.raises(FileFormatError, match="a link"):
        quiver.ShardedIndex.open(copy)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"metric": "euclidean"}, "metric euclidean"),
        ({"encoding": quiver.Encoding(bits=2)}, "encoding"),
        ({"seed": 5}, "transform"),
        ({"ids": np.arange(len(ROWS)) + 5000}, "fingerprint"),
    ],
)
def test_a_shard_of_another_build_is_refused_by_what_differs(
    copy, tmp_path, how, words
):
    given = {"encoding": read_manifest(copy).encoding, **how}
    other = made(tmp_path / "other", ROWS, 3, **given)
    manifest = read_manifest(copy)
    first, *rest = manifest.shards
    shutil.copy(other / read_manifest(other).shards[0].file, copy / first.file)
    size = (copy / first.file).stat().st_size
    write_manifest(copy, replace(manifest, shards=(replace(first, bytes=size), *rest)))
    with pytest.raises(FileFormatError, match=rf"{first.file}.*{words}"):
        quiver.ShardedIndex.open(copy)


def test_a_shard_of_another_dimension_is_refused(copy):
    manifest = read_manifest(copy)
    write_manifest(copy, replace(manifest, dim=13))
    with pytest.raises(FileFormatError, match=r"dim 12, expected 13"):
        quiver.ShardedIndex.open(copy)


def test_ids_in_two_shards_fail_the_check(tmp_path):
    folder = made(tmp_path, ROWS, 2)
    manifest = read_manifest(folder)
    first = manifest.shards[0]
    twin = replace(first, file="twin.quiver")
    shutil.copy(folder / first.file, folder / "twin.quiver")
    write_manifest(folder, replace(manifest, shards=(first, twin)))
    report = quiver.ShardedIndex.open(folder).check()
    assert [line.name for line in report.lines if not line.passed] == ["distinct ids"]


@pytest.mark.slow
def test_recall_is_that_of_one_index_or_better(tmp_path):
    rows, queries = normal_rows(600, 24), normal_rows(40, 24, seed=1)
    shape = {"max_degree": 12, "ef_construction": 24}
    one = quiver.Index.build(rows, **shape)
    quiver.build_shards(rows, tmp_path, shards=4, **shape)
    several = quiver.ShardedIndex.open(tmp_path)
    _, truth = quiver.exact_knn(rows, queries, k=10)
    for ef in (10, 20, 40):
        recalls = [
            quiver.recall_at_k(index.search(queries, 10, ef=ef).distances, truth)
            for index in (several, one)
        ]
        assert recalls[0] >= recalls[1]


def test_nothing_can_be_asked_of_a_closed_one(folder):
    with quiver.ShardedIndex.open(folder) as index:
        index.search(QUERIES)
    with pytest.raises(ShardError, match="closed"):
        index.search(QUERIES)
