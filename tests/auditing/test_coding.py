"""The codes: one bit, and both bits apart, have the distances that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from rows import normal_rows

from quiver import Encoding, get_backend
from quiver.auditing.coding import planes_apart, recoding, signs_only
from quiver.backends import Backend
from quiver.encoding import fit
from quiver.reference.encode import strong_by_mean

ENCODING = Encoding.paper()


def coded(backend: Backend, dim: int, recode):
    rows = normal_rows(40, dim, seed=dim)
    rows[3] = 0
    transform = fit(rows, "cosine", ENCODING, 0)
    codes = backend.encode(rows, transform, 2, "published")
    return rows, codes, recode(codes)


def differing(planes: np.ndarray) -> np.ndarray:
    return (planes[:, None] != planes[None]).sum(axis=2)


@pytest.mark.parametrize("dim", [1, 7, 64, 223, 224, 225, 384])
def test_one_bit_codes_differ_by_the_signs_alone(backend: Backend, dim: int) -> None:
    rows, _, codes = coded(backend, dim, signs_only)
    expected = 3 * dim + 2 * differing(rows > 0)
    assert (backend.distance(codes, codes) == expected).all()


@pytest.mark.parametrize("dim", [1, 7, 112, 224, 384])
def test_planes_apart_differ_by_hamming_over_both(backend: Backend, dim: int) -> None:
    rows, _, codes = coded(backend, dim, planes_apart)
    unit = fit(rows, "cosine", ENCODING, 0)
    assert codes.dim == 2 * dim
    from quiver.reference.transform import apply_transform

    coordinates = apply_transform(rows, unit)
    planes = np.concatenate([coordinates > 0, strong_by_mean(coordinates)], axis=1)
    expected = 3 * 2 * dim + 2 * differing(planes)
    assert (backend.distance(codes, codes) == expected).all()


def test_recoded_kernels_do_all_else_as_they_did() -> None:
    kernels = get_backend("reference")
    recoded = recoding(kernels, signs_only)
    rows, codes, signs = coded(kernels, 12, signs_only)
    transform = fit(rows, "cosine", ENCODING, 0)
    found = recoded.encode(rows, transform, 2, "published")
    assert (found.rows == signs.rows).all()
    assert recoded.name == kernels.name
    assert (recoded.distance(codes, codes) == kernels.distance(codes, codes)).all()
