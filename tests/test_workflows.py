"""The workflows call the Makefile, hold no logic and no secret, and may do little."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
FORMS = sorted(
    path
    for path in (FOLDER / "ISSUE_TEMPLATE").glob("*.yml")
    if path.name != "config.yml"
)
# Beside the Makefile: programs that a runner has not.
OTHER_COMMANDS = {
    "sudo apt-get install --yes valgrind",
    "sudo apt-get install --yes clang musl-tools mingw-w64 qemu-user wine",
}
# Who may write, and what; everything else may read the repository.
WRITERS = {
    ("performance", "asv"): {"contents": "write"},
    ("performance", "site"): {
        "contents": "read",
        "pages": "write",
        "id-token": "write",
    },
    ("site", "deploy"): {"pages": "write", "id-token": "write"},
    ("release", "publish"): {"id-token": "write"},
}


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text("utf-8"))


def jobs() -> dict[tuple[str, str], dict]:
    return {
        (path.stem, name): job
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
    }


def steps() -> list[dict]:
    return [step for job in jobs().values() for step in job.get("steps", [])]


def makefile() -> str:
    return (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")


def targets() -> set[str]:
    return {*re.search(r"^\.PHONY: (.+)$", makefile(), re.M)[1].split()}


def test_there_is_a_workflow_for_each_thing_a_release_needs():
    names = {path.stem for path in WORKFLOWS}
    assert names == {"tests", "wheels", "release", "site", "performance"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_as_a_whole_may_only_read(path):
    assert read(path)["permissions"] == {"contents": "read"}


def test_only_jobs_that_must_may_write():
    granted = {
        name: job["permissions"] for name, job in jobs().items() if "permissions" in job
    }
    assert granted == WRITERS


def test_every_command_is_a_target_of_the_makefile():
    commands = {step["run"] for step in steps() if "run" in step} - OTHER_COMMANDS
    called = {
        re.fullmatch(r"make ([\w-]+|\$\{\{ matrix\.target \}\})( \w+=\S+)*", c)
        for c in commands
    }
    assert None not in called
    named = {match[1] for match in called if "matrix" not in match[1]}
    for job in jobs().values():
        matrix = job.get("strategy", {}).get("matrix", {})
        named |= {*matrix.get("target", [])}
        named |= {row["target"] for row in matrix.get("include", []) if "target" in row}
    assert {"test", "test-minimal", "sanitize", "wheels", "gate"} <= named <= targets()


def test_every_target_has_a_rule_without_which_make_would_do_nothing_and_pass():
    assert targets() <= {*re.findall(r"^([\w-]+):(?!=)", makefile(), re.M)}


def test_every_action_is_pinned_to_a_commit_and_tells_its_version():
    lines = [
        line.split("uses: ")[1]
        for path in WORKFLOWS
        for line in path.read_text("utf-8").splitlines()
        if "uses: " in line and "uses: ./" not in line
    ]
    assert lines
    pinned = {
        line: re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", line) for line in lines
    }
    assert [line for line, match in pinned.items() if match is None] == []
    # One action, one version.
    assert len({*lines}) == len({line.partition("@")[0] for line in lines})


def test_no_workflow_knows_a_secret():
    for path in WORKFLOWS:
        assert "secrets" not in path.read_text("utf-8")


def test_credentials_stay_only_where_results_are_pushed():
    kept = [
        step
        for step in steps()
        if step.get("uses", "").startswith("actions/checkout")
        and step.get("with", {}).get("persist-credentials") is not False
    ]
    assert [step["with"]["ref"] for step in kept] == ["performance"]


def test_every_job_ends():
    assert [
        name
        for name, job in jobs().items()
        if "uses" not in job and "timeout-minutes" not in job
    ] == []


def test_a_release_is_published_only_after_its_tag_and_wheels():
    release = read(FOLDER / "workflows" / "release.yml")["jobs"]
    assert release["wheels"]["needs"] == "tag"
    assert release["publish"]["needs"] == "wheels"
    assert release["publish"]["environment"]["name"] == "pypi"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_report_of_a_fault_needs_the_page_of_the_doctor(path):
    fields = {field.get("id"): field for field in read(path)["body"]}
    if path.stem != "wish":
        assert fields["doctor"]["validations"] == {"required": True}
        assert "`quiver doctor`" in fields["doctor"]["attributes"]["description"]
