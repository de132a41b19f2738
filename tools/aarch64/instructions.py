"""Instructions of every kernel on aarch64, counted by QEMU; the gate compares them.

    python -P -m aarch64 count > docs/measured_neon.md

What is called is what `run_kernels` calls, so that counts of x86-64 stand beside them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from gate_metrics import Unavailable, Values
from run_kernels import KERNELS, run

import quiver
from aarch64 import emulate
from aarch64.recorded import Recording

COMPILER = "compiler"
BITS = (2, 4, 8)
INTRODUCTION = """\
Instructions relative to those of `cython-scalar` on aarch64, for codes of 2, 4 and 8
bits: 1,000 rows of 384 dimensions, 16 queries. GCC makes NEON of the portable source
too, so that these are ratios of two vectorised programs. Counted under QEMU by
`python -P -m aarch64 count`.
"""


def measure_instructions(backend: str) -> Values:
    """Return the instructions of every kernel and target, and who compiled them."""
    del backend  # The targets are those of aarch64.
    emulate.check_tools()
    values: Values = {}
    with tempfile.TemporaryDirectory() as folder:
        program = emulate.build_replay(Path(folder) / "replay")
        plugin = emulate.build_counter(Path(folder))
        for bits in BITS:
            calls = Path(folder) / "calls"
            record(calls, bits)
            for target in emulate.NATIVE:
                counts = emulate.count(program, plugin, target.name, calls)
                for kernel, n in zip(KERNELS, counts, strict=True):
                    values[f"{target.name} {bits}-bit {kernel}"] = n
    return {**values, COMPILER: emulate.compiler_version()}


def record(path: Path, bits: int) -> None:
    """Write the calls of `run_kernels`, answered by the fastest backend here."""
    oracle = quiver.get_backend()
    if oracle.name == "reference":
        msg = "only the reference backend is here, which would take minutes"
        raise Unavailable(msg)
    with path.open("wb") as file:
        run(Recording(file, oracle), bits)


def draw_page(values: Values) -> str:
    """Return the page of docs/backends.md: ratios to the portable kernels."""
    return "\n".join([INTRODUCTION, *draw_table(values), ""])


def draw_table(values: Values) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    names = [target.name for target in emulate.NATIVE if target.name != "scalar"]
    yield "| kernel |" + "".join(f" `cython-{name}` |" for name in names)
    yield "|---|" + "---|" * len(names)
    for kernel in KERNELS:
        cells = (", ".join(ratios(values, name, kernel)) for name in names)
        yield f"| `{kernel}` |" + "".join(f" {cell} |" for cell in cells)


def ratios(values: Values, target: str, kernel: str) -> Iterator[str]:
    """Yield the share of the portable kernel's instructions for each width of codes."""
    for bits in BITS:
        mine, scalar = (values[f"{t} {bits}-bit {kernel}"] for t in (target, "scalar"))
        yield f"{float(mine) / float(scalar):.2f}"
