"""The commands ``backends`` and ``verify``: every backend, and whether it is right."""

from __future__ import annotations

import json
import os
import re
import sys

import numpy as np
from command_line import run, run_process
from quick import QUICK_BACKEND

import quiver
from quiver.backends import get_backend, registry
from quiver.storage.canonical import canonical


def test_verify_prints_the_proof():
    proven = run("verify", "--rounds", 2)
    assert proven.exit_code == 0
    assert proven.stdout == f"{quiver.verify(QUICK_BACKEND, rounds=2)}\n"


def test_verify_of_a_wrong_backend_is_exit_code_1(monkeypatch):
    right = get_backend("reference")

    class Wrong:
        name, target = "wrong", "test"
        encode, quantize, prune = right.encode, right.quantize, right.prune
        merge = right.merge
        search, rerank = right.search, right.rerank
        search_radius, scan = right.search_radius, right.scan
        answer = right.answer

        def distance(self, codes, queries, candidates=None):
            return right.distance(codes, queries, candidates) + np.float32(1)

    monkeypatch.setitem(registry._loaders, "wrong", Wrong)
    refused = run("verify", "--rounds", 2, "--backend", "wrong")
    assert refused.exit_code == 1
    assert "NOT EQUAL" in refused.stdout
    assert "first mismatch of distance" in refused.stdout


def test_backends_lists_every_one_and_marks_the_default():
    listed = run("backends")
    for info in quiver.list_backends():
        assert re.search(
            rf"{info.name} +{'yes' if info.available else 'no'}", listed.stdout
        )
    infos = json.loads(run("backends", "--json").stdout)
    assert [info["name"] for info in infos if info["auto"]] == [
        quiver.get_backend().name
    ]


def test_backends_lists_every_one_even_if_the_environment_names_none(monkeypatch):
    monkeypatch.setenv("QUIVER_BACKEND", "nomba")
    listed = run("backends")
    assert listed.exit_code == 0
    for name in registry.BUILTINS:
        assert re.search(rf"{name} +(yes|no)", listed.stdout)
    assert "used by default" not in listed.stdout
    assert "environment variable QUIVER_BACKEND is wrong" in listed.stderr
    assert "'nomba'" in listed.stderr
    infos = json.loads(run("backends", "--json").stdout)
    assert not any(info["auto"] for info in infos)


def test_backends_lists_without_compiling(tmp_path):
    # What is no numba at all can be listed and chosen, but compiles nothing.
    (tmp_path / "numba.py").write_text("")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "QUIVER_BACKEND": "numba"}
    listed = run_process("backends", env=environment)
    assert listed.returncode == 0, listed.stderr
    assert re.search(r"numba +yes +used by default", listed.stdout)


def test_a_certificate_is_written_and_agrees_with_this_computer(tmp_path):
    path = tmp_path / "here.json"
    written = run(
        "verify", "--backend", "reference", "--rounds", 1, "--certificate", path
    )
    assert written.exit_code == 0
    assert "reference         equal in every bit" in written.stdout
    assert f"wrote {path}" in written.stderr.replace("\n", "")
    compared = run("verify", "--backend", "reference", "--against", path)
    assert compared.exit_code == 0
    assert compared.stdout.endswith("both give the same answers\n")
    assert "1 rounds, seed 0" in compared.stdout


def test_all_backends_that_run_here_are_certified_by_default(tmp_path, monkeypatch):
    path, reference = tmp_path / "here.json", registry._loaders["reference"]
    twice = {"one": lambda: reference(), "reference": reference}
    monkeypatch.setattr(registry, "_loaders", twice)
    asked = "verify", "--backend", "auto", "--rounds", 1, "--certificate", path
    assert run(*asked).exit_code == 0
    proven = json.loads(path.read_text())["backends"]
    assert len(proven) == 2


def test_another_answer_is_named_and_is_exit_code_1(tmp_path):
    path = tmp_path / "there.json"
    run("verify", "--backend", "reference", "--rounds", 1, "--certificate", path)
    document = json.loads(path.read_text())
    document["answers"]["rerank"] = 64 * "0"
    document["surroundings"]["numpy"] = "9.9"
    path.write_bytes(canonical(document) + b"\n")
    asked = "verify", "--backend", "reference", "--against", path
    compared = run(*asked)
    assert compared.exit_code == 1
    assert "DIFFERS: answers of rerank: here " in compared.stdout
    assert (
        f"other: version of numpy: here {np.__version__}, there 9.9" in compared.stdout
    )
    assert compared.stdout.endswith("the computers DO NOT AGREE\n")
    machine = json.loads(run(*asked, "--json").stdout)
    assert machine["ok"] is True
    differences = {one["what"]: one["matters"] for one in machine["differences"]}
    assert differences == {"answers of rerank": True, "version of numpy": False}


def test_other_cases_are_no_disagreement_but_nothing_is_compared(tmp_path):
    path = tmp_path / "there.json"
    asked = "verify", "--backend", "reference", "--rounds", 1
    run(*asked, "--certificate", path)
    document = json.loads(path.read_text())
    document["inputs"]["rerank"] = document["answers"]["rerank"] = 64 * "0"
    document["surroundings"]["quiver"] = "0.0.1"
    path.write_bytes(canonical(document) + b"\n")
    compared = run(*asked, "--against", path)
    assert compared.exit_code == 1
    assert "DIFFERS: inputs of rerank" in compared.stdout
    *_, verdict = compared.stdout.splitlines()
    assert verdict.startswith("NOT COMPARED: the cases drawn are not the same")
    assert f"version of quiver here {quiver.__version__}, there 0.0.1" in verdict
    document["surroundings"]["quiver"] = quiver.__version__
    path.write_bytes(canonical(document) + b"\n")
    altered = run(*asked, "--against", path)
    assert "the certificate may be altered" in altered.stdout


def test_certificates_that_cannot_be_compared_or_written_are_refused(tmp_path):
    path = tmp_path / "here.json"
    run("verify", "--backend", "reference", "--rounds", 1, "--certificate", path)
    other = run("verify", "--against", path, "--rounds", 2)
    assert other.exit_code == 1
    assert "rounds must be that of the certificate, 1, got 2" in other.stderr
    nowhere = run("verify", "--certificate", tmp_path / "no" / "here.json")
    assert nowhere.exit_code == 1
    assert "certificate must be a file in an existing folder" in nowhere.stderr
    path.write_text("{}")
    garbage = run("verify", "--against", path)
    assert garbage.exit_code == 1
    assert "is no certificate" in garbage.stderr
