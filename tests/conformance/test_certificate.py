"""Certificates: what is proved, what differs between two, and files that lie."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wrong_backend import flip_last_bit, with_wrong

import quiver
from quiver.backends import Backend
from quiver.backends.reference_backend import ReferenceBackend
from quiver.conformance.certificate import Certificate, certify
from quiver.conformance.certified import (
    MAX_BYTES,
    pack,
    read_certificate,
    unpack,
    write_certificate,
)
from quiver.conformance.surroundings import kernels_digest
from quiver.conformance.verify import METHODS
from quiver.errors import (
    CancelledError,
    FileAccessError,
    FileFormatError,
    InvalidArgumentError,
)
from quiver.storage.canonical import HeaderError, canonical


@pytest.fixture(scope="module")
def here() -> Certificate:
    return certify(["reference"], rounds=1)


def test_every_backend_is_certified_and_all_have_the_same_answers(
    backend: Backend, here: Certificate
) -> None:
    there = certify([backend.name], rounds=1)
    assert there.ok
    (proven,) = there.backends
    assert (proven.backend, proven.target) == (backend.name, backend.target)
    assert not any(found.matters for found in there.against(here))


def test_without_names_all_that_run_here_are_certified() -> None:
    certificate = certify(rounds=1)
    running = [info.name for info in quiver.list_backends() if info.available]
    assert [proven.backend for proven in certificate.backends] == running
    assert certificate.ok


def test_a_certificate_tells_the_same_of_the_same(here: Certificate) -> None:
    again = certify(["reference"], rounds=1)
    assert again == here
    assert again.against(here) == []
    assert {*here.answers} == {*here.inputs} == {*METHODS}
    assert len({*here.answers.values()}) == len(METHODS)


def test_other_cases_have_other_answers(here: Certificate) -> None:
    other = certify(["reference"], rounds=1, seed=1)
    found = {one.what: one for one in other.against(here)}
    assert found["seed"].here == "1"
    assert found["seed"].there == "0"
    assert all(f"answers of {method}" in found for method in METHODS)


def test_a_wrong_backend_is_no_proof_and_is_told_apart(here: Certificate) -> None:
    wrong = certify(["reference", with_wrong("distance", flip_last_bit)], rounds=1)
    assert not wrong.ok
    assert "NOT EQUAL" in str(wrong)
    # The oracle was asked the same and said the same.
    assert wrong.answers == here.answers
    (found,) = (one for one in wrong.against(here) if one.matters)
    assert found.what == "mismatches of wrong"
    assert found.there == "absent"


def test_a_backend_that_writes_to_its_inputs_does_not_taint_the_next() -> None:
    class Scribbler(ReferenceBackend):
        name = "scribbler"

        @staticmethod
        def quantize(queries: np.ndarray, *rest: Any) -> Any:
            queries += 1
            return ReferenceBackend.quantize(queries, *rest)

    scribbler, right = certify([Scribbler(), "reference"], rounds=2).backends
    assert scribbler.mismatches > 0
    assert right.mismatches == 0


@pytest.mark.parametrize("kind", ["inputs", "answers"])
def test_one_other_answer_is_a_difference_that_matters(
    here: Certificate, kind: str
) -> None:
    digests = {**getattr(here, kind), "prune": 64 * "0"}
    (found,) = replace(here, **{kind: digests}).against(here)
    assert found.what == f"{kind} of prune"
    assert found.matters


def test_other_versions_and_kernels_are_told_but_do_not_matter(
    here: Certificate,
) -> None:
    (proven,) = here.backends
    elsewhere = replace(
        here,
        surroundings={**here.surroundings, "numpy": "9.9", "machine": "aarch64"},
        backends=(replace(proven, kernels=64 * "1"),),
    )
    found = elsewhere.against(here)
    assert [one.what for one in found] == [
        *("version of numpy", "version of machine", "kernels of reference"),
    ]
    assert not any(one.matters for one in found)


def test_kernels_have_a_digest_each(backend: Backend) -> None:
    digest = kernels_digest(backend)
    assert len(digest) == 64
    assert digest == kernels_digest(backend)


def test_nothing_private_is_in_a_certificate(here: Certificate) -> None:
    text = pack(here).decode()
    private = platform.node(), os.environ.get("USER", ""), str(Path.home()), os.getcwd()
    assert not [word for word in private if len(word) > 3 and word in text]


def test_progress_can_cancel_a_certificate() -> None:
    with pytest.raises(CancelledError):
        certify(["reference"], rounds=2, progress=lambda *_: False)


def test_wrong_arguments_are_typed_errors() -> None:
    with pytest.raises(InvalidArgumentError, match="backend must be one of"):
        certify(["nomba"])
    with pytest.raises(InvalidArgumentError, match="rounds must be in 1"):
        certify(["reference"], rounds=0)


def test_a_file_gives_back_what_was_written(here: Certificate, tmp_path: Path) -> None:
    path = tmp_path / "here.json"
    write_certificate(path, here)
    assert read_certificate(path) == here
    assert json.loads(path.read_text())["version"] == 1
    assert unpack(pack(here)) == here


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda f: f.pop("format"), "the format"),
        (lambda f: f.update(version=2), "version 1; update quiver"),
        (lambda f: f.update(version=True), "version 1"),
        (lambda f: f.update(extra=1), "exactly the keys"),
        (lambda f: f.pop("answers"), "exactly the keys"),
        (lambda f: f.update(rounds=0), "rounds in 1"),
        (lambda f: f.update(seed="0"), "seed in 0"),
        (lambda f: f.update(seed=2**63), "seed in 0"),
        (lambda f: f.update(answers={}), "answers with 1"),
        (lambda f: f.update(answers=[]), "answers with 1"),
        (lambda f: f["answers"].update(prune="f00"), "in answers texts"),
        (lambda f: f["inputs"].update({"": 64 * "0"}), "in inputs texts"),
        (lambda f: f["surroundings"].update(numpy=2), "in surroundings texts"),
        (lambda f: f["surroundings"].update(numpy="\n"), "in surroundings texts"),
        (lambda f: f.update(backends={}), "a list of at most"),
        (lambda f: f.update(backends=257 * f["backends"]), "a list of at most"),
        (lambda f: f.update(backends=2 * f["backends"]), "no backend named twice"),
        (lambda f: f["backends"].append("numba"), "in a backend exactly the keys"),
        (lambda f: f["backends"][0].update(mismatches=-1), "mismatches in 0"),
        (lambda f: f["backends"][0].update(kernels="x"), "kernels of the form"),
        (lambda f: f["backends"][0].update(target=None), "target of the form"),
    ],
)
def test_a_broken_rule_of_the_file_is_named(
    here: Certificate,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], Any],
    rule: str,
) -> None:
    fields = json.loads(pack(here))
    change(fields)
    path = tmp_path / "other.json"
    path.write_bytes(canonical(fields) + b"\n")
    with pytest.raises(FileFormatError, match=rule) as refused:
        read_certificate(path)
    assert str(path) in str(refused.value)
    assert "Remedy" in str(refused.value)


def test_a_file_cut_short_is_said_to_be_cut(here: Certificate, tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_bytes(pack(here)[:-1])
    with pytest.raises(FileFormatError, match="so that the file is not cut"):
        read_certificate(path)


def test_files_that_are_none_at_all_are_refused(tmp_path: Path) -> None:
    for number, raw in enumerate(
        (
            b"",
            b"\n",
            b"[]\n",
            b"{",
            b'{"a":1,"a":2}\n',
            b"\xff\n",
            MAX_BYTES * b"[" + b"\n",
        )
    ):
        path = tmp_path / f"{number}.json"
        path.write_bytes(raw)
        with pytest.raises(FileFormatError):
            read_certificate(path)
    with pytest.raises(FileAccessError):
        read_certificate(tmp_path / "absent.json")


@given(place=st.integers(0, 4000), byte=st.integers(0, 255))
def test_one_other_byte_is_refused_or_another_certificate(
    here: Certificate, place: int, byte: int
) -> None:
    raw = bytearray(pack(here))
    place %= len(raw)
    if raw[place] == byte:
        return
    raw[place] = byte
    try:
        other = unpack(bytes(raw))
    except HeaderError:
        return
    assert other != here
    assert pack(other) == raw
