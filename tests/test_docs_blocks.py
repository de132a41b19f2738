"""Every fenced block of the pages is run, here or elsewhere, or excused with a reason.

This is the one place where a block is excused.
"""

from __future__ import annotations

import glob
import json
import re
import shlex
import shutil
import tomllib
from fnmatch import fnmatch

import numpy as np
import pytest
from rows import normal_rows
from written_pages import ROOT, Block, blocks, name_of, pages

import quiver

N, DIM = 120, 24

COURSE = ROOT / "docs" / "course"
KINDS = {
    "python": "run by tests/test_docs_examples.py or, with tags, tests/test_course.py",
    "console": "commands behind a $, and what they print: run below",
    "text": "commands, run below, or what PRINTED excuses",
    "json": "read below",
    "toml": "read below",
}
DIRECTIVE = re.compile(r"\{[\w:-]+\}")  # Sphinx refuses what it does not know.

PRINTED = {
    "docs/algorithm/*.md": "formulas and drawings; the code beside them is run",
    "docs/course/*.md": "formulas; tests/test_course.py runs the cells",
    "docs/format.md": "where parts of a file stand",
    "docs/proofs.md": "claims as `python -P -m proofs` prints them",
    "docs/sharding.md": "Python for a Ray cluster; `make ray` runs as much",
}
"""Pages that may have blocks of text without a command in them."""

NOT_RUN = {
    "quiver audit": "builds forty graphs; tests/cli/test_audit.py",
    "quiver bench": "takes a minute; tests/cli/test_backends.py",
    "quiver demo": "builds 10 000 rows; tests/cli/test_app.py",
    "quiver doctor": "tries every backend; tests/cli/test_doctor.py",
    "quiver lab": "answers until it is told to end; tests/cli/test_lab.py",
    "quiver shards search": "starts workers; tests/cli/test_shards.py",
    "quiver shards serve": "answers until it is told to end; tests/cli/test_serve.py",
    "quiver verify": "tries a backend for a minute; tests/cli/test_backends.py",
}
"""Commands whose options are read and no more."""

OTHERS = {
    "asv": "builds commits in environments of their own",
    "cd": "goes where the next command is typed",
    "cp": "copies into a checkout of another project",
    "curl": "asks a service; tests/cli/test_serve.py asks one",
    "export": "sets what the next command needs",
    "git": "fetches what was kept elsewhere",
    "jupyter": "opens a notebook; tests/test_course.py runs them all",
    "make": "its targets are looked up below",
    "mkdir": "in a checkout of another project",
    "pip": "installs",
    "pytest": "this is it",
    "python": "its files and modules are looked up below",
}
"""Programs that are not ours, and why they are not started."""


def commands(block: Block) -> list[list[str]]:
    """Return the commands of a block as words, without variables and comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.info == "console" or (lines[:1] and lines[0].startswith("$ ")):
        lines = [line[2:] for line in joined(lines) if line.startswith("$ ")]
    elif block.info != "text" or program(lines[0].split()) not in {"quiver", *OTHERS}:
        return []
    parts = [part for line in lines for part in line.split(" && ")]
    found = (shlex.split(part, comments=True) for part in parts)
    return [without_variables(words) for words in found if words]


def joined(lines: list[str]) -> list[str]:
    """Return lines with those that a quote holds together as one."""
    found: list[str] = []
    for line in lines:
        if found and found[-1].count('"') % 2:
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return found


def without_variables(words: list[str]) -> list[str]:
    return words[1:] if re.match(r"[A-Z_]+=", words[0]) else words


def program(words: list[str]) -> str:
    """Return the name of what is started, without its folder and version."""
    return re.sub(r"^.*/|3$", "", without_variables(words)[0]) if words else ""


BLOCKS = [block for page in pages() for block in blocks(page)]
COMMANDS = [(block, words) for block in BLOCKS for words in commands(block)]
OURS = sorted({block.page for block, words in COMMANDS if program(words) == "quiver"})


def excuse(words: list[str]) -> str | None:
    """Return the entry of `NOT_RUN` that a command of ours falls under."""
    line = " ".join(words)
    return next(
        (start for start in NOT_RUN if f"{line} ".startswith(f"{start} ")), None
    )


def is_run(block: Block) -> bool:
    """Return whether a block is run, or excused above."""
    if block.info == "text" and not commands(block):
        return any(fnmatch(name_of(block.page), name) for name in PRINTED)
    is_cell = block.page.parent == COURSE and block.info.startswith("python tags=")
    return is_cell or block.info in KINDS or bool(DIRECTIVE.match(block.info))


def test_every_block_is_run_or_excused():
    assert len(BLOCKS) > 200
    assert [str(block) for block in BLOCKS if not is_run(block)] == []


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ("py", ">>> 1\n1\n"),
        ("sh", "quiver info x\n"),
        ("", "make\n"),
        ("text", "quivers info x\n"),
    ],
)
def test_a_block_that_nothing_runs_is_told(info, text):
    assert not is_run(Block(ROOT / "docs/living.md", 1, info, text))


@pytest.mark.parametrize(
    ("kind", "read"), [("json", json.loads), ("toml", tomllib.loads)]
)
def test_what_is_no_program_can_be_read(kind, read):
    found = [block for block in BLOCKS if block.info == kind]
    assert found
    for block in found:
        assert read(block.text)


def test_every_program_is_ours_or_known():
    assert {program(words) for _, words in COMMANDS} == {"quiver", *OTHERS}


def test_no_excuse_is_left_of_what_is_gone():
    assert {excuse(words) for _, words in COMMANDS} - {None} == {*NOT_RUN}
    printed = [name_of(b.page) for b in BLOCKS if b.info == "text" and not commands(b)]
    for name in PRINTED:
        assert any(fnmatch(page, name) for page in printed)


def test_every_target_of_make_exists():
    targets = {*re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)}
    named = {words[1] for _, words in COMMANDS if program(words) == "make"}
    assert len(named) > 5
    assert named <= targets


def test_every_module_and_every_file_that_python_is_given_exists():
    given = [words for _, words in COMMANDS if program(words) in ("python", "pytest")]
    modules = {words[words.index("-m") + 1] for words in given if "-m" in words}
    ours = modules - {"pip", "venv"}
    assert len(ours) > 3
    assert all((ROOT / "tools" / module / "__main__.py").is_file() for module in ours)
    files = {w for words in given for w in words if re.match(r"(tests|tools)/", w)}
    assert files
    assert all((ROOT / file).exists() for file in files)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with the files that pages name."""
    pa = pytest.importorskip("pyarrow", reason="needs the extra `io`")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra `io`")
    folder = tmp_path_factory.mktemp("named")
    rows, queries = normal_rows(N, DIM, seed=5), normal_rows(9, DIM, seed=6)
    index = quiver.Index.build(rows)
    for name in ("base", "my"):
        index.save(folder / f"{name}.quiver")
    arrays = {"base": rows, "vectors": rows, "queries": queries, "more": queries}
    for name, array in {**arrays, "changed": rows[:2]}.items():
        np.save(folder / f"{name}.npy", array)
    texts = {
        "texts": [f"row {number}" for number in range(N)],
        "ids": [str(N + number) for number in range(len(queries))],
        "gone": ["7", "8"],
        "whose": ["9", "10"],
    }
    for name, lines in texts.items():
        (folder / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "folder-of-parquet").mkdir()
    tables = {
        "docs": rows,
        "queries": queries,
        "changed": rows[:2],
        "part-0": rows,
        "folder-of-parquet/0": rows,
    }
    for name, array in tables.items():
        column = pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), DIM)
        table = pa.table({"id": range(len(array)), "vector": column})
        parquet.write_table(table, folder / f"{name}.parquet")
    return folder


def run(given: list[str]):
    """Run a command of ours in this process."""
    testing = pytest.importorskip("typer.testing", reason="needs the extra `cli`")
    pytest.importorskip("rich", reason="needs the extra `cli`")
    from quiver.cli.app import app

    return testing.CliRunner().invoke(app, given)


@pytest.mark.parametrize("page", OURS, ids=name_of)
def test_every_command_of_a_page_runs(page, files, tmp_path, monkeypatch):
    folder = shutil.copytree(files, tmp_path / "files")
    monkeypatch.chdir(folder)
    for block, words in COMMANDS:
        if block.page != page or program(words) != "quiver":
            continue
        given = [file for word in words[1:] for file in glob.glob(word) or [word]]
        if excuse(words):
            # Names of options are read before help is given, their values are not.
            given.append("--help")
        done = run(given)
        assert done.exit_code == 0, f"{block}: {' '.join(words)}\n{done.output}"


def test_a_command_that_is_no_more_is_told(files, monkeypatch):
    monkeypatch.chdir(files)
    assert run(["info", "gone.quiver"]).exit_code == 1
    assert run(["serve", "--help"]).exit_code == 2
    assert run(["bench", "--gone", "--help"]).exit_code == 2
