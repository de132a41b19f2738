"""CPU time of a scan, a tree and a graph: what the rule of docs/sklearn.md rests on.

python tools/measure_proposers.py     # about two minutes; needs the extra `sklearn`
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # Before NumPy loads.

import time
import warnings

import numpy as np

from quiver.datasets import load_demo
from quiver.integrations.sklearn.proposing import Effort, Graph, Scan, Tree

K, EFFORT = 16, Effort(None, 1)
SCANNED = [(n, dim) for dim in (16, 64, 384) for n in (1000, 4000, 8000, 16_000)]
TREE_DIMS = (2, 5, 8, 10, 15)


def blobs(n, dim, rng):
    centers = rng.normal(size=(20, dim)) * 10
    return centers[rng.integers(20, size=n)] + rng.normal(size=(n, dim)) * 2


def components(n, dim):
    """Return the leading principal components of real sentences."""
    vectors = load_demo().vectors[:n].astype(np.float64)
    left, values, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    return np.ascontiguousarray((left * values)[:, :dim])


def measured(make, rows):
    start = time.process_time()
    found = make(rows).nearest(rows, K, EFFORT)
    return time.process_time() - start, found


def compare(name, exact, rows):
    """Print the CPU seconds of both, and the share of true rows that a graph finds."""
    exact_seconds, true = measured(exact, rows)
    seconds, found = measured(lambda rows: Graph.build(rows, "euclidean", EFFORT), rows)
    pairs = zip(found, true, strict=True)
    share = np.mean([np.isin(ours, theirs).mean() for ours, theirs in pairs])
    print(f"{name}: {exact_seconds:.2f} : {seconds:.2f}, {share:.3f}", flush=True)


def main():
    """Print a line for each kind, number of rows and dimension."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    for n, dim in SCANNED:
        rows = blobs(n, dim, rng)
        compare(f"scan, {n} x {dim}", lambda rows: Scan(rows, "euclidean"), rows)
    for dim in TREE_DIMS:
        kinds = {
            "blobs": blobs(50_000, dim, rng),
            "uniform": rng.random((50_000, dim)),
            "sentences": components(10_000, dim),
        }
        for kind, rows in kinds.items():
            compare(
                f"tree, {kind}, {dim} dims", lambda rows: Tree(rows, "euclidean"), rows
            )


if __name__ == "__main__":
    main()
