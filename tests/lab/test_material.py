"""Material: what typed words find, and which vectors can be asked."""

from __future__ import annotations

import numpy as np
import pytest
from small_lab import QUERIES, ROWS, N, small_lab

import quiver
from quiver.errors import InvalidArgumentError
from quiver.lab.material import MOST_MATCHES, OFFERED, Material


@pytest.fixture(scope="module")
def material():
    return small_lab()


def test_texts_with_most_of_the_words_come_first_queries_before_rows(material):
    found = material.find("question QUESTION about")
    assert [(one.of, one.id) for one in found] == [("query", "0"), ("query", "1")]
    assert found[1].text == "Another QUESTION"


def test_a_number_finds_the_row_of_that_id_before_texts(material):
    first, *rest = material.find("7")
    assert (first.of, first.id, first.text) == ("row", "7", material.texts[7])
    assert all("7" in one.text for one in rest)
    assert material.find(str(N)) == []


@pytest.mark.parametrize(
    "words", ["", "  \n", "nowhere", "9" * 400, "-", "--7", "²", "٣" * 30, "\0"]
)
def test_words_that_nothing_has_find_nothing(material, words):
    assert material.find(words) == []


def test_words_that_every_text_has_find_a_few(material):
    assert len(material.find("row")) == MOST_MATCHES


def test_vectors_are_those_of_queries_and_of_ids():
    ids = np.arange(N) * 3 - 50
    material = small_lab(ids=ids)
    np.testing.assert_array_equal(material.vector("query", 2), QUERIES[2])
    np.testing.assert_array_equal(material.vector("row", -47), ROWS[1])
    for of, id_ in (("query", -1), ("query", 5), ("row", 0), ("row", 2**70)):
        with pytest.raises(InvalidArgumentError):
            material.vector(of, id_)


def test_without_queries_rows_are_offered_and_queries_refused(material):
    alone = Material(material.sides)
    offered = alone.offered()
    assert len(offered) == OFFERED
    assert {one.of for one in offered} == {"row"}
    assert all(int(one.id) in alone.index for one in offered)
    assert [one.of for one in material.offered()] == ["query"] * len(QUERIES)
    with pytest.raises(InvalidArgumentError, match="of must be 'row'"):
        alone.vector("query", 0)


def test_an_index_of_no_vectors_is_refused():
    empty = quiver.Index.create(dim=4, backend="reference")
    with pytest.raises(InvalidArgumentError, match="must have vectors"):
        Material({"index": empty})
