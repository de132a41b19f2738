"""The kernels for other systems: a wrong bit is a fault, what is not installed none."""

from __future__ import annotations

import platform
import shutil

import portable
import pytest
from aarch64 import emulate
from aarch64.recorded import record_hazards
from gate_metrics import Unavailable
from portable import System

from quiver.backends.targets import TARGETS
from quiver.conformance import hazards

HERE = System(f"{platform.machine()}-linux-gnu", "gcc")
SCALAR = [target for target in TARGETS if target.name == "scalar"]


@pytest.fixture
def alone(monkeypatch):
    """Return a function that leaves one system, the portable kernels and few calls."""
    monkeypatch.setattr(hazards, "BOUNDARY_DIMS", (9,))
    monkeypatch.setattr(portable, "TARGETS", SCALAR)
    return lambda system: monkeypatch.setattr(portable, "SYSTEMS", (system,))


@pytest.fixture
def here(alone):
    if shutil.which("gcc") is None or platform.system() != "Linux":
        pytest.skip("needs GCC on Linux")
    alone(HERE)


def test_what_runs_here_makes_the_calls_alike(here, capsys):
    assert portable.main() == 0
    assert f"{HERE.triple}, gcc, scalar: all equal\n" in capsys.readouterr().out


@pytest.mark.slow
def test_one_wrong_bit_is_a_fault(here, monkeypatch, capsys):
    def record_wrongly(path):
        n_calls = record_hazards(path)
        recorded = bytearray(path.read_bytes())
        recorded[-1] ^= 1
        path.write_bytes(recorded)
        return n_calls

    monkeypatch.setattr(portable, "record_hazards", record_wrongly)
    assert portable.main() == 1
    assert "answer: 3 of 4 equal\n" in capsys.readouterr().out


def test_the_portable_kernels_may_not_refuse_a_processor(here, monkeypatch):
    refused = emulate.Replayed(emulate.LACKING, ["this processor lacks the target"])
    monkeypatch.setattr(emulate, "replay", lambda *_: refused)
    monkeypatch.setattr(emulate, "build_replay", lambda *_: None)
    assert portable.main() == 1


def test_a_compiler_that_fails_is_a_fault(alone, capsys):
    if platform.system() != "Linux":
        pytest.skip("elsewhere only Zig is asked")
    alone(HERE._replace(compiler="false"))
    assert portable.main() == 1
    assert f"{HERE.triple}, false: does not compile" in capsys.readouterr().out


def test_a_compiler_that_is_not_installed_is_said(alone, capsys):
    alone(HERE._replace(compiler="no-such-compiler"))
    assert portable.main() == 0
    assert "no-such-compiler is not installed" in capsys.readouterr().out


def test_nothing_here_runs_programs_of_a_mac():
    with pytest.raises(Unavailable, match="nothing here runs its programs"):
        portable.runner_of(System("aarch64-macos"))


def test_every_target_is_compiled_for_every_system_that_has_wheels():
    built = {(system.triple, *system.targets) for system in portable.SYSTEMS}
    for family in ("x86_64", "aarch64"):
        targets = [t for t in TARGETS if t.cpu_family in ("any", family)]
        for rest in ("linux-musl", "macos", "windows-gnu"):
            assert (f"{family}-{rest}", *targets) in built
