"""Build and search bases of several sizes, read from a mapped file; print a table.

    python tools/measure_large_build.py FOLDER [--rows N ...] [--like BASE.npy]
        [--dim 128] [--threads 2] > docs/measured_growth.md
    python tools/measure_large_build.py FOLDER --rows 20000 50000 100000
        --regime text-768 --threads 1 > docs/measured_growth_768.md

The rows lie between rows of BASE and neighbours of theirs, with noise; with a regime
they are of a kind of data of `quiver.datasets`; else near a plane of 64 dimensions.
They are read from a mapped file: what the process holds of its own, its pages apart, is
set against `predict_memory`. Each size is a process of its own. CPU time; but other
programs slow memory down all the same, so run it alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import quiver
from quiver._typing import Metric, Vectors
from quiver.datasets.generators import Regime, find_regime
from quiver.datasets.generators import generate as draw_regime

SIZES = (100_000, 1_000_000, 10_000_000)
BLOCK_ROWS = 100_000
LATENT_DIM, NEAR, NOISE = 64, 50, 4.0
EFS, N_QUERIES, N_TRUE, K = (64, 128, 256), 1000, 300, 10
MIB = 1 << 20
Draw = Callable[[np.random.Generator, int], Vectors]
HEADER = (
    "rows",
    "build, CPU µs a row",
    "of the size before",
    "wall s",
    "hot B a row",
    "own memory, MiB",
    "predicted",
    *(f"`ef={ef}`: recall@10, distances, CPU µs" for ef in EFS),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--like", type=Path, help="an .npy file of float32 or bytes")
    parser.add_argument("--regime", help="of quiver.datasets.generators")
    parser.add_argument("--dim", type=int, default=128, help="without --like")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", action="store_true", help="print one size as JSON")
    parser.add_argument("--metric", default="euclidean", help="of the one size")
    options = parser.parse_args()
    path = options.folder / "rows.npy"
    if options.one:
        found = measure(path, options.rows[0], options.threads, options.metric)
        print(json.dumps(found))
        return
    regime = find_regime(options.regime) if options.regime else None
    if not path.exists() or len(np.load(path, mmap_mode="r")) < max(options.rows):
        generate(path, max(options.rows), options.like, regime, options.dim)
    print(introduction(options.like, regime, options.dim, options.threads))
    metric = regime.metric if regime else "euclidean"
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    before = None
    for n in sorted(options.rows):
        found = measured_apart(path, n, options.threads, metric)
        print(table_row(n, found, before), flush=True)
        before = found["build"]


def introduction(
    like: Path | None, regime: Regime | None, dim: int, threads: int
) -> str:
    """Return what the table was measured on."""
    kind = f"between those of `{like.stem}`" if like else f"near a plane, {dim}-d"
    kind = f"of `{regime.name}`, {regime.metric}" if regime else f"{kind}, euclidean"
    return (
        f"Rows {kind}, default parameters, threads that built: {threads},\n"
        "from a mapped file, searched by one, in batches.\n"
    )


def table_row(n: int, found: dict[str, float], before: float | None) -> str:
    """Return the Markdown row of one size."""
    cells = [
        f"{n:,}".replace(",", " "),
        f"{found['build']:.1f}",
        f"{found['build'] / before:.2f} x" if before else "",
        f"{found['wall']:.0f}",
        f"{found['hot']:.0f}",
        f"{found['own']:.0f}",
        f"{found['predicted']:.0f}",
        *(
            f"{found[f'recall {ef}']:.3f}, {found[f'distances {ef}']:.0f}, "
            f"{found[f'cpu {ef}']:.0f}"
            for ef in EFS
        ),
    ]
    return "| " + " | ".join(cells) + " |"


def measured_apart(
    path: Path, n: int, threads: int, metric: Metric
) -> dict[str, float]:
    """Measure one size in a process of its own."""
    command = [sys.executable, "-P", __file__, str(path.parent), "--one"]
    command += ["--threads", str(threads), "--rows", str(n), "--metric", metric]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(ran.stdout)


def measure(path: Path, n: int, threads: int, metric: Metric) -> dict[str, float]:
    """Build from the first n rows of a file, and search."""
    rows = np.load(path, mmap_mode="r")[:n]
    queries = np.load(path.with_suffix(".queries.npy"))
    peak = PeakMemory()
    started, cpu = time.perf_counter(), time.process_time()
    index = quiver.Index.build(rows, metric=metric, threads=threads)
    found = {
        "build": 1e6 * (time.process_time() - cpu) / n,
        "wall": time.perf_counter() - started,
        "own": peak.own / MIB,
        "predicted": index.memory_report().building / MIB,
        "hot": index.memory_report().hot_per_vector,
    }
    true_ids, _ = quiver.exact_knn(rows, queries[:N_TRUE], K, metric=metric)
    for ef in EFS:
        turns = []
        for _ in range(3):
            cpu = time.process_time()
            result = index.search(queries, k=K, ef=ef, threads=1)
            turns.append(time.process_time() - cpu)
        found[f"cpu {ef}"] = 1e6 * min(turns) / len(queries)
        found[f"recall {ef}"] = quiver.recall_by_ids(result.ids[:N_TRUE], true_ids)
        found[f"distances {ef}"] = float(result.stats.distance_computations.mean())
    return found


def generate(
    path: Path, n: int, like: Path | None, regime: Regime | None, dim: int
) -> None:
    """Write n rows and some queries, a block at a time."""
    if regime is not None:
        base, queries = draw_regime(regime, n, N_QUERIES)
        np.save(path, base)
        np.save(path.with_suffix(".queries.npy"), queries)
        return
    rng = np.random.default_rng(0)
    draw = between(np.load(like).astype(np.float32)) if like else near_plane(rng, dim)
    queries = draw(rng, N_QUERIES)
    np.save(path.with_suffix(".queries.npy"), queries)
    shape = n, queries.shape[1]
    rows = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    for start in range(0, n, BLOCK_ROWS):
        rows[start : start + BLOCK_ROWS] = draw(rng, min(BLOCK_ROWS, n - start))
    rows.flush()


def between(base: Vectors) -> Draw:
    """Return what draws rows between those of a base and neighbours of theirs."""
    index = quiver.Index.build(base, metric="euclidean")
    near_ids = index.search(base, k=NEAR + 1, ef=2 * NEAR).ids[:, 1:]

    def draw(rng: np.random.Generator, size: int) -> Vectors:
        chosen = rng.integers(0, len(base), size)
        other = near_ids[chosen, rng.integers(0, NEAR, size)]
        share = rng.random((size, 1), dtype=np.float32)
        noise = rng.standard_normal((size, base.shape[1]), dtype=np.float32)
        return base[chosen] + share * (base[other] - base[chosen]) + NOISE * noise

    return draw


def near_plane(rng: np.random.Generator, dim: int) -> Draw:
    """Return what draws rows of low rank with noise."""
    basis = rng.standard_normal((LATENT_DIM, dim), dtype=np.float32)

    def draw(rng: np.random.Generator, size: int) -> Vectors:
        latent = rng.standard_normal((size, LATENT_DIM), dtype=np.float32)
        return latent @ basis + rng.standard_normal((size, dim), dtype=np.float32)

    return draw


class PeakMemory:
    """Samples the memory that is this process's own, on a thread."""

    def __init__(self) -> None:
        self.own = self._now()
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        while True:
            self.own = max(self.own, self._now())
            time.sleep(0.05)

    @staticmethod
    def _now() -> int:
        status = Path("/proc/self/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return int(fields["RssAnon"].split()[0]) << 10


if __name__ == "__main__":
    main()
