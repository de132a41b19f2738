"""``encoding="auto"``: the diagnosis decides, and the index keeps its numbers."""

from __future__ import annotations

import warnings
from pathlib import Path

import format_reader
import numpy as np
import pytest
from diagnosed import cloud, needs_kernels
from rows import skewed_rows

import quiver
from quiver.errors import CancelledError, InvalidArgumentError


@needs_kernels
def test_auto_builds_what_the_diagnosis_recommends_and_keeps_its_numbers(
    tmp_path: Path,
) -> None:
    vectors = skewed_rows(300, 24)
    index = quiver.Index.build(vectors, metric="euclidean", encoding="auto")
    plain = quiver.Index.build(vectors, metric="euclidean", encoding=index.encoding)
    assert np.array_equal(index.neighbors, plain.neighbors)
    found = quiver.diagnose(vectors, metric="euclidean")
    # Twenty-four coordinates of eight bits share their line with the corrections.
    assert index.encoding == found.encoding
    assert found.encoding.bits == 8
    assert index.notes is not None
    assert index.notes["verdict"] == found.verdict.word
    index.save(tmp_path / "auto.quiver")
    assert quiver.open(tmp_path / "auto.quiver").notes == index.notes
    content = format_reader.read((tmp_path / "auto.quiver").read_bytes())
    assert content["header"]["diagnosis"] == index.notes


def test_an_index_of_a_given_encoding_keeps_nothing(tmp_path: Path) -> None:
    index = quiver.Index.build(skewed_rows(300, 8), encoding=quiver.Encoding())
    assert index.notes is None
    index.save(tmp_path / "plain.quiver")
    assert quiver.open(tmp_path / "plain.quiver").notes is None


@needs_kernels
def test_auto_warns_where_no_search_will_do() -> None:
    thin = quiver.BuildParams(max_degree=2, ef_construction=8)
    with pytest.warns(UserWarning, match="no structure: exact distances"):
        index = quiver.Index.build(cloud(600), params=thin, encoding="auto")
    assert index.n == 600


def test_auto_fills_the_narrowest_line_where_rows_are_too_few() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        index = quiver.Index.build(skewed_rows(20, 8), encoding="auto")
    assert index.encoding == quiver.Encoding(bits=8)
    assert index.notes is not None
    assert index.notes.keys() == {"advice"}


@needs_kernels
def test_auto_can_be_cancelled_while_it_diagnoses() -> None:
    with pytest.raises(CancelledError):
        quiver.Index.build(
            skewed_rows(300, 8), encoding="auto", progress=lambda *_: False
        )


def test_an_unknown_word_for_the_encoding_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match="encoding must be one of default"):
        quiver.Index.build(skewed_rows(300, 8), encoding="best")
