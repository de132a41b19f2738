"""A tree, a scan and a graph from 2 to 100 dimensions: docs/measured_few_dimensions.md.

python tools/measure_few_dimensions.py > docs/measured_few_dimensions.md

About two minutes of one core; needs the extra `sklearn`. Figures of CPU time are ratios
within this one run.
"""

from __future__ import annotations

# First: it says how many threads NumPy may take.
from measure_proposers import EFFORT, K, blobs, components  # isort: skip

import sys
import time
import warnings

import numpy as np

from quiver.integrations.sklearn.proposing import Graph, Scan, Tree

DIMS = (2, 3, 5, 8, 10, 15, 20, 30, 50, 100)
MANY, N_QUERIES = 50_000, 1000

COLUMNS = (
    *("rows", "dims", "graph finds", "bits", "codes compared"),
    *("tree, a query", "graph, a query", "tree : graph, all rows"),
)


def islands(n, dim, rng):
    """Return many small dense groups with room between them, as UMAP lays them out."""
    centers = rng.uniform(-10, 10, size=(200, dim))
    return centers[rng.integers(200, size=n)] + rng.normal(size=(n, dim)) * 0.2


KINDS = {
    "sentences, 10 000 rows": lambda dim, _: components(10_000, dim),
    "islands, 50 000 rows": lambda dim, rng: islands(MANY, dim, rng),
    "blobs, 50 000 rows": lambda dim, rng: blobs(MANY, dim, rng),
    "uniform, 50 000 rows": lambda dim, rng: rng.random((MANY, dim)),
}


def seconds(function, *args):
    start = time.process_time()
    result = function(*args)
    return time.process_time() - start, result


def short(ratio):
    """Return two digits of a ratio, without an exponent."""
    return f"{float(f'{ratio:.2g}'):g}"


def measured(rows):
    """Return a row of the table: costs per query in those of a scan, and recall."""
    asked = rows[np.random.default_rng(1).permutation(len(rows))[:N_QUERIES]]
    scanning, true = seconds(Scan(rows, "euclidean").nearest, asked, K, EFFORT)
    planting, tree = seconds(Tree, rows, "euclidean")
    climbing, _ = seconds(tree.nearest, asked, K, EFFORT)
    building, graph = seconds(Graph.build, rows, "euclidean", EFFORT)
    walking, found = seconds(graph.nearest, asked, K, EFFORT)
    pairs = zip(found, true, strict=True)
    share = np.mean([np.isin(ours, theirs).mean() for ours, theirs in pairs])
    stats = graph.index.search(asked, K).stats
    n_codes = stats.distance_computations.mean()
    tree_all = planting + climbing * len(rows) / N_QUERIES
    graph_all = building + walking * len(rows) / N_QUERIES
    return (
        f"{share:.3f} | {graph.index.encoding.bits} | {n_codes:.0f} | "
        f"{short(climbing / scanning)} | {short(walking / scanning)} | "
        f"{short(tree_all / graph_all)}"
    )


def main():
    """Print a table; a line as soon as it is known goes to the standard error."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    print(
        "| rows | dims | graph finds | bits | codes compared | tree, a query | ", end=""
    )
    print("graph, a query | tree : graph, all rows |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for kind, rows_of in KINDS.items():
        for dim in DIMS:
            line = f"| {kind} | {dim} | {measured(rows_of(dim, rng))} |"
            print(line, flush=True)
            print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
