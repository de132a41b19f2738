"""The floor plan of docs/architecture.md: kept by the code, and true to it."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import floor_plan
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
TO_COME = {
    *("backends/_simd/simd_sve.h", "readers/lance.py"),
}


def section(title):
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


@pytest.fixture(scope="module")
def rooms():
    return floor_plan.read_rooms()


@pytest.fixture(scope="module")
def allowed():
    """Return the rooms that each room may import, by the page."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section("Who may import whom"), re.M)
    return {room: {*re.findall(r"`(\w+)`", cell)} for room, cell in rows}


def test_the_table_has_every_room_and_no_other(rooms, allowed):
    assert allowed.keys() == rooms.keys()


def test_every_room_imports_only_what_the_table_allows(rooms, allowed):
    assert {
        room: t - allowed[room] for room, t in rooms.items() if t - allowed[room]
    } == {}


def test_what_the_table_allows_makes_no_circle(allowed):
    assert {*floor_plan.in_order(allowed)} == allowed.keys()


def test_a_circle_is_named():
    with pytest.raises(ValueError, match=r"circle among \['a', 'b'\]"):
        floor_plan.in_order({"a": {"b"}, "b": {"a"}, "c": set()})


def test_the_ground_stands_on_itself(allowed):
    for room in floor_plan.GROUND:
        assert allowed[room] <= {*floor_plan.GROUND}


def test_the_reference_is_closed(allowed):
    assert allowed["reference"] == {"_typing"}


def test_the_index_computes_nothing_itself():
    tree = ast.parse((floor_plan.PACKAGE / "index.py").read_text("utf-8"))
    names = [n for node in ast.walk(tree) for n in floor_plan.imported(node)]
    assert "quiver.build" in names
    assert "numpy" not in names


def test_the_picture_is_what_the_code_draws(rooms):
    """After a change: python tools/floor_plan.py docs/architecture.svg."""
    committed = (ROOT / "docs" / "architecture.svg").read_text("utf-8")
    assert committed == floor_plan.draw(rooms)


def test_every_name_of_the_page_exists():
    names = {*re.findall(r"`(quiver(?:\.\w+)+)`", PAGE)}
    assert len(names) > 20
    for name in sorted(names):
        module, _, attribute = name.rpartition(".")
        if module == "quiver.index.Index":
            module, attribute = "quiver.index", "Index"
        found = importlib.import_module(module)
        assert hasattr(found, attribute) or importlib.import_module(name), name


def test_every_file_of_the_page_exists_unless_it_is_to_come():
    named = {*re.findall(r"`quiver/([\w./]+)`", PAGE)}
    # "name" stands for one that its author chooses.
    real = {path for path in named - TO_COME if "name" not in path}
    assert {path for path in real if not (floor_plan.PACKAGE / path).exists()} == set()


def test_every_room_is_told_what_it_is_for(rooms):
    told = {*re.findall(r"`(\w+)`", section("What each room is for"))}
    assert rooms.keys() - told == {"__init__"}
