"""Structure: local dimension and ties of data of known kind."""

from __future__ import annotations

import numpy as np
from diagnosed import needs_kernels, sample_of
from rows import skewed_rows

import quiver
from quiver.diagnosis.structure import measure_structure


def test_the_local_dimension_is_that_of_the_surface_the_points_lie_on() -> None:
    generator = np.random.default_rng(4)
    flat = generator.uniform(size=(20_000, 5)) @ generator.normal(size=(5, 40))
    found = measure_structure(sample_of(flat, size=10_000), 10).local_dimension
    assert 4.3 < found < 5.5


def test_ties_are_seen() -> None:
    vectors = np.repeat(skewed_rows(40, 6), 30, axis=0)
    structure = measure_structure(sample_of(vectors), 10)
    assert structure.ties > 0.5
    assert structure.chance < 0.1


@needs_kernels
def test_rows_in_equal_groups_are_not_called_equal() -> None:
    found = quiver.diagnose(
        np.repeat(skewed_rows(2, 6), 200, axis=0), metric="euclidean"
    )
    assert found.structure.local_dimension == np.inf
    assert found.verdict.word.startswith("fits")
