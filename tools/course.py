"""The course: its notebooks read, run, and written with what they show.

A notebook is Markdown of which every fenced block of Python is a cell, as jupytext
reads it. An exercise is three cells with its number among their tags: ``exercise`` with
dots where the answer belongs, ``check``, which ends in a `Verdict`, and ``solution``,
which lets whatever follows rely on it. `run` puts any other answers on trial as well.
A cell that only draws is tagged ``picture``, and folded where its picture is shown.
"""

from __future__ import annotations

import ast
import io
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

COURSE = Path(__file__).parents[1] / "docs" / "course"
NOTEBOOKS = sorted(COURSE.glob("[0-9]*.md"))

BLOCK = re.compile(r"^```python\b([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"(\w+)=(\[.*?\]|\{.*?\})")
FOLDED = "<details><summary>How it is drawn</summary>\n\n{}\n</details>\n"
FOLD = re.compile(r"^</?details>.*\n?", re.MULTILINE)


class Cell(NamedTuple):
    """One cell: prose or code, with what the fence says about it."""

    is_code: bool
    source: str
    options: Mapping[str, Any] = {}

    @property
    def role(self) -> str:
        """``exercise``, ``check``, ``solution``, ``picture``, or nothing."""
        return self.options.get("tags", [""])[0]

    @property
    def exercise(self) -> str:
        """Number of the exercise that the cell belongs to, or nothing."""
        return "".join(self.options.get("tags", [])[1:])


class Ran(NamedTuple):
    """A cell after it ran: what it printed, its last value, the verdicts of a check.

    Verdicts are those on the dots, on the solution, and on each answer given to `run`.
    """

    cell: Cell
    printed: str = ""
    value: Any = None
    verdicts: tuple[Any, ...] = ()


def read(text: str) -> list[Cell]:
    """Return the cells of a notebook."""
    cells, end = [], 0
    for block in BLOCK.finditer(text):
        cells.append(Cell(False, text[end : block.start()]))
        options = {name: json.loads(value) for name, value in OPTION.findall(block[1])}
        cells.append(Cell(True, block[2], options))
        end = block.end()
    return [*cells, Cell(False, text[end:])]


def run(
    cells: Sequence[Cell], answers: Mapping[str, Sequence[str]] | None = None
) -> list[Ran]:
    """Run all cells in order, as a reader who leaves the exercises to their solutions.

    ``answers`` has more answers to put on trial, by the number of the exercise.
    """
    solutions = {c.exercise: c.source for c in cells if c.role == "solution"}
    names: dict[str, Any] = {"__name__": "__main__"}
    ran = []
    with first_on_path(COURSE):
        for cell in cells:
            if not cell.is_code:
                ran.append(Ran(cell))
            elif cell.role == "check":
                number = cell.exercise
                tried = [solutions[number], *(answers or {}).get(number, ())]
                others = [_verdict(source, cell, dict(names)) for source in tried]
                on_dots = _execute(cell.source, names)[1]
                ran.append(Ran(cell, verdicts=(on_dots, *others)))
            else:
                ran.append(Ran(cell, *_execute(cell.source, names)))
    return ran


def _verdict(answer: str, check: Cell, names: dict[str, Any]) -> Any:
    _execute(answer, names)
    return _execute(check.source, names)[1]


def _execute(source: str, names: dict[str, Any]) -> tuple[str, Any]:
    """Return what a cell prints, and the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    return printed.getvalue(), value


@contextmanager
def first_on_path(folder: Path) -> Iterator[None]:
    """Let modules beside a notebook be imported, as in Jupyter."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def shown(value: Any) -> str:
    """Return a value in Markdown, as Jupyter would show it."""
    if hasattr(value, "_repr_svg_"):
        # A block of HTML in Markdown ends at the first blank line.
        return f'<div class="picture">\n{value._repr_svg_()}</div>\n'
    if hasattr(value, "_repr_markdown_"):
        return value._repr_markdown_()
    return f"```text\n{value!r}\n```\n"


def as_page(ran: Sequence[Ran]) -> str:
    """Return a notebook that ran as Markdown with what its cells showed."""
    parts = []
    for cell, printed, value, _ in ran:
        if not cell.is_code:
            parts.append(cell.source)
            continue
        block = f"```python\n{cell.source}```\n"
        parts.append(FOLDED.format(block) if cell.role == "picture" else block)
        if printed:
            parts.append(f"\n```text\n{printed}```\n")
        if value is not None:
            parts.append("\n" + shown(value))
    return "".join(parts)


def as_notebook(cells: Sequence[Cell]) -> str:
    """Return a notebook, not run yet, as a file of Jupyter's."""
    written = []
    for number, cell in enumerate(cells):
        # Jupyter folds a hidden cell itself, down to its first line.
        source = cell.source if cell.is_code else FOLD.sub("", cell.source)
        common = {"id": f"cell-{number}", "metadata": dict(cell.options)}
        common["source"] = source.strip("\n")
        if cell.is_code:
            code = {"cell_type": "code", "execution_count": None, "outputs": []}
            written.append(common | code)
        elif source.strip():
            written.append(common | {"cell_type": "markdown"})
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": written, "metadata": metadata}
    notebook |= {"nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main(folder: str) -> None:
    """Write every notebook as a file of Jupyter's, with what it imports."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for module in COURSE.glob("*.py"):
        shutil.copy(module, target)
    for page in NOTEBOOKS:
        written = target / f"{page.stem}.ipynb"
        written.write_text(as_notebook(read(page.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
