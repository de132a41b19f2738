"""A service: its answers are those of the index, whatever it is asked, and by how many.

Without a network and without the extra: what is tested here is all but the routes.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quick import QUICK_BACKEND
from rows import normal_rows
from served import ask, ask_once, in_parts
from shard_folders import DIM, QUICK, made, mixed_ids, tied_rows

import quiver
from quiver._typing import Metric
from quiver.errors import MalformedRequestError, ShardError
from quiver.service.limits import Limits
from quiver.service.service import Service
from quiver.sharding.messages import Message

ROWS = tied_rows()
QUERIES = np.concatenate([normal_rows(6, DIM, seed=9), ROWS[[0, 3, 105]]])
LIMITS = Limits(batch=64, k=300, ef=900, body=1 << 20, in_flight=4)
LIST = QUERIES.tolist()


class Losing:
    """An engine some of whose shards give no answer."""

    def __init__(self, engine):
        self.engine, self.lost = engine, set()

    def ask(self, asked, threads=None, work=0.0):
        told = self.engine.ask(asked, threads, work)
        return [
            ShardError(f"shard {number}: it ended") if number in self.lost else one
            for number, one in enumerate(told)
        ]

    def close(self):
        self.engine.close()


class Holding:
    """An engine that answers a search when it is let."""

    def __init__(self, engine):
        self.engine, self.begun = engine, threading.Semaphore(0)
        self.may_answer = threading.Event()

    def ask(self, asked, threads=None, work=0.0):
        if Message("weigh") not in asked:
            self.begun.release()
            assert self.may_answer.wait(20)
        return self.engine.ask(asked, threads, work)

    def close(self):
        self.engine.close()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return a folder of shards for each metric."""
    return {
        metric: made(
            *(tmp_path_factory.mktemp("shards"), ROWS, 3),
            metric=metric,
            backend=QUICK_BACKEND,
        )
        for metric in get_args(Metric)
    }


@pytest.fixture(scope="module")
def folder(folders):
    return folders["cosine"]


def opened(folder, policy="partial"):
    return quiver.ShardedIndex.open(folder, backend=QUICK_BACKEND, policy=policy)


@pytest.fixture(scope="module")
def index(folder):
    return opened(folder)


@pytest.fixture(scope="module")
def service(index):
    return Service(index, LIMITS)


def with_engine(folder, kind):
    """Return an index whose engine is wrapped, and the wrapper."""
    index = opened(folder)
    index._now.engine = kind(index._now.engine)
    return index, index._now.engine


def assert_is(document, result):
    """Assert that a document is a result, in every id and every bit of a distance."""
    distances = np.array(document["distances"], dtype=np.float64)
    expected = result.distances.astype(np.float64)
    expected[np.isinf(expected)] = np.nan
    np.testing.assert_array_equal(distances, expected)
    np.testing.assert_array_equal(document["ids"], result.ids)
    np.testing.assert_array_equal(document["counts"], result.counts)
    assert document["version"] == result.version


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"k": 1},
        {"k": 7, "ef": 9, "n_rerank": 8},
        {"k": 300},
        {"k": 5, "filter": mixed_ids(len(ROWS))[::7].tolist()},
        {"k": 5, "filter": (np.arange(len(ROWS)) % 3 == 0).tolist()},
        {"k": 5, "filter": [[-700, 0, 7]] * 4 + [[]] + [[2**63, 14, 21]] * 4},
    ],
)
@pytest.mark.parametrize("metric", get_args(Metric))
def test_an_answer_is_that_of_the_index_in_every_bit(folders, metric, how):
    index = opened(folders[metric])
    told = ask_once(Service(index, LIMITS), {"queries": LIST, **how})
    assert told.status == 200, told
    assert_is(told.document, index.search(QUERIES, **how))
    assert (told.document["coverage"], told.document["missing"]) == (1.0, [])


def test_one_vector_is_answered_without_the_leading_axis(service, index):
    told = ask_once(service, {"queries": LIST[1], "k": 4})
    assert_is(told.document, index.search(QUERIES[1], 4))


def test_one_index_is_served_like_several_shards():
    index = quiver.Index.build(ROWS, backend=QUICK_BACKEND, **QUICK)
    service = Service(index, LIMITS)
    told = ask_once(service, {"queries": LIST, "k": 300})
    assert_is(told.document, index.search(QUERIES, 300))
    assert json.loads(service.health().body)["shards_up"] == 1


@pytest.mark.parametrize(
    ("asked", "status", "kind", "argument"),
    [
        (b"{", 400, "MalformedRequestError", "body"),
        (b"x" * (LIMITS.body + 1), 413, "TooLargeError", "body"),
        ({"queries": [LIST[0][:-1]]}, 422, "InvalidArgumentError", "queries"),
        ({"queries": [[]]}, 422, "InvalidArgumentError", "queries"),
        ({"queries": []}, 422, "InvalidArgumentError", "queries"),
        ({"queries": [LIST[0], LIST[0][1:]]}, 422, "InvalidTypeError", "queries"),
        ({"queries": [["a"] * DIM]}, 422, "InvalidTypeError", "queries"),
        ({"queries": [[None] * DIM]}, 422, "InvalidTypeError", "queries"),
        ({"queries": [[{}] * DIM]}, 422, "InvalidTypeError", "queries"),
        ({"queries": [[True] * DIM]}, 422, "InvalidTypeError", "queries"),
        ({"queries": [[float("nan")] * DIM]}, 422, "InvalidArgumentError", "queries"),
        ({"queries": [[float("inf")] * DIM]}, 422, "InvalidArgumentError", "queries"),
        ({"queries": [[1e39] * DIM]}, 422, "InvalidArgumentError", "queries"),
        ({"queries": [[10**400] * DIM]}, 422, "InvalidTypeError", "queries"),
        ({"queries": LIST, "k": 301}, 422, "InvalidArgumentError", "k"),
        ({"queries": LIST, "k": 9, "ef": 3}, 422, "InvalidArgumentError", "ef"),
        ({"queries": LIST, "n_rerank": 3}, 422, "InvalidArgumentError", "n_rerank"),
        ({"queries": LIST, "filter": [0.5]}, 422, "InvalidTypeError", "filter"),
        ({"queries": LIST, "filter": [2**70]}, 422, "InvalidArgumentError", "filter"),
        ({"queries": LIST, "filter": [True]}, 422, "InvalidArgumentError", "filter"),
        ({"queries": LIST, "filter": [None]}, 422, "InvalidTypeError", "filter"),
        ({"queries": LIST, "filter": [[1], 2]}, 422, "InvalidArgumentError", "filter"),
        ({"queries": LIST * 8}, 422, "InvalidArgumentError", "queries"),
        ({"quer": LIST}, 422, "InvalidArgumentError", "fields"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_name(
    service, asked, status, kind, argument
):
    told = ask_once(service, asked)
    error = told.document["error"]
    assert (told.status, error["type"], error["argument"]) == (status, kind, argument)
    assert error["rule"]
    assert error["remedy"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=20,
)
VECTORS = st.lists(
    st.floats(width=32) | st.integers(-3, 3), min_size=DIM - 1, max_size=DIM + 1
)
FIELDS = {
    "queries": VECTORS | st.lists(VECTORS, max_size=3) | JSON_VALUES,
    "k": st.integers(-1, 301) | JSON_VALUES,
    "ef": st.integers(-1, 901) | JSON_VALUES,
    "n_rerank": JSON_VALUES,
    "filter": st.lists(st.integers() | st.booleans()) | JSON_VALUES,
    "policy": st.sampled_from(["strict", "partial"]) | JSON_VALUES,
    "more": JSON_VALUES,
}
BODIES = st.binary(max_size=200) | st.one_of(
    JSON_VALUES, st.fixed_dictionaries({}, optional=FIELDS)
).map(lambda value: json.dumps(value).encode())


@given(body=BODIES)
def test_garbage_gets_a_typed_answer_and_the_service_survives(service, index, body):
    told = ask_once(service, body)
    assert told.status in (200, 400, 422), told
    if told.status != 200:
        assert told.document["error"]["type"] != "InternalError"
    again = ask_once(service, {"queries": LIST[0], "k": 2})
    assert_is(again.document, index.search(QUERIES[0], 2))


def test_a_body_that_ends_amid_itself_gives_its_place_back(service):
    async def broken():
        yield b'{"queries": '
        msg = "body must come whole, got a part of it"
        raise MalformedRequestError(msg)

    for _ in range(2 * LIMITS.in_flight):
        assert asyncio.run(service.search(broken())).status == 400
    assert service._slots.in_use == 0


def test_a_body_is_read_no_further_than_its_limit(service):
    read = []

    async def endless():
        while True:
            read.append(1)
            yield bytes(1 << 18)

    assert asyncio.run(service.search(endless())).status == 413
    assert len(read) == LIMITS.body // (1 << 18) + 1


def test_more_requests_than_places_are_told_to_come_again(folder):
    index, engine = with_engine(folder, Holding)
    service = Service(index, LIMITS)

    async def crowd():
        asked = {"queries": LIST, "k": 3}
        waiting = [asyncio.create_task(ask(service, asked)) for _ in range(4)]
        assert await asyncio.to_thread(engine.begun.acquire, timeout=20)
        refused = await ask(service, asked)
        assert json.loads(service.health().body)["ready"]
        assert b"quiver_requests_in_flight 4\n" in service.metrics().body
        engine.may_answer.set()
        return refused, await asyncio.gather(*waiting), await ask(service, asked)

    refused, answered, later = asyncio.run(crowd())
    assert refused.status == 429
    assert refused.document["error"]["type"] == "OverloadedError"
    assert refused.headers["retry-after"] == "1"
    for told in (*answered, later):
        assert_is(told.document, index.search(QUERIES, 3))


def test_an_answer_that_is_late_is_told_so_and_holds_its_place_until_it_ends(folder):
    index, engine = with_engine(folder, Holding)
    service = Service(index, Limits(in_flight=1, seconds=0.05))

    async def late():
        told = await ask(service, {"queries": LIST})
        busy = await ask(service, {"queries": LIST})
        engine.may_answer.set()
        while service._slots.in_use:
            await asyncio.sleep(0.001)
        return told, busy

    told, busy = asyncio.run(late())
    assert (told.status, told.document["error"]["type"]) == (504, "DeadlineError")
    assert busy.status == 429
    service.limits = Limits(in_flight=1)
    assert ask_once(service, {"queries": LIST}).status == 200


def test_a_body_that_does_not_come_is_not_waited_for(index):
    service = Service(index, Limits(seconds=0.05))

    async def silent():
        yield b"{"
        await asyncio.sleep(20)

    assert asyncio.run(service.search(silent())).status == 504
    assert service._slots.in_use == 0


def test_each_request_chooses_what_becomes_of_it_without_a_shard(folder):
    index, engine = with_engine(folder, Losing)
    service = Service(index, LIMITS)
    engine.lost = {1}
    file = index.manifest.shards[1].file
    strict = ask_once(service, {"queries": LIST})
    assert (strict.status, strict.headers["retry-after"]) == (503, "5")
    assert file in strict.document["error"]["message"]
    partial = ask_once(service, {"queries": LIST, "policy": "partial"})
    assert_is(partial.document, index.search(QUERIES))
    assert partial.document["missing"] == [file]
    assert partial.document["coverage"] == pytest.approx(2 / 3)
    assert b"quiver_partial_answers_total 1\n" in service.metrics().body
    engine.lost = {0, 1, 2}
    assert ask_once(service, {"queries": LIST, "policy": "partial"}).status == 503


def test_health_says_who_is_missing_until_all_are_back(folder):
    index, engine = with_engine(folder, Losing)
    strict, partial = Service(index, LIMITS), Service(index, LIMITS, "partial")

    def looked(service):
        service._look()
        reply = service.health()
        return reply.status, json.loads(reply.body)

    for lost, statuses in (
        ({1}, (503, 200)),
        ({0, 1, 2}, (503, 503)),
        ((), (200, 200)),
    ):
        engine.lost = {*lost}
        for service, status in zip((strict, partial), statuses, strict=True):
            found, told = looked(service)
            assert (found, told["ready"]) == (status, status == 200)
            assert told["shards_up"] == 3 - len(lost)
            assert told["missing"] == [index.manifest.shards[n].file for n in lost]
    assert told["limits"]["batch"] == 64
    assert (told["dim"], told["generation"], told["vectors"]) == (DIM, 1, len(ROWS))


def test_metrics_count_what_was_answered_and_refused(index):
    service = Service(index, LIMITS)
    ask_once(service, {"queries": LIST})
    ask_once(service, {"queries": LIST[0]})
    ask_once(service, {"queries": LIST, "k": 0})
    text = service.metrics().body.decode()
    computed = index.search(QUERIES).stats.distance_computations
    more = index.search(QUERIES[0]).stats.distance_computations
    for line in (
        'quiver_requests_total{status="200"} 2',
        'quiver_requests_total{status="422"} 1',
        'quiver_errors_total{type="InvalidArgumentError"} 1',
        "quiver_queries_total 10",
        f"quiver_distance_computations_total {computed.sum() + more}",
        "quiver_request_seconds_count 3",
        "quiver_requests_in_flight 0",
        "quiver_shards 3",
        "quiver_coverage 1.0",
    ):
        assert f"\n{line}\n" in text


def test_a_reader_finishes_on_its_generation_and_the_next_reads_the_new_one(tmp_path):
    folder = made(tmp_path, ROWS, 3, backend=QUICK_BACKEND)
    index, engine = with_engine(folder, Holding)
    service = Service(index, LIMITS)
    before = opened(folder).search(QUERIES, 3)
    nearest = opened(folder)
    nearest.add(QUERIES[:1], ids=[10**6])

    async def across():
        asked = {"queries": LIST, "k": 3}
        reading = asyncio.create_task(ask(service, asked))
        assert await asyncio.to_thread(engine.begun.acquire, timeout=20)
        await asyncio.to_thread(service._look)
        new = await ask(service, asked)
        engine.may_answer.set()
        return await reading, new

    old, new = asyncio.run(across())
    assert_is(old.document, before)
    assert_is(new.document, nearest.search(QUERIES, 3))
    assert new.document["ids"][0][0] == 10**6
    assert json.loads(service.health().body)["generation"] == 2


def test_a_generation_that_cannot_be_opened_is_told_and_the_old_one_answers(tmp_path):
    folder = made(tmp_path, ROWS, 2, backend=QUICK_BACKEND)
    service = Service(opened(folder), LIMITS)
    expected = opened(folder).search(QUERIES, 3)
    manifest = (folder / "shards.json").read_bytes()
    (folder / "shards.json").write_bytes(manifest[:-1])
    service._look()
    assert "shards.json" in json.loads(service.health().body)["refresh_error"]
    assert b"quiver_refresh_failures_total 1\n" in service.metrics().body
    assert_is(ask_once(service, {"queries": LIST, "k": 3}).document, expected)
    (folder / "shards.json").write_bytes(manifest)
    service._look()
    assert json.loads(service.health().body)["refresh_error"] is None


def test_many_at_once_are_each_answered_their_own(index):
    service = Service(index, Limits(in_flight=64))

    async def crowd():
        kinds = [{"queries": [LIST[n % 9]], "k": 1 + n % 7} for n in range(20)]
        return kinds, await asyncio.gather(*(ask(service, one) for one in kinds))

    for asked, told in zip(*asyncio.run(crowd()), strict=True):
        assert_is(told.document, index.search(asked["queries"], asked["k"]))
    assert service._slots.in_use == 0
    assert re.search(
        rb"quiver_requests_total\{status=\"200\"\} 20\n", service.metrics().body
    )


def test_parts_of_a_body_of_any_size_are_one_body(service, index):
    body = json.dumps({"queries": LIST, "k": 2}).encode()
    for size in (1, 7, len(body)):
        reply = asyncio.run(service.search(in_parts(body, size)))
        assert_is(json.loads(reply.body), index.search(QUERIES, 2))
