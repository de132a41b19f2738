"""Conditions are true or false of every metadata, by the rules they tell."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.integrations.store import field

ROWS = [
    {},
    {"a": None},
    {"a": 0},
    {"a": False},
    {"a": 1},
    {"a": 1.0},
    {"a": True},
    {"a": 2.5},
    {"a": ""},
    {"a": "1"},
    {"a": "tea"},
    {"a": []},
    {"a": [1, "tea", None]},
    {"a": [[1]]},
    {"a": {"b": 1}},
    {"a": {"b": {"c": "x"}}},
]


def matching(condition):
    """Return the rows of which a condition is true; of the others its opposite is."""
    for row in ROWS:
        assert (~condition).matches(row) is not condition.matches(row)
    return [row for row in ROWS if condition.matches(row)]


def test_a_missing_field_is_none():
    missing = [{}, {"a": None}]
    a = field("a")
    assert matching(a == None) == missing  # noqa: E711
    assert matching(~a.exists()) == missing
    assert matching(a.is_in([None, "tea"])) == [*missing, {"a": "tea"}]
    assert {} in matching(a != 1)
    assert {} not in matching(a < 1)
    assert {} in matching(~(a < 1))


def test_equality_is_of_one_kind_and_true_is_not_1():
    a = field("a")
    assert [str(row) for row in matching(a == 1)] == ["{'a': 1}", "{'a': 1.0}"]
    assert [str(row) for row in matching(a == True)] == ["{'a': True}"]  # noqa: E712
    assert [str(row) for row in matching(a == 0)] == ["{'a': 0}"]
    assert matching(a == "1") == [{"a": "1"}]
    assert matching(a == []) == [{"a": []}]
    assert matching(a == [[1.0]]) == [{"a": [[1]]}]
    assert matching(a == [[True]]) == []
    assert matching(a == {"b": 1}) == [{"a": {"b": 1}}]


def test_only_numbers_and_strings_have_an_order():
    a = field("a")
    assert matching(a >= 1) == [{"a": 1}, {"a": 1.0}, {"a": 2.5}]
    assert matching(a > 1) == [{"a": 2.5}]
    assert [str(row) for row in matching(a < 1)] == ["{'a': 0}"]
    assert matching(a <= "1") == [{"a": ""}, {"a": "1"}]
    assert matching(a > "1") == [{"a": "tea"}]


def test_contains_looks_into_lists_by_value_and_into_text_by_part():
    a = field("a")
    assert matching(a.contains("tea")) == [{"a": "tea"}, {"a": [1, "tea", None]}]
    assert matching(a.contains("e")) == [{"a": "tea"}]
    assert matching(a.contains(1)) == [{"a": [1, "tea", None]}]
    assert matching(a.contains(True)) == []
    assert matching(a.contains(None)) == [{"a": [1, "tea", None]}]
    assert matching(a.contains([1])) == [{"a": [[1]]}]


def test_a_path_leads_into_dicts_and_ends_where_there_is_none():
    assert matching(field("a", "b") == 1) == [{"a": {"b": 1}}]
    assert matching(field("a", "b", "c") == "x") == [{"a": {"b": {"c": "x"}}}]
    assert len(matching(~field("a", "b").exists())) == len(ROWS) - 2


ATOMS = st.sampled_from(
    [field("a") == 1, field("a") >= "1", field("a").exists(), field("a", "b") != 1]
)


def combined(parts):
    pairs = st.tuples(st.sampled_from("&|~"), parts, parts)
    return pairs.map(
        lambda pair: (
            ~pair[1]
            if pair[0] == "~"
            else pair[1] & pair[2]
            if pair[0] == "&"
            else pair[1] | pair[2]
        )
    )


@given(st.recursive(ATOMS, combined), st.recursive(ATOMS, combined))
def test_combinations_are_those_of_truth(left, right):
    for row in ROWS:
        a, b = left.matches(row), right.matches(row)
        assert (left & right).matches(row) is (a and b)
        assert (left | right).matches(row) is (a or b)
        assert (~(left & right)).matches(row) is (~left | ~right).matches(row)


def test_equal_conditions_are_equal_and_travel_between_processes():
    condition = (field("a") > 1) & ~field("b").is_in([1, None])
    assert pickle.loads(pickle.dumps(condition)) == condition


def test_words_and_chains_are_refused_with_the_signs_to_use():
    a = field("a")
    for combine in (
        lambda: (a > 1) and (a < 3),
        lambda: not (a > 1),
        lambda: 1 < a < 3,
    ):
        with pytest.raises(InvalidTypeError, match=r"combined by &, \| and ~"):
            combine()
    with pytest.raises(TypeError):
        (a > 1) & True


@pytest.mark.parametrize("bound", [None, True, [1], {}])
def test_a_bound_without_an_order_is_refused(bound):
    with pytest.raises(InvalidArgumentError, match="a number or a string, got"):
        field("a") < bound  # noqa: B015


def test_values_that_metadata_cannot_hold_are_refused():
    with pytest.raises(InvalidArgumentError, match="finite"):
        field("a") == float("nan")  # noqa: B015
    with pytest.raises(InvalidTypeError, match="list of values, got 'abc'"):
        field("a").is_in("abc")
    with pytest.raises(InvalidTypeError, match="names of fields"):
        field()
    with pytest.raises(InvalidTypeError, match="names of fields"):
        field("a", 1)
