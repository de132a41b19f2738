"""Compare what is deterministic with the committed baseline; exit 1 if it moved.

python tools/gate.py [metrics|instructions] [--update] [--backend NAME]

``metrics``: recall, counters, bytes and digests, exactly. ``instructions``: what the
compiled kernels execute under valgrind's callgrind, within 2 %; only where valgrind and
the extension are here and the compiler is the baseline's. ``--update`` prints what
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
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from run_kernels import KERNELS, draw

import quiver
from quiver.backends import targets
from quiver.datasets import load_demo
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
BEAM_WIDTHS = (16, 64)
SHARES = (0.9, 0.5, 0.1, 0.01)
K = 10

Values = dict[str, float | str]


class Unavailable(Exception):
    """A part cannot be measured here; the reason is the message."""


class Case(NamedTuple):
    """A base with its queries and metric."""

    vectors: np.ndarray
    queries: np.ndarray
    metric: str


def main(arguments: list[str] | None = None) -> int:
    """Run the gate; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", nargs="?", choices=MEASURES, help="default: both")
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


def measure_metrics(backend: str) -> Values:
    """Return recall, counters, bytes and digests of every case and encoding."""
    kernels = quiver.get_backend(backend)
    if kernels.name == "reference":
        msg = "only the reference backend is here, which would take an hour"
        raise Unavailable(msg)
    values: Values = {}
    for case_name, case in cases().items():
        _, true = quiver.exact_knn(case.vectors, case.queries, K, metric=case.metric)
        for name, encoding in ENCODINGS.items():
            kind = {"metric": case.metric, "encoding": encoding}
            index = quiver.Index.build(case.vectors, backend=kernels.name, **kind)
            for key, value in measure_index(index, case.queries, true):
                values[f"{case_name} {name} {key}"] = value
            for key, value in measure_change(index, case.queries, true):
                values[f"{case_name} {name} changed {key}"] = value
    return values


def measure_index(
    index: quiver.Index, queries: np.ndarray, true: np.ndarray
) -> Iterator[tuple[str, float | str]]:
    """Yield what one index holds, costs and finds."""
    memory = index.memory_report()
    yield "hot bytes", memory.hot
    yield "cold bytes", memory.vectors
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gate.quiver"
        index.save(path)
        # Unlike the digests this moves with the format alone.
        yield "file bytes", path.stat().st_size
    yield "codes digest", digest(index.codes.rows)
    yield "graph digest", digest(index.neighbors)
    for ef in BEAM_WIDTHS:
        result = index.search(queries, k=K, ef=ef)
        recall = quiver.recall_at_k(result.distances, true)
        yield f"ef={ef} recall", round(recall, 6)
        yield f"ef={ef} hops", int(result.stats.hops.sum())
        computations = int(result.stats.distance_computations.sum())
        yield f"ef={ef} distance computations", computations
        yield f"ef={ef} reranked", int(result.stats.reranked.sum())
        yield f"ef={ef} answer digest", digest(result.ids, result.distances)
    yield from measure_rules(index, queries, true)


def measure_rules(
    index: quiver.Index, queries: np.ndarray, true: np.ndarray
) -> Iterator[tuple[str, float | str]]:
    """Yield what a search costs and finds by filters of four shares and by a radius."""
    drawn = np.random.PCG64(0).random_raw(index.n) / 2**64
    for share in SHARES:
        result = index.search(queries, k=K, filter=drawn < share)
        computations = int(result.stats.distance_computations.sum())
        yield f"filter={share} distance computations", computations
        yield f"filter={share} answer digest", digest(result.ids, result.distances)
    if index.encoding.query == "symmetric":
        return
    # Where the tenth neighbour of the first query is.
    found = index.search_radius(queries, float(true[0, -1]))
    computations = int(found.stats.distance_computations.sum())
    yield "radius distance computations", computations
    yield "radius reranked", int(found.stats.reranked.sum())
    yield "radius answer digest", digest(found.ids, found.distances)


def measure_change(
    index: quiver.Index, queries: np.ndarray, true: np.ndarray
) -> Iterator[tuple[str, float | str]]:
    """Yield what an index holds, costs and finds whose tenth row left and came back."""
    ids = index.ids[::10]
    vectors = index.get(ids)
    index.remove(ids, consolidate="manual")
    index.add(vectors, ids, consolidate="manual")
    for word in ("added", "consolidated"):
        result = index.search(queries, k=K, ef=BEAM_WIDTHS[-1])
        yield f"{word} graph digest", digest(index.neighbors)
        yield f"{word} answer digest", digest(result.ids, result.distances)
        recall = quiver.recall_at_k(result.distances, true)
        yield f"{word} recall", round(recall, 6)
        computations = int(result.stats.distance_computations.sum())
        yield f"{word} distance computations", computations
        index.consolidate()


def digest(*arrays: np.ndarray) -> str:
    """Return a short digest of the bytes of arrays."""
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return sha256(content).hexdigest()[:16]


def cases() -> dict[str, Case]:
    """Return real and drawn data, one case per metric."""
    demo = load_demo()
    return {
        "demo-384": Case(demo.vectors, demo.queries, "cosine"),
        "clusters-128": clusters(128, "euclidean"),
        "clusters-768": clusters(768, "inner_product"),
        # Neighbours far closer than the spread: what two bits cannot rank.
        "tight-128": clusters(128, "euclidean", noise=0.04),
    }


def clusters(dim: int, metric: str, noise: float = 1.0) -> Case:
    """Return points around 50 centres, the same with every NumPy."""
    n_rows, n_queries = 2000, 100
    centers = draw((50, dim), seed=dim)
    drawn = np.float32(noise) * draw((n_rows + n_queries, dim), seed=dim + 1)
    points = centers[np.arange(len(drawn)) % len(centers)] + drawn
    return Case(points[:n_rows], points[n_rows:], metric)


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
    pattern = rf"^\s*([\d,]+) .*Kernels_\d+{kernel}\b"
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


ENCODINGS = {
    "default": quiver.Encoding(bits=2),
    **{f"{bits}-bit": quiver.Encoding(bits=bits) for bits in (4, 8)},
    "paper": quiver.Encoding.paper(),
}
MEASURES = {"metrics": measure_metrics, "instructions": measure_instructions}
TOLERANCES = {"metrics": 0.0, "instructions": INSTRUCTION_TOLERANCE}


if __name__ == "__main__":
    raise SystemExit(main())
