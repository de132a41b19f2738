"""Prove the kernels for aarch64 on another processor, under QEMU.

    export PYTHONPATH=tools
    python -P -m aarch64 replay   # every kernel of every target, against the reference
    python -P -m aarch64 count    # their instructions, as docs/measured_neon.md
    python -P -m aarch64 tests    # quiver's own tests, by a Python for aarch64

Each says what is not installed, and ends well, where something is not.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from gate_metrics import Unavailable

from aarch64 import emulate, guest, instructions
from aarch64.recorded import record_hazards


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do as it says; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("rest", nargs="*", help="arguments of pytest")
    options = parser.parse_args(arguments)
    try:
        emulate.check_tools()
        return COMMANDS[options.what](options.rest)
    except Unavailable as reason:
        print(f"not run: {reason}")
        return 0


def replay(_: list[str]) -> int:
    """Replay hazardous calls with every target on every processor."""
    n_wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        calls = Path(folder) / "calls"
        print(f"{record_hazards(calls)} calls, answered by the reference")
        program = emulate.build_replay(Path(folder) / "replay")
        for processor, features in emulate.PROCESSORS.items():
            for target in emulate.NATIVE:
                under = emulate.EMULATOR, "-cpu", processor
                done = emulate.replay(program, target.name, calls, *under)
                # One that lacks a feature must refuse, and any other must not.
                lacks = not features.issuperset(target.features)
                n_wrong += done.code != (emulate.LACKING if lacks else 0)
                print(f"{target.name} on {processor}: {'; '.join(done.lines[-10:])}")
    return 1 if n_wrong else 0


def count(_: list[str]) -> int:
    """Print the page of instruction counts."""
    values = instructions.measure_instructions("auto")
    print(instructions.draw_page(values), end="")
    return 0


COMMANDS = {"replay": replay, "count": count, "tests": guest.run_tests}

if __name__ == "__main__":
    raise SystemExit(main())
