"""Whatever can be built can be saved, opened, proven sound, and answers as before."""

from __future__ import annotations

import tempfile
from pathlib import Path

import format_reader
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_index import PLACES
from strategies import hazard_lists, metrics, rngs, told_of_tiny_squares

import quiver
from quiver.conformance import hazards
from quiver.errors import InvalidArgumentError

PARAMS = quiver.BuildParams(max_degree=4, ef_construction=8)
ENCODINGS = (
    quiver.Encoding(),
    quiver.Encoding.paper(),
    quiver.Encoding(center=False),
    quiver.Encoding(rotate=False),
    quiver.Encoding(bits=4),
    quiver.Encoding(bits=8, lines=3),
    quiver.Encoding(fill=False),
    quiver.Encoding(query="symmetric"),
)


@settings(max_examples=50)
@given(
    rng=rngs,
    names=hazard_lists,
    metric=metrics,
    n=st.sampled_from([1, 2, 9, 20]),
    dim=st.sampled_from([1, 2, 55, 56, 57, 112, 113, 128]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_hazardous_vectors_survive_the_file(rng, names, metric, n, dim, encoding):
    assume(metric != "inner_product" or encoding != ENCODINGS[-1])
    vectors = np.clip(hazards.make_vectors(rng, n, dim, names), -1e15, 1e15)
    options = {"metric": metric, "params": PARAMS, "encoding": encoding}
    ids = rng.choice(2**62, n, replace=False)
    with told_of_tiny_squares(names, metric):
        index = quiver.Index.build(vectors, ids=ids, **options)
    expected = index.search(vectors, k=n, ef=n)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hazard.quiver"
        index.save(path)
        format_reader.read(path.read_bytes())
        for place in PLACES.values():
            found = quiver.open(path, verify="full", **place)
            assert found.check(full=True).ok
            result = found.search(vectors, k=n, ef=n)
            np.testing.assert_array_equal(result.ids, expected.ids)
            np.testing.assert_array_equal(result.distances, expected.distances)


@pytest.mark.parametrize("dim", [1, 384, 480, 481, 1536, 4096])
@pytest.mark.parametrize("metric", ["cosine", "inner_product"])
def test_every_width_of_row_survives_the_file(tmp_path, metric, dim):
    vectors = np.random.default_rng(dim).normal(size=(5, dim))
    index = quiver.Index.build(vectors, metric=metric, params=PARAMS)
    index.save(tmp_path / "wide.quiver")
    found = quiver.open(tmp_path / "wide.quiver", cold="mmap", verify="full")
    assert found.check(full=True).ok
    np.testing.assert_array_equal(found.codes.rows, index.codes.rows)
    before, after = index.search(vectors, k=5), found.search(vectors, k=5)
    np.testing.assert_array_equal(after.ids, before.ids)
    np.testing.assert_array_equal(after.distances, before.distances)


def test_cosine_takes_what_float16_does_not(tmp_path):
    vectors = np.full((3, 4), 1e30)
    index = quiver.Index.build(vectors, params=PARAMS)
    with pytest.raises(InvalidArgumentError, match="a finite number as float16"):
        index.save(tmp_path / "x.quiver", cold_dtype="float16")
    index.save(tmp_path / "x.quiver")
    assert quiver.open(tmp_path / "x.quiver", verify="full").check(full=True).ok
