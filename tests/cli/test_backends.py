"""The commands ``backends`` and ``verify``: every backend, and whether it is right."""

from __future__ import annotations

import json
import os
import re
import sys

import numpy as np
from command_line import run, run_process

import quiver
from quiver.backends import get_backend, registry


def test_verify_prints_the_proof():
    proven = run("verify", "--rounds", 2)
    assert proven.exit_code == 0
    assert proven.stdout == f"{quiver.verify('reference', rounds=2)}\n"


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
