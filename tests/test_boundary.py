"""The boundary page: its judgements by hand, its data, and that it is up to date."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from boundary import findings, is_right, page, tables
from boundary.data import QUERIES, Sources, generated
from boundary.figures import Figures
from boundary.measure import about, built, recalls, verdict
from boundary.verdicts import is_verdict_right

import quiver
from quiver.datasets.generators import find_regime, generate_blocks
from quiver.diagnosis.verdict import WORDS

DOCS = Path(__file__).parents[1] / "docs"
GOOD = [0.9, 0.96, 0.98, 0.99]
FITS, FITS_OTHERWISE, LARGER, LOST, NOTHING = WORDS


def record_with(word: str = "fits", **changed: list[float]) -> dict:
    def build(name: str) -> dict:
        recall = changed.get(name, GOOD)
        return {"encoding": name, "bits": 2, "recall": recall, "whole": recall}

    return {
        "n": 400,
        "dim": 8,
        "threads": 1,
        "published": None,
        "default": {**build("default"), "hot_bytes": 80_000},
        "two_bits": build("two_bits"),
        "paper": build("paper"),
        "named": build("default"),
        "graph": changed.get("graph", GOOD),
        "word": word,
        "expected": 0.96,
    }


@pytest.mark.parametrize(
    ("word", "at_64", "at_256", "graph", "right"),
    [
        (FITS, 0.95, 0.99, 0.95, True),
        (FITS_OTHERWISE, 0.89, 0.99, 0.95, False),
        (LARGER, 0.85, 0.95, 0.95, True),
        (LARGER, 0.95, 0.99, 0.95, False),
        (LOST, 0.5, 0.7, 0.95, True),
        (LOST, 0.5, 0.93, 0.95, False),
        (NOTHING, 0.5, 0.7, 0.6, True),
        (NOTHING, 0.5, 0.7, 0.95, False),
        (LOST, 0.5, 0.7, 0.6, False),
    ],
)
def test_a_verdict_is_judged_by_what_was_measured(
    word: str, at_64: float, at_256: float, graph: float, right: bool
) -> None:
    measured = {32: 0.4, 64: at_64, 128: at_256, 256: at_256}
    assert is_right(word, measured, measured, {256: graph}) is right
    listed = record_with(
        word, default=list(measured.values()), graph=[graph] * len(measured)
    )
    assert is_verdict_right(listed) is right


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_right_somewhere_and_wrong_elsewhere(word: str) -> None:
    shares = (0.5, 0.7, 0.95)
    outcomes = {
        is_right(word, {64: low}, {256: high}, {256: graph})
        for low in shares
        for high in shares
        for graph in shares
    }
    assert outcomes == {True, False}


def test_a_word_that_no_diagnosis_says_is_refused() -> None:
    with pytest.raises(ValueError, match="perhaps"):
        is_right("perhaps", {}, {}, {})


def test_the_findings_name_what_falls_short() -> None:
    short = [0.8, 0.94, 0.97, 0.99]
    found = findings.of_table({"made up": record_with(default=short, paper=short)})
    assert "stays below on: made up (94.0)" in found
    assert "paper's code at some ef on: none" in found
    found = findings.of_table({"made up": record_with(default=short)})
    assert "paper's code at some ef on: made up" in found
    found = findings.of_table({"made up": record_with(default=short, graph=short)})
    assert "reaches 0.95 at ef=64 on 0 of 1" in found
    found = findings.of_table({"made up": record_with(graph=[])})
    assert "reaches 0.95 at ef=64 on 0 of 1" in found


def test_the_findings_at_scale_count_only_what_was_compared() -> None:
    short = [0.8, 0.94, 0.97, 0.99]
    records = {
        "one": {"build": {"recall": short}, "graph": GOOD},
        "two": {"build": {"recall": short}, "graph": short},
        "three": {"build": {"recall": short}, "graph": []},
    }
    found = findings.of_scale(records)
    assert found.startswith("- Of the 2 with a float32 graph beside them")
    assert found.endswith("ef=64 on 1, and quiver stays below there on: one (94.0).")


def test_a_speed_must_reach_every_recall_to_count_as_faster() -> None:
    def record(default: list, widest: list, peer: list) -> dict:
        speeds = {"default": default, "widest": widest, "hnswlib": peer}
        return {"speeds": speeds}

    records = {
        "one": record([300, 200], [300, None], [200, 100]),
        "two": record([299, 200], [150, 10], [200, None]),
        "three": record([300, 10], [400, 300], [200, None]),
    }
    found = findings.of_speed(records)
    assert "by default on one, three; with 8 bits on three." in found


def test_few_dimensions_that_fall_short_are_named() -> None:
    records = {
        name: {"default": {"recall": [own]}, "graph": [0.9]}
        for name, own in (("cube", 0.94), ("blobs", 0.95))
    }
    found = findings.of_dimensions(records)
    assert found.endswith("by default: cube (94.0, float32 graph 90.0).")
    found = findings.of_dimensions(
        {"cube": {"default": {"recall": [0.9]}, "graph": []}}
    )
    assert found.endswith("by default: cube (90.0).")


def test_the_table_shows_two_bits_only_where_the_default_is_wider() -> None:
    wider = record_with(two_bits=[0.1, 0.2, 0.3, 0.4])
    assert "| 10.0 / 20.0 / 30.0 / 40.0 |" in tables.table({"made up": wider})
    same = {**wider, "two_bits": {**wider["two_bits"], "encoding": "default"}}
    assert "10.0" not in tables.table({"made up": same})


def test_speeds_stand_beside_what_hnswlib_does() -> None:
    speeds = {"default": [300, None], "widest": [100, 60], "hnswlib": [200, None]}
    record = {"n": 5, "dim": 2, "bits": 4, "speeds": speeds}
    lines = tables.speeds({"made up": record}).splitlines()[2:]
    assert lines == [
        "| made up | 5 x 2 | 0.95 | 300, 1.50 x (4) | 100, 0.50 x | 200 |",
        "| made up | 5 x 2 | 0.99 | not reached (4) | 60 | not reached |",
    ]


def test_a_beta_or_a_dimension_that_was_not_measured_leaves_its_place_empty() -> None:
    build = {"bits": 8, "recall": [0.9, 0.95], "distances": [70, 80]}
    size = {"n": 5, "dim": 2}
    by_beta = {
        "one, 5": {**size, "by_beta": {"0.5": build}},
        "two, 5": {**size, "by_beta": {"0.7": build}},
    }
    assert tables.by_beta(by_beta).splitlines()[2:] == [
        "| one | 5 x 2 | 95.0 (80) |  |",
        "| two | 5 x 2 |  | 95.0 (80) |",
    ]
    shares = {"default": {**build, "recall": [0.9]}, "graph": [0.8]}
    measured = {
        "one": {**size, "kind": "cube", **shares},
        "two": {**size, "dim": 3, "kind": "blobs", **shares},
    }
    assert tables.few_dimensions(measured).splitlines()[2:] == [
        "| cube | 5 | 90.0 / 80.0 (8) |  |",
        "| blobs | 5 |  | 90.0 / 80.0 (8) |",
    ]


def test_rows_of_a_kind_are_streamed_into_a_file_and_queries_held_out(tmp_path) -> None:
    regime = find_regime("few-dimensions")
    task = generated(regime, 1500, tmp_path)
    rows = np.concatenate(list(generate_blocks(regime, 1500 + QUERIES)))
    assert np.array_equal(task.base, rows[:1500])
    assert np.array_equal(task.queries, rows[1500:])
    assert isinstance(task.base, np.memmap)
    assert not task.base.flags.writeable
    _, true = quiver.exact_knn(rows[:1500], rows[1500:], 10, metric="euclidean")
    assert np.array_equal(task.true, true)


def test_files_in_folders_are_found_and_the_chosen_ones_taken(tmp_path) -> None:
    for name, dtype in (("pixels", np.uint8), ("words", np.float32)):
        folder = tmp_path / name
        folder.mkdir()
        rows = np.random.default_rng(0).integers(0, 200, (40, 4)).astype(dtype)
        np.save(folder / "base.npy", rows[:30])
        np.save(folder / "queries.npy", rows[30:])
    only = ["pixels (real)", "words (real)"]
    tasks = list(Sources(100, only=only, data=[str(tmp_path)]).tasks())
    assert [task.name for task in tasks] == only
    assert [task.metric for task in tasks] == ["euclidean", "cosine"]
    assert [task.base.dtype for task in tasks] == [np.uint8, np.float32]
    with pytest.raises(ValueError, match=r"got pixel$"):
        list(Sources(100, only=["pixel"]).tasks())


def test_figures_are_kept_and_replaced_by_name(tmp_path) -> None:
    path = tmp_path / "new" / "boundary.json"
    figures = Figures(path)
    figures.put("table", "one", {"n": 1})
    figures.put("beta", "two", {"n": 2})
    figures.put("table", "one", {"n": 3})
    kept = Figures(path).sections
    assert kept == figures.sections
    assert kept["table"] == {"one": {"n": 3}}
    assert kept["speed"] == {}


def test_the_graph_beside_stays_where_it_cannot_be_measured_again(tmp_path) -> None:
    figures = Figures(tmp_path / "boundary.json")
    figures.put("table", "one", {"bits": 2, "graph": [0.9]})
    figures.put("table", "one", {"bits": 4, "graph": []})
    assert figures.sections["table"]["one"] == {"bits": 4, "graph": [0.9]}
    figures.put("table", "one", {"bits": 4, "graph": [0.8]})
    assert figures.sections["table"]["one"] == {"bits": 4, "graph": [0.8]}


def test_the_page_and_its_picture_are_those_of_the_figures_kept() -> None:
    sections = json.loads((DOCS / "boundary.json").read_text("utf-8"))
    assert (DOCS / "boundary.md").read_text("utf-8") == page.markdown(sections)
    assert (DOCS / "boundary.svg").read_text("utf-8") == page.drawing(sections["table"])


def test_a_page_of_nothing_says_so() -> None:
    empty = Figures(Path("nowhere")).sections
    assert page.markdown(empty).count(page.NOT_MEASURED) == len(empty)


@pytest.mark.slow
def test_one_kind_is_measured_end_to_end(tmp_path) -> None:
    task = generated(find_regime("sift-like"), 1500, tmp_path)
    measured = {**about(task, 1), **recalls(task, 1), "graph": []}
    record = {**measured, **verdict(task, 1, measured)}
    assert record["two_bits"]["whole"][1] > record["paper"]["whole"][1] + 0.2
    assert record["default"]["recall"][1] > 0.93
    assert "| sift-like | 1500 x 128 | 2 |" in tables.table({task.name: record})
    assert page.drawing({task.name: record}).startswith("<svg")
    at_scale = {**about(task, 1), "build": built(task, 1), "graph": []}
    assert "| sift-like | 1500 x 128 | 2 | 1 |" in tables.scale({"sift-like": at_scale})
