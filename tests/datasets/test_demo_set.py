"""The demo set: complete, the same everywhere, small, and without a person in it."""

from __future__ import annotations

import numpy as np
import pytest
from make_demo_data import choose_rows, is_personal

from quiver.datasets import DEMO_FOLDER, load_demo


def test_the_demo_set_is_complete_and_unit_length():
    demo = load_demo()
    assert demo.vectors.shape == (10_000, 384)
    assert demo.queries.shape == (200, 384)
    assert len(demo.texts) == 10_000
    assert len(demo.query_texts) == 200
    assert all(demo.texts)
    for part in (demo.vectors, demo.queries):
        assert part.dtype == np.float32
        assert not part.flags.writeable
        norms = np.linalg.norm(part.astype(np.float64), axis=1)
        np.testing.assert_allclose(norms, 1, atol=1e-7)


def test_the_demo_vectors_are_the_same_bits_on_every_computer():
    stored = np.load(DEMO_FOLDER / "queries.npy").astype(np.int64)
    norms = np.sqrt((stored**2).sum(axis=1).astype(np.float32))
    expected = stored.astype(np.float32) / norms[:, np.newaxis]
    np.testing.assert_array_equal(load_demo().queries, expected)


def test_the_demo_set_takes_a_third_of_the_float32_it_stands_for():
    size = sum(file.stat().st_size for file in DEMO_FOLDER.iterdir())
    assert size < load_demo().vectors.nbytes / 3


def test_no_demo_sentence_names_or_reaches_a_person():
    demo = load_demo()
    personal = [text for text in demo.texts + demo.query_texts if is_personal(text)]
    assert personal == []


@pytest.mark.parametrize(
    ("sentence", "personal"),
    [
        ("send email to someone@example.org", True),
        ("A generator of codes created by @somebody", True),
        ("Utilities by Jane Doe.", True),
        ("Call 030123456789", True),
        ("Type definitions for @scope/name", False),
        ("Cut a mesh given by the cell identifiers.", False),
    ],
)
def test_a_sentence_with_an_address_a_handle_or_a_name_is_personal(sentence, personal):
    assert is_personal(sentence) is personal


def test_a_personal_sentence_gives_its_place_to_the_next_spare_one():
    lines = ["a parser", "mail me@example.org", "a lexer", "by Jane Doe", "a linter"]
    assert choose_rows(lines, 3).tolist() == [0, 4, 2]


def test_the_nearest_demo_sentence_is_about_the_same_thing():
    demo = load_demo()
    similarity = demo.vectors.astype(np.float32) @ demo.queries[0].astype(np.float32)
    assert "scapy" in demo.query_texts[0].lower()
    assert "scapy" in demo.texts[int(similarity.argmax())].lower()
