"""The simulation of shards: what theory says of queues, and what is lost."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sharded.clock import Clock, Cores, Process
from sharded.cluster import Cluster, Outage
from sharded.simulation import one_after_another, simulate

EXPONENTIAL = np.random.default_rng(0).exponential(1.0, 200_000)
EXPONENTIAL /= EXPONENTIAL.mean()
N_MAXIMA = 16_000


def poisson(rate, n, seed=1):
    return np.random.default_rng(seed).exponential(1 / rate, n).cumsum()


def test_events_of_one_time_happen_in_the_order_they_were_planned():
    clock, seen = Clock(), []
    clock.after(2, lambda: seen.append("c"))
    clock.after(1, lambda: (seen.append("a"), clock.after(1, lambda: seen.append("d"))))
    clock.after(1, lambda: seen.append("b"))
    called_off = clock.after(1.5, lambda: seen.append("never"))
    called_off.act = None
    clock.run()
    assert seen == ["a", "b", "c", "d"]
    assert clock.now == 2


def test_cores_are_shared_equally_and_none_runs_faster_than_one():
    clock, ends = Clock(), {}
    cores = Cores(clock, 2)
    for name, seconds in (("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)):
        cores.start(seconds, lambda n=name: ends.update({n: clock.now}))
    clock.run()
    # Four run at half the speed until a ends, three at two thirds until b does.
    assert ends == pytest.approx({"a": 2.0, "b": 3.5, "c": 4.5, "d": 5.5})


def test_other_programs_have_their_share_of_the_cores():
    clock, ends = Clock(), []
    cores = Cores(clock, 2, others=3)
    for seconds in (1.0, 2.0):
        cores.start(seconds, lambda: ends.append(clock.now))
    clock.run()
    # Two fifths of a core each, then half a core for the one that is left.
    assert ends == pytest.approx([2.5, 4.5])


def test_what_is_stopped_leaves_its_share_to_the_others():
    clock, ends = Clock(), []
    cores = Cores(clock, 1)
    stopped = cores.start(10.0, lambda: ends.append("never"))
    cores.start(2.0, lambda: ends.append(clock.now))
    clock.after(2.0, lambda: cores.stop(stopped))
    clock.run()
    assert ends == [3.0]


def test_a_process_does_one_thing_after_another_and_loses_all_when_it_ends():
    clock, seen = Clock(), []
    process = Process(Cores(clock))

    def do(name, seconds):
        process.do(
            seconds,
            lambda: seen.append((name, clock.now)),
            lambda: seen.append((f"lost {name}", clock.now)),
        )

    for name, seconds in (("a", 1), ("b", 2), ("c", 4)):
        do(name, seconds)
    clock.after(2, process.end)
    clock.after(3, lambda: do("d", 1))
    clock.after(5, process.begin_anew)
    clock.run()
    assert seen == [("a", 1), ("lost b", 2), ("lost c", 2), ("d", 6)]


@pytest.mark.parametrize("load", [0.3, 0.9])
def test_a_queue_is_that_of_lindley(load):
    """Who waits for the one before waits what that had left, less the time between."""
    arrivals = poisson(load, 3000)
    found = simulate(Cluster(np.ones(1), parts=1), arrivals)
    waiting = [0.0]
    for between in np.diff(arrivals):
        waiting.append(max(0.0, waiting[-1] + 1 - between))
    assert found.seconds == pytest.approx(1 + np.array(waiting))


@pytest.mark.parametrize(("service", "variation"), [(np.ones(1), 0), (EXPONENTIAL, 1)])
def test_a_queue_waits_as_long_as_theory_says(service, variation):
    """Of one worker: M/D/1 and M/M/1, by Pollaczek and Khinchine."""
    load = 0.5
    found = simulate(Cluster(service, parts=1), poisson(load, 12_000))
    waiting = load * (1 + variation) / (2 * (1 - load))
    assert found.seconds.mean() == pytest.approx(1 + waiting, rel=0.06)


def test_a_shared_core_answers_as_theory_says():
    """M/G/1 with processor sharing: the mean depends on that of the service only."""
    load = 0.5
    clock, seconds = Clock(), []
    cores = Cores(clock, 1)
    rng = np.random.default_rng(2)

    def arrive(start, work):
        cores.start(work, lambda: seconds.append(clock.now - start))

    for when in poisson(load, 12_000):
        work = rng.choice([0.5, 3.0], p=[0.8, 0.2])
        clock.after(when, lambda t=when, w=work: arrive(t, w))
    clock.run()
    assert np.mean(seconds) == pytest.approx(1 / (1 - load), rel=0.06)


@pytest.mark.parametrize("parts", [2, 8])
def test_the_slowest_of_many_parts_is_waited_for(parts):
    found = one_after_another(Cluster(EXPONENTIAL, parts), N_MAXIMA // parts)
    harmonic = sum(1 / number for number in range(1, parts + 1))
    assert found.seconds.mean() == pytest.approx(harmonic, rel=0.04)
    # Of the greatest of n, the quantile p is that of one at the n-th root of p.
    for share in (0.5, 0.99):
        expected = -math.log1p(-(share ** (1 / parts)))
        assert np.quantile(found.seconds, share) == pytest.approx(expected, rel=0.05)
    assert found.n_asked == N_MAXIMA


def test_every_second_of_the_broker_and_of_the_way_counts():
    cluster = Cluster(
        np.array([1.0]),
        3,
        prepare=0.1,
        send=0.02,
        receive=0.03,
        merge=0.4,
        delay=0.2,
        beside=0.5,
    )
    found = one_after_another(cluster, 2)
    # Answers come faster than they are read: the first begins a queue.
    expected = 0.1 + 0.02 + 0.2 + 1.5 + 0.2 + 3 * 0.03 + 0.4
    assert found.seconds == pytest.approx([expected, expected])


def test_every_message_draws_how_long_it_takes():
    cluster = Cluster(np.array([1.0]), 40, delay=np.array([0.0, 1.0]))
    found = one_after_another(cluster, 50)
    # Of forty that are asked, one takes longest there and back, but for one in 1e5.
    assert found.seconds == pytest.approx(np.full(50, 3.0))
    alone = one_after_another(replace(cluster, parts=1), 4000)
    assert alone.seconds.mean() == pytest.approx(2.0, rel=0.02)


def test_workers_of_one_machine_share_its_cores():
    for workers, expected in ((1, 8.0), (2, 4.0), (4, 4.0), (8, 4.0)):
        cluster = Cluster(np.ones((1, 8)), workers, cores=2)
        assert one_after_another(cluster, 1).seconds == pytest.approx([expected])


def test_a_question_waits_for_the_one_before_where_there_is_one_at_a_time():
    cluster = Cluster(np.array([1.0]), 2, delay=0.5)
    assert simulate(cluster, [0.0, 0.0]).seconds == pytest.approx([2.0, 3.0])
    found = simulate(replace(cluster, one_at_a_time=True), [0.0, 0.0])
    assert found.seconds == pytest.approx([2.0, 4.0])


def test_a_lost_part_is_missing_from_as_many_answers_as_theory_says():
    cluster = Cluster(np.array([1.0]), 4, deadline=3.0, restart=0.0)
    outage = Outage(part=2, replica=0, start=0.0, seconds=1e9)
    found = simulate(replace(cluster, outages=[outage]), [0.5, 10.5])
    assert found.coverage.tolist() == [0.75, 0.75]
    assert found.seconds == pytest.approx([3.0, 3.0])


def test_a_replica_takes_over_what_another_loses():
    cluster = Cluster(np.array([1.0]), 4, replicas=2)
    outage = Outage(part=2, replica=0, start=0.25, seconds=1e9)
    found = simulate(replace(cluster, outages=[outage]), [0.0, 10.0, 20.0])
    assert found.coverage.tolist() == [1.0, 1.0, 1.0]
    # Amid the first question, and before the third, which begins at that replica.
    assert found.seconds == pytest.approx([1.25, 1.0, 1.0])


def test_a_worker_that_was_ended_is_asked_again_when_it_is_back():
    cluster = Cluster(np.array([1.0]), 2)
    outage = Outage(part=1, replica=0, start=0.5, seconds=0.3)
    found = simulate(replace(cluster, outages=[outage]), [0.0])
    assert found.seconds == pytest.approx([0.8 + 1.0])
    assert (found.coverage[0], found.n_asked) == (1.0, 3)
    # A worker that ends twice is not asked a third time.
    again = outage._replace(start=1.0)
    found = simulate(replace(cluster, outages=[outage, again]), [0.0])
    assert found.seconds == pytest.approx([1.0])
    assert (found.coverage[0], found.n_asked) == (0.5, 3)


def test_hedging_leaves_only_what_two_replicas_are_slow_in():
    """Slow is 1 %: of 10 parts both replicas are in 0.1 % of the questions."""
    cluster = Cluster(
        np.array([1.0]), 10, replicas=2, straggle_share=0.01, straggle_factor=20.0
    )
    plain = simulate(cluster, np.arange(6000) * 100.0)
    hedged = simulate(replace(cluster, hedge_after=1.5), np.arange(6000) * 100.0)
    assert np.mean(plain.seconds > 1) == pytest.approx(1 - 0.99**10, rel=0.05)
    assert np.mean(hedged.seconds > 3) == pytest.approx(10 * 0.01**2, rel=0.3)
    assert np.quantile(plain.seconds, 0.99) == pytest.approx(20.0)
    assert np.quantile(hedged.seconds, 0.99) == pytest.approx(2.5)
    # One part in a hundred is asked of the other as well.
    assert hedged.n_asked == pytest.approx(6000 * 10 * 1.01, rel=0.001)


def test_a_seed_decides_everything():
    cluster = Cluster(EXPONENTIAL, 5, replicas=2, straggle_share=0.1, straggle_factor=9)
    one, again, other = (
        simulate(cluster, poisson(0.5, 300), seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.seconds, again.seconds)
    assert (one.seconds != other.seconds).any()
