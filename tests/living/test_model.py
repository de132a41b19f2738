"""Any sequence of operations leaves what a dict of vectors would hold."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from living_model import Model, assert_sound_graph, draw_index, untidy_pool
from small_index import PLACES

import quiver
from quiver._typing import Metric
from quiver.conformance.hazards import METRICS

POOL = untidy_pool()
places = st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=25)
modes = st.sampled_from(["auto", "manual"])


class LivingMachine(RuleBasedStateMachine):
    """Operations in any order, each beside its like on a dict."""

    metric: Metric

    @initialize(n=st.integers(0, 60))
    def start(self, n: int) -> None:
        self.index = draw_index(self.metric, POOL[:n])
        self.model = Model(self.metric)
        self.model.put(list(range(n)), POOL[:n])
        self.version = 0

    @rule(places=places, mode=modes)
    def add(self, places: list[int], mode: str) -> None:
        ids = self.index.add(POOL[places], consolidate=mode).tolist()
        assert len({*ids} - self.model.vectors.keys()) == len(places)
        self.model.put(ids, POOL[places])
        self.version += 1

    @rule(data=st.data(), mode=modes)
    def remove(self, data: st.DataObject, mode: str) -> None:
        if known := sorted(self.model.vectors):
            some = st.lists(st.sampled_from(known), min_size=1, unique=True)
            ids = data.draw(some)
            self.index.remove(ids, consolidate=mode)
            self.model.drop(ids)
            self.version += 1

    @rule(data=st.data(), mode=modes)
    def update(self, data: st.DataObject, mode: str) -> None:
        if known := sorted(self.model.vectors):
            some = st.lists(st.sampled_from(known), min_size=1, max_size=9, unique=True)
            ids = data.draw(some)
            first = data.draw(st.integers(0, len(POOL) - len(ids)))
            vectors = POOL[first : first + len(ids)]
            self.index.update(ids, vectors, consolidate=mode)
            self.model.put(ids, vectors)
            self.version += 1

    @rule(refit=st.booleans())
    def consolidate(self, refit: bool) -> None:
        was_tidy = self.index.state.is_tidy
        self.index.consolidate(refit=refit)
        assert self.index.state.is_tidy
        self.version += refit or not was_tidy

    @rule(place=st.sampled_from([*PLACES.values()]))
    def save_and_open(self, place: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "living.quiver"
            self.index.save(path)
            opened = quiver.open(path, **place, verify="full")
            # Another file system may not let go of a mapped file.
            self.index = opened

    @invariant()
    def it_holds_and_answers_what_the_dict_does(self) -> None:
        if hasattr(self, "index"):
            assert self.index.version == self.version
            self.model.assert_equals(self.index)
            assert_sound_graph(self.index)
            queries = np.concatenate([POOL[[0, 3, 30, 120]], POOL[5:9] + 0.25])
            self.model.assert_answers(self.index, queries, k=7)
            self.model.assert_pages(self.index, queries[-1])
            among = self.index.ids % 3 > 0
            self.model.assert_answers(self.index, queries, k=7, among=among)


@pytest.mark.parametrize("metric", METRICS)
def test_any_sequence_of_operations_leaves_what_a_dict_would_hold(
    metric: Metric,
) -> None:
    machine = type("Machine", (LivingMachine,), {"metric": metric})
    case = machine.TestCase
    case.settings = settings(max_examples=12, stateful_step_count=14, deadline=None)
    case().runTest()
