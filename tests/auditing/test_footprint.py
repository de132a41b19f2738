"""The bytes: one formula gives every printed figure, and a wrong one is found out."""

from __future__ import annotations

from quiver.auditing import footprint


def test_every_printed_hot_memory_follows_from_the_formula() -> None:
    assert footprint.agreeing(footprint.printed_hot()) == (13, 13)


def test_the_printed_codes_are_two_bits_a_coordinate() -> None:
    assert footprint.agreeing(footprint.printed_codes()) == (3, 3)


def test_another_figure_would_not_agree() -> None:
    planted = [(printed + 1, computed) for printed, computed in footprint.printed_hot()]
    assert footprint.agreeing(iter(planted)) == (0, 13)


def test_the_printed_adjacency_is_a_difference_of_two_units() -> None:
    for printed, lists, mixed in footprint.printed_adjacency():
        assert printed == mixed
        assert printed != int(lists)


def test_bytes_of_a_vector() -> None:
    assert footprint.code_bytes(384) == 96
    assert footprint.list_bytes(32) == 516
    assert footprint.least_list_bytes(32) == 260
    assert footprint.hot_bytes(768) == 708
