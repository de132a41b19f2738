"""What the examples have in common: their command line, and points as a picture."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")
import matplotlib.pyplot as plt


def arguments(rows):
    """Return the number of rows to take and where the picture goes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("picture", type=Path, help="a .png to write")
    parser.add_argument("--rows", type=int, default=rows)
    given = parser.parse_args()
    return given.rows, given.picture


def save_scatter(points, colors, title, path, named=None):
    """Write points in colors by number, -1 is gray, and words at their places."""
    figure, axes = plt.subplots(figsize=(5, 4.2), dpi=75, layout="constrained")
    gray = colors < 0
    axes.scatter(*points[gray].T, s=4, c="0.75", linewidths=0)
    style = {"cmap": "tab20", "vmin": 0, "vmax": 19, "linewidths": 0}
    axes.scatter(*points[~gray].T, s=6, c=colors[~gray] % 20, **style)
    box = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1}
    for words, place in (named or {}).items():
        axes.text(*place, words, fontsize=6, ha="center", bbox=box)
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    figure.savefig(path)
    plt.close(figure)
    print(title, f"({len(np.unique(colors[~gray]))} colors, {len(points)} points)")
