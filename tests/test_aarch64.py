"""The proof of the kernels for aarch64: it sees a wrong bit, and says what lacks.

The portable kernels of this processor stand in for those of aarch64, except where a
cross-compiler and QEMU are installed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import gate
import numpy as np
import pytest
import run_kernels
from aarch64 import __main__ as command
from aarch64 import emulate, instructions
from aarch64.recorded import Recording, laid_out
from gate_metrics import Unavailable

from quiver.backends.targets import TARGETS
from quiver.conformance import hazards
from quiver.conformance.cases import draw_calls
from quiver.conformance.verify import METHODS

ROOT = Path(__file__).parents[1]
SCALAR = next(target for target in TARGETS if target.name == "scalar")
KERNELS = [method for method in METHODS if method != "build"]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Compile replay.c with the portable kernels for this processor."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs GCC")
    program = tmp_path_factory.mktemp("replay") / "replay"
    return emulate.build_replay(program, [SCALAR], [compiler])


def drawn_calls(dim=57):
    return draw_calls(np.random.default_rng(0), dim)


def first_call(kernel):
    return next(call for call in drawn_calls() if call.method == kernel)


def record(path, calls):
    with path.open("wb") as file:
        recording = Recording(file)
        for call in calls:
            getattr(recording, call.method)(*call.args, **call.rules)
    return path


@pytest.mark.slow
def test_every_kernel_makes_the_recorded_calls_alike(program, tmp_path):
    calls = record(tmp_path / "calls", drawn_calls())
    done = emulate.replay(program, "scalar", calls)
    assert done.code == 0
    told = [line.split(": ") for line in done.lines]
    assert sorted(name for name, _ in told) == sorted(KERNELS)
    assert all(equal == of for equal, _, of, _ in (told.split() for _, told in told))


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_wrong_bit_is_seen(program, tmp_path, kernel):
    path = record(tmp_path / "calls", [first_call(kernel)])
    recorded = bytearray(path.read_bytes())
    recorded[-1] ^= 1
    path.write_bytes(recorded)
    done = emulate.replay(program, "scalar", path)
    assert done.code == 1
    assert done.lines[0] == f"call 0, {kernel}: differs"


def test_no_calls_are_no_proof(program, tmp_path):
    assert emulate.replay(program, "scalar", record(tmp_path / "calls", [])).code == 1


def test_a_file_that_ends_early_is_refused(program, tmp_path):
    path = record(tmp_path / "calls", [first_call("encode")])
    path.write_bytes(path.read_bytes()[:-1])
    done = emulate.replay(program, "scalar", path)
    assert (done.code, done.lines) == (2, ["replay: the file ends within a call"])


def test_a_target_that_was_not_compiled_is_told(program, tmp_path):
    done = emulate.replay(program, "neon", tmp_path)
    assert done == (emulate.LACKING, ["this processor lacks the target"])


def test_what_is_recorded_is_what_the_bindings_are_handed():
    codes, keys, *settings = first_call("prune").args
    values = laid_out("prune", codes, keys, *settings)
    # How many edges to keep is told by the array to be filled.
    expected = *codes, keys, *settings[1:]
    assert all(a is b for a, b in zip(values, expected, strict=True))


@pytest.mark.parametrize("what", ["replay", "count", "tests"])
def test_tools_that_are_not_installed_are_told(monkeypatch, capsys, what):
    monkeypatch.setattr(emulate.shutil, "which", lambda _: None)
    assert command.main([what]) == 0
    told = capsys.readouterr().out
    assert told == (
        "not run: aarch64-linux-gnu-gcc and qemu-aarch64 not installed: "
        "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user\n"
    )


def committed():
    return json.loads(gate.BASELINE.read_text())["aarch64"]


def test_the_page_of_instructions_is_drawn_from_the_baseline():
    page = (ROOT / "docs" / "measured_neon.md").read_text("utf-8")
    assert page == instructions.draw_page(committed())


def test_no_kernel_takes_more_instructions_than_the_one_that_needs_less():
    values = committed()
    for bits in instructions.BITS:
        for kernel in run_kernels.KERNELS:
            counts = [values[f"{t.name} {bits}-bit {kernel}"] for t in emulate.NATIVE]
            assert counts[0] <= 1.05 * counts[1] <= 1.05 * counts[2]


@pytest.mark.slow
def test_every_target_on_every_processor_equals_the_reference(monkeypatch, capsys):
    try:
        emulate.check_tools()
    except Unavailable as reason:
        pytest.skip(str(reason))
    monkeypatch.setattr(hazards, "BOUNDARY_DIMS", (9, 240))
    assert command.main(["replay"]) == 0
    told = capsys.readouterr().out
    assert "neon on cortex-a53: this processor lacks dotprod" in told
    for pair in ("neon on max", "neonbase on max", "neonbase on cortex-a53"):
        assert f"{pair}: encode: " in told
