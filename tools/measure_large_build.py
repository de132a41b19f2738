"""Build from a file larger than memory and report the peak of resident memory.

    python tools/measure_large_build.py FOLDER [--gib 6] [--dim 1536]

The promise is a peak below ``hot bytes * 1.6 + 512 MiB``. Pages of the mapped input
count as resident until the system wants them back, so the proof is a run inside a
control group limited to the promise; without one the two kinds are told apart.
"""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path

import numpy as np

import quiver

BLOCK_ROWS = 10_000
LATENT_DIM = 64


def generate(path: Path, n: int, dim: int) -> None:
    """Write n low-rank rows with noise, a block at a time."""
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(LATENT_DIM, dim)).astype(np.float32)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (n, dim))
    for start in range(0, n, BLOCK_ROWS):
        size = min(BLOCK_ROWS, n - start)
        latent = rng.standard_normal((size, LATENT_DIM), dtype=np.float32)
        rows[start : start + size] = latent @ basis
        rows[start : start + size] += rng.standard_normal((size, dim), np.float32)
    rows.flush()


class PeakMemory:
    """Samples resident memory of this process on a thread of its own."""

    def __init__(self) -> None:
        self.anonymous = self.mapped = self.total = 0
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        while True:
            status = Path("/proc/self/status").read_text()
            fields = dict(line.split(":", 1) for line in status.splitlines())
            kib = {
                name: int(fields[name].split()[0]) for name in ("RssAnon", "RssFile")
            }
            self.anonymous = max(self.anonymous, kib["RssAnon"] << 10)
            self.mapped = max(self.mapped, kib["RssFile"] << 10)
            self.total = max(self.total, sum(kib.values()) << 10)
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gib", type=float, default=6.0)
    parser.add_argument("--dim", type=int, default=1536)
    parser.add_argument("--max-degree", type=int, default=32)
    parser.add_argument("--ef-construction", type=int, default=96)
    parser.add_argument("--generate-only", action="store_true")
    options = parser.parse_args()
    n = int(options.gib * 2**30) // (4 * options.dim) + 1
    path = options.folder / f"large-{n}x{options.dim}.npy"
    if not path.exists():
        generate(path, n, options.dim)
    if options.generate_only:
        return
    peak, start = PeakMemory(), time.perf_counter()
    params = quiver.BuildParams(
        max_degree=options.max_degree, ef_construction=options.ef_construction
    )
    vectors = np.load(path, mmap_mode="r")
    index = quiver.Index.build(vectors, metric="euclidean", params=params)
    built = time.perf_counter() - start
    index.save(path.with_suffix(".quiver"))
    hot = index.memory_report().hot
    mib = 1 << 20
    print(f"{n} x {options.dim}: {vectors.nbytes / 2**30:.2f} GiB of float32 input")
    print(f"built in {built:.0f} s by {index.backend.name}")
    print(f"promise {(hot * 1.6) / mib + 512:.0f} MiB (hot {hot / mib:.0f} MiB)")
    print(
        f"peak resident {peak.total / mib:.0f} MiB: anonymous "
        f"{peak.anonymous / mib:.0f} MiB, mapped files {peak.mapped / mib:.0f} MiB"
    )
    found = index.search(vectors[:: n // 200], k=1)
    own = np.arange(0, n, n // 200)
    print(f"self-search of {len(own)}: {np.mean(found.ids[:, 0] == own):.1%}")


if __name__ == "__main__":
    main()
