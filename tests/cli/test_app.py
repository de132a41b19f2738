"""The command line: what it writes and prints is what the API makes."""

from __future__ import annotations

import json

import pytest
from command_line import fill, run
from typer.main import get_command

import quiver
from quiver.cli.app import app
from quiver.errors import InvalidArgumentError
from quiver.validation.checks import check_metric


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("cli"))


def command_names():
    return [command.callback.__name__ for command in app.registered_commands]


@pytest.mark.parametrize("name", [name for name in command_names() if name != "demo"])
def test_every_command_with_a_result_has_the_same_json_flag(name):
    command = get_command(app).commands[name]
    (option,) = [param for param in command.params if "--json" in param.opts]
    assert option.is_flag
    assert option.help == "Print one JSON document."


@pytest.mark.parametrize(
    "command",
    [
        ("build", "base.npy", "-o", "again.quiver"),
        ("search", "base.quiver", "queries.npy", "--npz", "found.npz"),
        ("info", "base.quiver"),
        ("check", "base.quiver"),
        ("add", "base.quiver", "base.npy", "--max-rows", 3, "-o", "more.quiver"),
        ("consolidate", "base.quiver", "-o", "tidy.quiver"),
        ("evaluate", "base.quiver", "queries.npy", "--ef", 16, "--svg", "recall.svg"),
        ("explain", "base.quiver", "queries.npy", "--html", "walk.html"),
        ("bench", "base.npy", "--rows", 60, "--repeats", 1, "--backends", "reference"),
        ("backends",),
        ("verify", "--rounds", 2),
    ],
)
def test_json_is_one_document_and_nothing_else_on_stdout(folder, monkeypatch, command):
    monkeypatch.chdir(folder)
    ended = run(*command, "--json")
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout)


def test_bench_still_writes_the_file_that_json_used_to_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    options = ("--rows", 60, "--repeats", 1, "--backends", "reference")
    ended = run("bench", "base.npy", *options, "--json", "old.json")
    assert ended.exit_code == 0, ended.output
    assert json.loads((folder / "old.json").read_text())["source"] == "base.npy"
    assert "--json FILE will go" in ended.stderr
    assert "Decision: reference" in ended.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("build", "base.npy", "--out", "x.quiver"),
        ("diagnose", "base.npy"),
        ("bench", "base.npy"),
    ],
)
def test_the_library_and_not_the_command_line_knows_the_metrics(command):
    refused = run(*command, "--metric", "cosin")
    with pytest.raises(InvalidArgumentError) as expected:
        check_metric("cosin")
    assert refused.exit_code == 1
    assert refused.stderr == f"error: {expected.value}\n"


def test_version_and_help_are_answered():
    assert run("--version").stdout == f"quiver {quiver.__version__}\n"
    listed = run("--help").stdout
    assert "quiver build base.npy -o base.quiver" in listed
    assert "Exit codes:" in listed


def test_every_command_is_one_line_of_the_help():
    lines = run("--help").stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if "Commands" in line)
    shown = lines[start + 1 : start + 1 + len(command_names())]
    assert sorted(line.split()[1] for line in shown) == sorted(command_names())
    assert all(line.rstrip("│ ").endswith(".") for line in shown)
