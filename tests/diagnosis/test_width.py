"""Width: as many bits as the data need, said in the notes, and no choice overruled."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from diagnosed import cloud, needs_kernels
from rows import normal_rows

import quiver
from quiver.datasets import load_demo
from quiver.diagnosis.probe import FEWEST_ROWS

SMALL = quiver.BuildParams(max_degree=8, ef_construction=16)


def clusters(n: int, dim: int, spread: float) -> np.ndarray:
    """Return rows around ten centers, so near that neighbours differ by little."""
    generator = np.random.default_rng(3)
    centers = generator.normal(size=(10, dim))[np.arange(n) % 10]
    return (centers + spread * generator.normal(size=(n, dim))).astype(np.float32)


def test_two_dimensions_get_the_eight_bits_that_a_line_holds() -> None:
    vectors = np.random.default_rng(0).uniform(size=(500, 2))
    index = quiver.Index.build(vectors, metric="euclidean", params=SMALL)
    assert index.encoding == quiver.Encoding(bits=8)
    assert index.notes == {
        "bits": "8, for 56 coordinates a row",
        "code_fidelity": "1.000 of the true 10 in the best 64 by code",
        "rows_looked_at": "500",
        "advice": "scipy.spatial.cKDTree over the rows is exact and faster",
    }


@needs_kernels
@pytest.mark.parametrize(
    "vectors",
    [load_demo().vectors[:1500], normal_rows(1500, 384)],
    ids=["demo", "normal"],
)
def test_rows_that_two_bits_rank_get_two(vectors: np.ndarray) -> None:
    index = quiver.Index.build(vectors, params=SMALL)
    assert index.encoding == quiver.Encoding(bits=2)
    assert index.notes is not None
    assert index.notes["bits"] == "2, for 480 coordinates a row"
    assert index.notes["rows_looked_at"] == "1500"
    assert float(index.notes["code_fidelity"].split()[0]) >= 0.97


@needs_kernels
def test_rows_too_near_for_two_bits_get_more() -> None:
    vectors = clusters(1500, 384, 0.02)
    index = quiver.Index.build(vectors, metric="euclidean", params=SMALL)
    assert index.encoding.bits > 2
    assert index.notes is not None
    assert index.notes["bits"].startswith(f"{index.encoding.bits}, for ")


@needs_kernels
def test_where_no_code_will_do_the_caller_is_warned() -> None:
    vectors = clusters(1500, 384, 1e-5)
    with pytest.warns(
        UserWarning, match="8 bits keep .* closer to each other"
    ) as caught:
        index = quiver.Index.build(vectors, metric="euclidean", params=SMALL)
    assert caught[0].filename == __file__
    assert index.encoding == quiver.Encoding(bits=8)


@pytest.mark.parametrize(
    "encoding", [quiver.Encoding(), quiver.Encoding(bits=4), quiver.Encoding(bits=8)]
)
def test_an_encoding_that_is_given_is_kept(encoding: quiver.Encoding) -> None:
    vectors = np.random.default_rng(0).uniform(size=(300, 2))
    index = quiver.Index.build(vectors, encoding=encoding, params=SMALL)
    assert index.encoding == encoding
    assert index.notes is None


def test_an_encoding_given_by_name_is_kept() -> None:
    index = quiver.Index.build(normal_rows(300, 2), encoding="default", params=SMALL)
    assert index.encoding == quiver.Encoding()
    assert index.notes is None


@needs_kernels
@pytest.mark.parametrize("encoding", ["default", quiver.Encoding(bits=4)])
def test_an_encoding_that_fails_is_obeyed_and_warned_about(
    encoding: str | quiver.Encoding,
) -> None:
    vectors = clusters(1500, 64, 0.02)
    with pytest.warns(
        UserWarning, match="8 bits keep 100.0 % .* give bits=8"
    ) as caught:
        index = quiver.Index.build(
            vectors, metric="euclidean", encoding=encoding, params=SMALL
        )
    assert [one.filename for one in caught] == [__file__]
    assert index.encoding.bits < 8
    assert index.notes is not None
    share = float(index.notes["code_fidelity"].split()[0])
    assert f"{index.encoding.bits} bits keep {100 * share:.1f} %" in str(caught[0])


def test_an_audit_of_published_codes_gets_a_note_and_no_warning() -> None:
    vectors = np.random.default_rng(0).uniform(size=(300, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        index = quiver.Index.build(vectors, encoding="paper", params=SMALL)
    assert index.notes == {
        "bits": "2, for 2 coordinates a row",
        "code_fidelity": "0.433 of the true 10 in the best 64 by code",
        "rows_looked_at": "300",
    }


def test_few_rows_are_not_looked_at() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        few = quiver.Index.build(cloud(FEWEST_ROWS - 1), params=SMALL)
        copies = quiver.Index.build(np.tile(cloud(5), (100, 1)), params=SMALL)
    # Copies are no rows to look at.
    for index in (few, copies):
        assert index.notes is not None
        assert index.notes.keys() == {"advice"}
        assert "quiver.exact_knn" in index.notes["advice"]


def test_the_width_does_not_depend_on_backend_and_threads() -> None:
    vectors = clusters(300, 100, 0.1)
    built = [
        quiver.Index.build(vectors, params=SMALL, backend=backend, threads=threads)
        for backend in ("reference", "auto")
        for threads in (1, 3)
    ]
    assert len({index.encoding for index in built}) == 1
    assert all(index.notes == built[0].notes for index in built)
