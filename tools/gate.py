"""Compare what is deterministic with the committed baseline; exit 1 if it moved.

python tools/gate.py [metrics|instructions|aarch64] [--update] [--backend NAME]

``metrics``: recall, counters, bytes and digests, exactly. ``instructions``: what the
compiled kernels execute under valgrind's callgrind, within 2 %; only where valgrind and
the extension are here and the compiler is the baseline's. ``aarch64``: the same of the
kernels for aarch64 under QEMU, where a cross-compiler is here. ``--update`` prints what
differs and makes it the new baseline. Seconds are no part of it: see asv.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aarch64.instructions import measure_instructions as measure_aarch64
from gate_metrics import Unavailable, Values, measure_metrics
from run_kernels import KERNELS

import quiver
from quiver.backends import targets
from quiver.errors import BackendUnavailableError

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "asv_bench" / "baseline.json"
RUN_KERNELS = Path(__file__).with_name("run_kernels.py")
# Those of this processor family that valgrind can run.
TARGETS = [
    target.name
    for target in targets.TARGETS
    if target.cpu_family in ("any", platform.machine())
    and "avx512f" not in target.features
]
INSTRUCTION_TOLERANCE = 0.02
COMPILER = "compiler"
"""Instruction counts of different compilers cannot be compared."""


def main(arguments: list[str] | None = None) -> int:
    """Run the gate; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", nargs="?", choices=MEASURES, help="default: all")
    parser.add_argument("--update", action="store_true", help="accept what differs")
    parser.add_argument("--backend", default="auto", help="for the metrics")
    options = parser.parse_args(arguments)
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    parts = [options.part] if options.part else MEASURES
    n_moved = 0
    for part in parts:
        old = baseline.setdefault(part, {})
        try:
            new = MEASURES[part](options.backend)
            if not options.update:
                check_comparable(old, new)
        except Unavailable as reason:
            print(f"{part}: skipped, {reason}")
            continue
        moved = list(differences(old, new, TOLERANCES[part]))
        print("\n".join([f"{part}: {len(new)} values, {len(moved)} moved", *moved]))
        baseline[part] = new
        n_moved += len(moved)
    if options.update:
        BASELINE.write_text(json.dumps(baseline, indent=1, sort_keys=True) + "\n")
        print(f"wrote {BASELINE}")
        return 0
    return 1 if n_moved else 0


def check_comparable(old: Values, new: Values) -> None:
    """Raise unless both sides were compiled alike."""
    if old.get(COMPILER) != new.get(COMPILER):
        msg = f"the baseline is of {old.get(COMPILER)}, here is {new.get(COMPILER)}"
        raise Unavailable(msg)


def differences(old: Values, new: Values, tolerance: float) -> Iterator[str]:
    """Yield a line for every value that moved, came or went."""
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            yield f"  {name}: {before} -> {after}"
        elif isinstance(before, str) or isinstance(after, str):
            if before != after:
                yield f"  {name}: {before} -> {after}"
        elif abs(after - before) > tolerance * abs(before):
            share = f" ({after / before - 1:+.2%})" if before else ""
            yield f"  {name}: {before} -> {after}{share}"


def measure_instructions(backend: str) -> Values:
    """Return the instructions of every kernel and target, and who compiled them."""
    del backend  # The targets are fixed: those that valgrind can run.
    if shutil.which("valgrind") is None:
        msg = "valgrind is not installed"
        raise Unavailable(msg)
    values: Values = {}
    for target in TARGETS:
        try:
            quiver.get_backend(f"cython-{target}")
        except BackendUnavailableError as error:
            raise Unavailable(str(error)) from error
        for bits in (2, 4, 8):
            values |= count_instructions(target, bits)
    return {**values, COMPILER: compiler_of_kernels()}


def count_instructions(target: str, bits: int) -> Values:
    """Run the kernels of a target under callgrind and read the inclusive counts."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/callgrind.out"
        command = [
            *("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"),
            *("--collect-atstart=no", "--toggle-collect=__pyx_pw_*7Kernels_*"),
            "--toggle-collect=*8Searched_*",  # A prefix in common would hide it.
            *(sys.executable, str(RUN_KERNELS), target, str(bits)),
        ]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
        annotate = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", out]
        report = subprocess.run(annotate, check=True, capture_output=True, text=True)
    # The bindings, not the kernels' own functions, whose names may change.
    return {
        f"{target} {bits}-bit {kernel}": parse_instructions(report.stdout, kernel)
        for kernel in KERNELS
    }


def parse_instructions(report: str, kernel: str) -> int:
    """Return the inclusive count of one binding in callgrind_annotate's report."""
    pattern = rf"^\s*([\d,]+) .*(?:Kernels|Searched)_\d+{kernel}\b"
    found = re.search(pattern, report, re.MULTILINE)
    if found is None:
        msg = f"callgrind reported no call of {kernel}"
        raise RuntimeError(msg)
    return int(found[1].replace(",", ""))


def compiler_of_kernels() -> str:
    """Return the compiler's name and version as the linker recorded it."""
    from quiver.backends._simd import bindings

    pattern = rb"GCC: \([^)]*\) [\d.]+|clang version [\d.]+"
    found = re.search(pattern, Path(bindings.__file__).read_bytes())
    return found[0].decode() if found else "an unknown compiler"


MEASURES = {
    "metrics": measure_metrics,
    "instructions": measure_instructions,
    "aarch64": measure_aarch64,
}
TOLERANCES = dict.fromkeys(MEASURES, INSTRUCTION_TOLERANCE) | {"metrics": 0.0}


if __name__ == "__main__":
    raise SystemExit(main())
