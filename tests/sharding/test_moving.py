"""Changing shards: every change is whole, published at once, and leaves readers be."""

from __future__ import annotations

import numpy as np
import pytest
from quick import QUICK_BACKEND
from rows import normal_rows
from shard_folders import (
    DIM,
    asked_meanwhile,
    assert_equals_oracle,
    expected,
    made,
    mixed_ids,
    one_by_one,
    tied_rows,
)

import quiver
from quiver.errors import FileFormatError, InvalidArgumentError, LockError
from quiver.params import SearchParams
from quiver.sharding import changes, starting
from quiver.sharding.folder import NAME, claimed, read_manifest
from quiver.sharding.manifest import fingerprint_of
from quiver.sharding.placing import owners, slots_in

ROWS = tied_rows()
IDS = mixed_ids(len(ROWS))
MORE = normal_rows(30, DIM, seed=3)
QUERIES = np.concatenate([normal_rows(8, DIM, seed=9), ROWS[[0, 3, 105]], MORE[:3]])


def opened(folder, *args, **how):
    return quiver.ShardedIndex.open(folder, *args, backend=QUICK_BACKEND, **how)


def assert_holds(index, model):
    """Assert that an index has these vectors and answers as its shards do."""
    again = opened(index.folder)
    assert again.manifest == index.manifest
    names = {path.name for path in index.folder.glob("*.quiver")}
    assert names == {shard.file for shard in index.manifest.shards}
    for one in (index, again):
        assert sorted(one.ids.tolist()) == sorted(model)
        np.testing.assert_array_equal(one.get([*model]), [*model.values()])
        found = one.search(QUERIES, 10)
        assert_equals_oracle(found, expected(index.folder, QUERIES, 10))
    for shard in one_by_one(index.folder):
        assert fingerprint_of(shard.state.transform) == index.manifest.transform
    report = again.check(full=True)
    assert all(line.passed for line in report.lines if line.name != "self-search")


@pytest.mark.parametrize("metric", ["cosine", "inner_product"])
@pytest.mark.parametrize("by", ["rows", "hash", "key"])
def test_vectors_come_change_and_go(tmp_path, metric, by):
    keys = np.arange(len(ROWS)) % 4 if by == "key" else None
    how = {"metric": metric, "by": by if keys is None else keys}
    index = opened(made(tmp_path, ROWS, 3, **how))
    model = dict(zip(IDS.tolist(), ROWS, strict=True))
    new = index.add(MORE, keys=None if keys is None else np.arange(30) % 4)
    assert new.tolist() == [*range(max(IDS) + 1, max(IDS) + 31)]
    model |= dict(zip(new.tolist(), MORE, strict=True))
    assert_holds(index, model)
    gone = IDS[5:100:7]
    index.remove(gone)
    for id_ in gone.tolist():
        del model[id_]
    assert_holds(index, model)
    index.update(new[:4], ROWS[:4])
    model |= dict(zip(new[:4].tolist(), ROWS[:4], strict=True))
    assert_holds(index, model)
    assert index.manifest.generation == 4


def test_vectors_go_to_the_shard_that_owns_them(tmp_path):
    index = opened(made(tmp_path / "rows", ROWS, 3))
    index.add(MORE)
    assert [shard.n for shard in index.manifest.shards] == [70, 70, 100]
    index = opened(made(tmp_path / "hash", ROWS, 3, by="hash"))
    new = index.add(MORE)
    owner = owners(new, slots_in(index.manifest.shards))
    for number, shard in enumerate(one_by_one(tmp_path / "hash")):
        assert np.isin(new[owner == number], shard.ids).all()


def test_an_untouched_shard_keeps_its_file(tmp_path):
    index = opened(made(tmp_path, ROWS, 3))
    before = index.manifest.shards
    index.remove(IDS[[0, 1]])
    assert index.manifest.shards[1:] == before[1:]
    assert index.manifest.shards[0].file == "shard-00000-g2.quiver"


def test_an_empty_shard_grows_on_the_codes_of_all(tmp_path):
    folder = made(tmp_path, ROWS, 2, by=np.zeros(len(ROWS), dtype=int))
    index = opened(folder)
    empty = [shard.n for shard in index.manifest.shards].index(0)
    slots = slots_in(index.manifest.shards)
    key = next(key for key in range(99) if owners(np.array([key]), slots)[0] == empty)
    new = index.add(MORE, keys=np.full(30, key))
    assert index.manifest.shards[empty].n == 30
    model = dict(zip(IDS.tolist(), ROWS, strict=True))
    assert_holds(index, model | dict(zip(new.tolist(), MORE, strict=True)))
    index.remove(new)
    assert_holds(index, model)


def test_a_shard_is_added_rebuilt_and_split(tmp_path):
    index = opened(made(tmp_path, ROWS, 2))
    model = dict(zip(IDS.tolist(), ROWS, strict=True))
    new = index.add_shard(MORE)
    model |= dict(zip(new.tolist(), MORE, strict=True))
    assert [shard.n for shard in index.manifest.shards] == [105, 105, 30]
    assert_holds(index, model)
    index.remove(IDS[:10])
    for id_ in IDS[:10].tolist():
        del model[id_]
    index.rebuild(0)
    assert one_by_one(tmp_path)[0].state.is_tidy
    assert_holds(index, model)
    index.split(1)
    assert [shard.n for shard in index.manifest.shards] == [95, 52, 53, 30]
    assert_holds(index, model)


def test_halves_of_a_hashed_shard_own_half_its_hashes(tmp_path):
    index = opened(made(tmp_path, ROWS, 2, by="hash"))
    (_, stop), _ = slots_in(index.manifest.shards)
    index.split(0)
    assert slots_in(index.manifest.shards)[:2] == [(0, stop // 2), (stop // 2, stop)]
    assert_holds(index, dict(zip(IDS.tolist(), ROWS, strict=True)))


def test_who_opened_a_generation_reads_it_to_the_end(tmp_path):
    folder = made(tmp_path, ROWS, 2)
    with opened(folder, "processes") as other:
        here = opened(folder, hot="mmap")
        before = here.search(QUERIES, 5)
        index = opened(folder)
        index.remove(before.ids[:, 0][before.ids[:, 0] != IDS[0]][:3])
        index.split(0)
        for reader in (here, other):
            found = reader.search(QUERIES, 5)
            np.testing.assert_array_equal(found.ids, before.ids)
            np.testing.assert_array_equal(found.distances, before.distances)
        with pytest.raises(InvalidArgumentError, match="open it again"):
            here.remove(IDS[0])


def test_a_change_by_another_is_seen_after_a_refresh(tmp_path):
    folder = made(tmp_path, ROWS, 2)
    index, other = opened(folder, policy="partial"), opened(folder)
    assert not index.refresh()
    new = other.add(MORE)
    assert index.refresh()
    assert index.manifest == other.manifest
    assert index.search(MORE, 1).ids[:, 0].tolist() == new.tolist()
    index.remove(new)
    assert other.refresh()
    assert_holds(other, dict(zip(IDS.tolist(), ROWS, strict=True)))


def test_a_generation_that_cannot_be_opened_leaves_the_one_before(tmp_path):
    folder = made(tmp_path, ROWS, 2)
    index, before = opened(folder), opened(folder).search(QUERIES, 5)
    (folder / NAME).write_bytes(b"{}")
    with pytest.raises(FileFormatError, match=NAME):
        index.refresh()
    np.testing.assert_array_equal(index.search(QUERIES, 5).ids, before.ids)


def test_changes_in_worker_processes_are_answered_by_new_ones(tmp_path):
    with opened(made(tmp_path, ROWS, 2), "processes") as index:
        new = index.add(MORE)
        assert index.search(MORE, 1).ids[:, 0].tolist() == new.tolist()


@pytest.fixture
def openings(monkeypatch):
    """Note the number of every shard that this process opens to be asked."""
    numbers, real = [], starting.open_shard

    def noted(folder, manifest, number, **how):
        numbers.append(number)
        return real(folder, manifest, number, **how)

    monkeypatch.setattr(starting, "open_shard", noted)
    return numbers


@pytest.mark.parametrize("hot", ["memory", "mmap"])
def test_only_shards_that_changed_are_opened_again(tmp_path, openings, hot):
    index = opened(made(tmp_path, ROWS, 4), hot=hot)
    assert openings == [0, 1, 2, 3]
    for change, changed in (
        (lambda: index.add(MORE), [3]),
        (lambda: index.remove(index._now.parts[1][:5]), [1]),
        (lambda: index.split(0), [0, 1]),
        (lambda: index.rebuild(4), [4]),
        (lambda: index.add_shard(MORE, np.arange(30) + 10**6), [5]),
    ):
        openings.clear()
        change()
        assert openings == changed
        found = index.search(QUERIES, 10)
        assert_equals_oracle(found, expected(tmp_path, QUERIES, 10))


def test_only_workers_of_shards_that_changed_are_started_again(tmp_path, openings):
    folder = made(tmp_path, ROWS, 3)
    first = expected(folder, QUERIES, 10)
    with opened(folder, "processes") as index:
        before, old = [w.process_id for w in index._now.engine.workers], index._now
        assert openings == [0, 1, 2]
        index.split(1)
        now = [worker.process_id for worker in index._now.engine.workers]
        assert {*now[:2]} == {before[0], before[2]}
        assert len({*now, *before}) == 5
        # Workers prove what they have not had before.
        assert openings == [0, 1, 2]
        oracle = expected(folder, QUERIES, 10)
        effort = SearchParams.resolve(10, None, None)
        for _ in range(2):
            assert_equals_oracle(index.search(QUERIES, 10), oracle)
            # Who still asks the generation before asks two of the same workers.
            found = old.search(QUERIES, effort, None, None, is_single=False)
            assert_equals_oracle(found, first)


def test_a_changed_shard_is_proven_by_the_worker_that_opens_it(tmp_path, monkeypatch):
    folder = made(tmp_path, ROWS, 2)
    real = changes.write_manifest

    def damage(path, manifest):
        real(path, manifest)
        file = folder / manifest.shards[0].file
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    with opened(folder, "processes") as index:
        monkeypatch.setattr(changes, "write_manifest", damage)
        before, found = index.manifest, index.search(QUERIES, 5)
        with pytest.raises(FileFormatError, match=r"shard-00000-g2.*CRC"):
            index.remove(IDS[:1])
        assert index.manifest == before
        np.testing.assert_array_equal(index.search(QUERIES, 5).ids, found.ids)


def test_searches_go_on_while_shards_are_replaced(tmp_path):
    index = opened(made(tmp_path, ROWS, 2))
    with asked_meanwhile(index, QUERIES):
        for _ in range(3):
            index.add(MORE)
            index.split(0)


def test_what_stops_a_change_leaves_the_generation_before(tmp_path, monkeypatch):
    index = opened(made(tmp_path, ROWS, 3, by="hash"))
    before, saved = index.manifest, []

    def fail(*args):
        saved.append(args)
        raise KeyboardInterrupt

    monkeypatch.setattr(changes, "write_manifest", fail)
    with pytest.raises(KeyboardInterrupt):
        index.add(MORE)
    assert saved
    monkeypatch.undo()
    assert read_manifest(tmp_path) == index.manifest == before
    assert opened(tmp_path).check().ok
    new = index.add(MORE)
    model = dict(zip(IDS.tolist(), ROWS, strict=True))
    assert_holds(index, model | dict(zip(new.tolist(), MORE, strict=True)))


def test_two_do_not_change_a_folder_at_once(tmp_path):
    index = opened(made(tmp_path, ROWS, 2))
    with claimed(tmp_path), pytest.raises(LockError):
        index.remove(IDS[0])


def test_a_change_that_breaks_a_rule_changes_nothing(tmp_path):
    folder = made(tmp_path / "rows", ROWS, 2)
    index, hashed = opened(folder), opened(made(tmp_path / "hash", ROWS, 2, by="hash"))
    keyed = opened(made(tmp_path / "key", ROWS, 2, by=np.arange(len(ROWS))))
    before = index.manifest
    for change, words in (
        (lambda: index.add(MORE[:1], [IDS[0]]), "must not be in the index"),
        (lambda: index.add(MORE[:, :3]), "columns"),
        (lambda: index.add(MORE, keys=np.zeros(30, int)), "keys"),
        (lambda: index.remove(10**9), "in the index"),
        (lambda: index.remove([IDS[0], IDS[0]]), "unique"),
        (lambda: index.update([IDS[0]], MORE[:2]), "ids must have shape"),
        (lambda: index.split(2), "shard must be in 0 … 1"),
        (lambda: hashed.add_shard(MORE), "by rows to add one"),
        (lambda: keyed.add(MORE), "keys must be given"),
        (lambda: keyed.add(MORE, keys=[1]), "keys must have shape"),
        (lambda: keyed.split(0), "cannot be halved"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            change()
    assert read_manifest(folder) == before
