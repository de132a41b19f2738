"""Draw the pictures of the documentation from the code they explain.

python tools/make_figures.py FOLDER

The documentation's build calls `make_figures`, so no picture is stored and none can
disagree with the code. Needs matplotlib.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import quiver
from quiver import reference
from quiver.datasets import load_demo
from quiver.encoding import draw_signs
from quiver.graph.order import batches, insertion_order
from quiver.params import DEFAULT_EF
from quiver.reference.codes import Codes, Transform
from quiver.reference.encode import unpack
from quiver.reference.keys import NO_ID, key_ids, make_keys
from quiver.reference.transform import apply_transform
from quiver.reference.walk import walk

BLUE, RED, GRAY = "#2f6db3", "#c8442f", "#b5b5b5"
# Enough rows for a walk of a dozen hops; the reference builds them in seconds.
WALK_ROWS = 300


def make_figures(folder: Path) -> None:
    """Write every picture as SVG; the same code gives the same bytes."""
    mpl.use("svg")
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "quiver", "font.size": 9}):
        for name, draw in FIGURES.items():
            draw().savefig(folder / f"{name}.svg", metadata={"Date": None})


def plain_transform(dim: int) -> Transform:
    """Return the transform that leaves Euclidean vectors as they are."""
    none = np.zeros((0, dim), dtype=np.float32)
    return Transform("euclidean", np.zeros(dim, dtype=np.float32), none)


@cache
def demo_index() -> quiver.Index:
    """Return a small index over real sentences, wide enough for a walk."""
    params = quiver.BuildParams(max_degree=6, ef_construction=16)
    return quiver.Index.build(load_demo().vectors[:WALK_ROWS], params=params)


def new_figure(width: float, height: float, n_columns: int = 1) -> tuple[Figure, list]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, n_columns, squeeze=False)[0]
    return figure, list(axes)


def draw_transform() -> Figure:
    """Show, per coordinate, how often a sign is positive and how much it varies."""
    dim = 64
    rng = np.random.default_rng(3)
    # Non-negative and uneven, as gradient histograms are.
    raw = rng.gamma(2.0, rng.uniform(0.1, 2.0, dim), (2000, dim)).astype(np.float32)
    plain = plain_transform(dim)
    centering = plain._replace(mean=raw.mean(axis=0))
    stages = {
        "as is": plain,
        "centred": centering,
        "centred, rotated": centering._replace(signs=draw_signs(dim, 0)),
    }
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    columns = figure.subplots(2, 3, sharex=True, sharey="row").T
    for (top, bottom), (title, stage) in zip(columns, stages.items(), strict=True):
        coordinates = apply_transform(raw, stage)
        top.bar(range(dim), (coordinates > 0).mean(axis=0), color=BLUE, width=1.0)
        bottom.bar(range(dim), coordinates.std(axis=0), color=RED, width=1.0)
        top.axhline(0.5, color="black", lw=0.6)
        top.set_title(title)
    columns[0][0].set_ylabel("share of positive signs")
    columns[0][1].set_ylabel("standard deviation")
    columns[1][1].set_xlabel("coordinate")
    return figure


def draw_bit_planes() -> Figure:
    """Show one real vector's first coordinates with the two bits each is kept as."""
    index, shown = demo_index(), 64
    row = apply_transform(index.vectors[:1], index.transform)[0]
    codes = index.codes
    u = unpack(codes.packed[:1], codes.dim, codes.bits)[0, :shown]
    sign = u >= 2
    planes = np.array([sign, (u % 2 == 1) == sign])
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.2, 2])
    top.bar(range(shown), row[:shown], color=np.where(sign, BLUE, RED))
    top.set_ylabel("r")
    middle.imshow(planes, aspect="auto", cmap="Greys", vmin=-0.3, vmax=1)
    middle.set_yticks([0, 1], ["sign", "strong"])
    bottom.bar(range(shown), 2.0 * u - 3.0, color=np.where(sign, BLUE, RED))
    bottom.set(ylabel="w", yticks=[-3, -1, 1, 3], xlabel="coordinate (the first 64)")
    return figure


def draw_popcounts() -> Figure:
    """Show the words that the symmetric dot product counts, for sixteen dimensions."""
    dim = 16
    drawn = np.random.default_rng(5).normal(size=(2, dim)).astype(np.float32)
    codes = reference.encode(drawn, plain_transform(dim), 2, "corrected")
    u_a, u_b = unpack(codes.packed, dim, codes.bits)
    swapped = (u_b % 2) * 2 + u_b // 2
    words = {"A": u_a, "B": u_b, "x = A⊕B": u_a ^ u_b, "y = A⊕swap(B)": u_a ^ swapped}
    bits = np.array([np.stack([u // 2, u % 2], axis=1).ravel() for u in words.values()])
    x, high, y = bits[2].sum(), bits[2][::2].sum(), bits[3].sum()
    dot = 9 * dim - 2 * (x + 3 * high + 2 * y)
    figure, (axis,) = new_figure(7.2, 2.0)
    axis.imshow(bits, aspect="auto", cmap="Greys", vmin=-0.3, vmax=1)
    axis.set_yticks(range(4), list(words))
    axis.set_xticks(np.arange(0.5, 2 * dim, 2), range(dim))
    for edge in range(dim + 1):
        axis.axvline(2 * edge - 0.5, color="white", lw=2)
    axis.set_title(
        f"dot = 9·{dim} - 2·(pop(x) {x} + 3·pop(x∧high) {high} + 2·pop(y) {y}) = {dot}"
    )
    return figure


def draw_prune() -> Figure:
    """Prune real codes in the plane; join each covered candidate to its cover."""
    rng = np.random.default_rng(11)
    figure, (axis,) = new_figure(5.4, 3.2)
    draw_pruned(axis, [[0, 0], *exact_points(rng, rng.uniform(0.5, 2.2, 28))], beta=0.7)
    axis.set(aspect="equal", title="alpha = 1.1, beta = 0.7")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def draw_central() -> Figure:
    """Prune with one row near the centre, which covers all others, or may not."""
    rng = np.random.default_rng(4)
    around = exact_points(rng, rng.uniform(0.9, 1.3, 40))
    # Those a quarter turn and more away: in many dimensions, nearly all.
    around = around[around @ [3.0, 1.0] < 1e-9]
    figure, axes = new_figure(7.2, 3.4, n_columns=2)
    for axis, beta in zip(axes, (0.0, 0.7), strict=True):
        draw_pruned(axis, [[3.0, 1.0], [0.3, 0.1], *around], beta=beta)
        axis.set(aspect="equal", title=f"alpha = 1.1, beta = {beta}")
    return figure


def exact_points(rng: np.random.Generator, radii: np.ndarray) -> np.ndarray:
    """Return points in random directions of those whose 2-d codes are exact.

    There code distances are those drawn.
    """
    exact = [(3, 1), (1, 3), (-1, 3), (-3, 1), (-3, -1), (-1, -3), (1, -3), (3, -1)]
    return np.array(exact)[rng.integers(0, 8, len(radii))] * radii[:, None]


def draw_pruned(axis: Axes, places: list, *, beta: float) -> None:
    """Draw what the first point keeps of the others, and who covers the rest."""
    points = np.array(places, dtype=np.float32)
    codes = reference.encode(points, plain_transform(2), 2, "corrected")
    ids = np.arange(1, len(points), dtype=np.uint32)
    to_target = reference.distance(codes, codes.take(np.array([0])), ids[None])
    keys = np.sort(make_keys(to_target, ids[None]), axis=1)
    kept = reference.prune(codes, keys, len(ids), 1.1, beta, "vamana")[0]
    kept = kept[kept != NO_ID]
    for c in np.setdiff1d(ids, kept):
        cover = _cover(codes, c, kept, to_target[0, c - 1], beta)
        axis.plot(*points[[c, cover]].T, color=GRAY, lw=0.8, zorder=1)
        axis.scatter(*points[c], s=22, color="white", edgecolors=GRAY, zorder=2)
    for s in kept:
        axis.plot(*points[[0, s]].T, color=BLUE, lw=1.6, zorder=1)
    axis.scatter(*points[kept].T, s=28, color=BLUE, zorder=3, label="kept")
    axis.scatter(*points[0], s=60, color=RED, zorder=3, label="target")
    axis.scatter([], [], s=22, color="white", edgecolors=GRAY, label="covered, by whom")


def _cover(
    codes: Codes, candidate: int, kept: np.ndarray, reach: float, beta: float
) -> int:
    """Return the first kept node that the pruning rule finds to cover a candidate."""
    query, biases = codes.take(np.array([candidate])), codes.corrections[:, 1]
    to_kept = reference.distance(codes, query, kept[None])[0]
    covers = np.float32(1.1) * to_kept <= reach
    covers &= biases[kept] >= np.float32(beta) * biases[candidate]
    return int(kept[covers][0])


def draw_walk() -> Figure:
    """Draw one real walk over the two main directions of the coded vectors."""
    index, demo = demo_index(), load_demo()
    question = demo.queries[:1].astype(np.float32)
    query = index.backend.quantize(question, index.transform, index.codes.bits)
    starts = index.state.entry_points
    _, *hops = list(walk(index.codes, index.neighbors, query, starts, 8))
    nodes = [hop.node for hop in hops]
    seen = np.concatenate([starts, *(hop.newly_seen for hop in hops)])
    points = apply_transform(index.vectors, index.transform)
    axes2 = np.linalg.svd(points.astype(np.float64), full_matrices=False)[2][:2]
    places = points @ axes2.T
    target = apply_transform(question, index.transform)[0] @ axes2.T
    figure, (axis,) = new_figure(6.0, 4.2)
    axis.scatter(*places.T, s=6, color=GRAY, linewidths=0, label="never seen")
    axis.scatter(*places[seen].T, s=12, color=BLUE, linewidths=0, label="seen")
    axis.plot(*places[nodes].T, color=RED, lw=0.7, alpha=0.6)
    axis.scatter(*places[nodes].T, s=26, color=RED, label="expanded, in order")
    for number, node in enumerate(nodes, 1):
        axis.annotate(str(number), places[node], (3, 3), textcoords="offset points")
    axis.scatter(*target, s=120, marker="*", color="black", label="query")
    found = key_ids(hops[-1].beam)[:3].tolist()
    axis.set(
        title=f"{len(nodes)} hops, {len(seen)} of {index.n} rows seen; best: {found}",
        xticks=[],
        yticks=[],
    )
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def draw_rerank() -> Figure:
    """Count the places by code distance at which the true ten nearest stand."""
    demo = load_demo()
    base = demo.vectors[:2000]
    true, _ = quiver.exact_knn(base, demo.queries, 10)
    backend = quiver.get_backend()
    transform = demo_index().transform
    codes = backend.encode(base.astype(np.float32), transform, 2, "corrected")
    queries = backend.quantize(demo.queries.astype(np.float32), transform, 2)
    distances = backend.distance(codes, queries)
    keys = np.sort(make_keys(distances, np.arange(len(base))[None]), axis=1)
    order = key_ids(keys)
    places = [np.flatnonzero(np.isin(*pair)) for pair in zip(order, true, strict=True)]
    ranks = np.concatenate(places) + 1
    figure, (axis,) = new_figure(6.0, 2.6)
    axis.hist(ranks, bins=np.arange(1, DEFAULT_EF + 34) - 0.5, color=BLUE)
    share = 100 * np.mean(ranks <= DEFAULT_EF)
    axis.axvline(DEFAULT_EF + 0.5, color=RED, lw=1)
    axis.set(
        xlabel="place by code distance among 2 000 rows",
        ylabel="true neighbours",
        title=f"{share:.2f} % of the true ten stand among the first {DEFAULT_EF}",
    )
    return figure


def draw_build() -> Figure:
    """Plot the batch sizes of two builds."""
    figure, (axis,) = new_figure(6.0, 2.4)
    for n, color in ((10_000, BLUE), (100_000, RED)):
        sizes = [len(batch) for batch in batches(insertion_order(n, 0, 0))]
        axis.step(np.arange(1, len(sizes) + 1), sizes, color=color, label=f"n = {n}")
    axis.set(xlabel="batch", ylabel="nodes inserted", yscale="log")
    axis.legend(frameon=False)
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "transform": draw_transform,
    "bit_planes": draw_bit_planes,
    "popcounts": draw_popcounts,
    "prune": draw_prune,
    "central": draw_central,
    "walk": draw_walk,
    "rerank": draw_rerank,
    "build": draw_build,
}


if __name__ == "__main__":
    make_figures(Path(sys.argv[1]))
