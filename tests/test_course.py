"""The course: its notebooks run, and its checks tell right answers from wrong ones."""

from __future__ import annotations

import functools
import json
import re

import course
import numpy as np
import pytest
from course import (
    COURSE,
    NOTEBOOKS,
    Ran,
    as_notebook,
    as_page,
    first_on_path,
    read,
    run,
)
from wrong_answers import WRONG

from quiver.reference.prune import prune_one

# What no exercise asks for, whatever its answer is a name of.
JUNK = ("None", "[]", "'no'", "-1", "[0, 0]", "lambda *_: None", "lambda *_: 'no'")

each_notebook = pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)


def names_in(blank: str) -> str:
    """Return what the cell of an exercise defines."""
    return re.findall(r"^(?:def )?(\w+(?:, \w+)*)(?= =|\()", blank, re.MULTILINE)[-1]


def junk_for(blank: str) -> list[str]:
    """Return nonsense in the place of an answer."""
    return [f"{names_in(blank).split(',')[0]} = {value}" for value in JUNK]


@functools.cache
def after_running(page) -> list[Ran]:
    """Return a notebook that ran, its checks asked about wrong answers and nonsense.

    The last verdict of a check is what it says where its exercise did not run.
    """
    cells = read(page.read_text("utf-8"))
    blanks = {c.exercise: c.source for c in cells if c.role == "exercise"}
    answers = {
        number: [
            *(wrong for wrong, _ in WRONG[number]),
            *junk_for(blank),
            f"del {names_in(blank)}",
        ]
        for number, blank in blanks.items()
    }
    return run(cells, answers)


@pytest.fixture(scope="module")
def blackboard():
    with first_on_path(COURSE):
        import blackboard

        yield blackboard


def checks(page) -> list[Ran]:
    return [ran for ran in after_running(page) if ran.cell.role == "check"]


def test_there_are_six_notebooks_and_the_index_leads_to_each():
    index = (COURSE / "index.md").read_text("utf-8")
    assert [page.stem[0] for page in NOTEBOOKS] == list("123456")
    assert all(f"({page.name})" in index for page in NOTEBOOKS)


@each_notebook
def test_a_shipped_solution_passes_its_check(page):
    for ran in checks(page):
        _, on_solution, *_ = ran.verdicts
        assert on_solution.passed, on_solution
        assert on_solution.message.startswith("right. ")


@each_notebook
def test_an_empty_answer_is_refused_and_told_what_to_do(page):
    for ran in checks(page):
        on_dots = ran.verdicts[0]
        assert not on_dots.passed
        assert re.search("in the place of the dots", on_dots.message)


@each_notebook
def test_a_wrong_answer_is_refused_with_a_hint(page):
    for ran in checks(page):
        wrong = WRONG[ran.cell.exercise]
        assert len(wrong) >= 2
        for (answer, hint), verdict in zip(wrong, ran.verdicts[2:], strict=False):
            assert not verdict.passed, answer
            assert hint in verdict.message
            assert "cannot be used" not in verdict.message


@each_notebook
def test_nonsense_is_refused(page):
    for ran in checks(page):
        nonsense = ran.verdicts[2 + len(WRONG[ran.cell.exercise]) : -1]
        assert len(nonsense) == len(JUNK)
        assert [verdict for verdict in nonsense if verdict.passed] == []


@each_notebook
def test_a_check_that_runs_before_its_exercise_says_so(page):
    for ran in checks(page):
        assert not ran.verdicts[-1].passed
        assert "run the cell of the exercise first" in ran.verdicts[-1].message


@pytest.mark.parametrize(
    "answer", [(107, 225), bytes([107, 225]), np.array([107, 225]), [107.0, 225]]
)
def test_whatever_lists_the_right_numbers_in_order_is_right(blackboard, answer):
    blackboard.expect_list(answer, [107, 225], lambda _: "")


@each_notebook
def test_every_exercise_is_a_blank_a_check_and_a_solution_in_this_order(page):
    cells = [c for c in read(page.read_text("utf-8")) if c.exercise]
    roles = [(c.role, c.exercise) for c in cells]
    numbers = [number for role, number in roles if role == "exercise"]
    wanted = [(r, n) for n in numbers for r in ("exercise", "check", "solution")]
    assert len(numbers) >= 4
    assert roles == wanted


def test_there_are_wrong_answers_for_every_exercise_and_no_other():
    cells = [c for page in NOTEBOOKS for c in read(page.read_text("utf-8"))]
    assert {c.exercise for c in cells if c.exercise} == set(WRONG)


@each_notebook
def test_a_notebook_draws_pictures_and_quotes_the_files_it_links_to(page, blackboard):
    ran = after_running(page)
    pictures = [one.value for one in ran if hasattr(one.value, "_repr_svg_")]
    quoted = [one.value for one in ran if isinstance(one.value, blackboard.Excerpt)]
    assert len(pictures) >= 4
    assert len({picture._repr_svg_() for picture in pictures}) == len(pictures)
    assert quoted
    text = page.read_text("utf-8")
    for excerpt in quoted:
        assert excerpt.file.startswith("quiver/reference/")
        assert f"](../../{excerpt.file})" in text


def test_clouds_in_one_picture_differ_by_more_than_color(blackboard):
    one = ("", [0.5], [0.5])
    nothing = ("", [], [])
    clouds = ([one], [nothing, one], [nothing, nothing, one])
    drawn = {blackboard.scatter("", 0, 1, *some)._repr_svg_() for some in clouds}
    look = f'{blackboard.BLUE}|{blackboard.GREEN}|{blackboard.RED}|r="[^"]*"'
    assert len({re.sub(look, "", picture) for picture in drawn}) == 3


def test_an_excerpt_is_the_source_and_its_line(blackboard):
    quote = blackboard.excerpt(prune_one, "covers = ", "covers &= ")
    source = (COURSE.parents[1] / quote.file).read_text("utf-8").splitlines()
    assert source[quote.line - 1].strip() == quote.source.splitlines()[0]
    assert len(quote.source.splitlines()) == 3


def test_an_excerpt_of_lines_that_are_gone_is_refused(blackboard):
    with pytest.raises(LookupError, match=r"prune_one in quiver/reference/prune\.py"):
        blackboard.excerpt(prune_one, "covers = ", "return nothing of the kind")


def test_a_check_that_breaks_says_so_and_does_not_pass(blackboard):
    def check(answer):
        return answer + 1

    verdict = blackboard.judge("0.0", lambda: "one", check, "")
    assert not verdict.passed
    assert "TypeError" in verdict.message


def test_a_page_has_the_results_and_no_blank_line_inside_a_picture():
    text = as_page(run(read(NOTEBOOKS[0].read_text("utf-8"))))
    pictures = re.findall(r'<div class="picture">\n(.*?)</div>', text, re.DOTALL)
    assert len(pictures) >= 5
    assert all("\n\n" not in picture for picture in pictures)
    assert "by hand:   [3 1 2 0 2 2 1 3]" in text
    assert "tags=" not in text
    assert text.count("How it is drawn") == 4


def test_a_file_of_jupyters_has_every_cell_and_no_fold_of_html():
    cells = read(NOTEBOOKS[0].read_text("utf-8"))
    notebook = json.loads(as_notebook(cells))
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    own = [c for c in cells if c.is_code]
    assert [c["source"] for c in code] == [c.source.strip("\n") for c in own]
    assert [c["metadata"] for c in code] == [c.options for c in own]
    assert "details>" not in "".join(c["source"] for c in notebook["cells"])
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)


@each_notebook
def test_a_folded_cell_begins_with_its_name_since_jupyter_shows_its_first_line(page):
    names = {"check": "# The check.", "solution": "# A solution."}
    names["picture"] = "# A picture."
    for cell in read(page.read_text("utf-8")):
        is_hidden = cell.options.get("jupyter") == {"source_hidden": True}
        assert is_hidden == (cell.role in names)
        if is_hidden:
            assert cell.source.splitlines()[0] == names[cell.role]


def test_every_notebook_is_written_into_a_folder_with_what_it_imports(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(course, "NOTEBOOKS", NOTEBOOKS[:1])
    course.main(str(tmp_path / "course"))
    assert {path.name for path in (tmp_path / "course").iterdir()} == {
        "1-codes.ipynb",
        "blackboard.py",
        "drawing.py",
    }
