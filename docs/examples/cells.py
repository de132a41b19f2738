"""Cells by scanpy, which takes its graph of neighbors from a transformer.

The cells are made up: four families of two types each, whose genes are about as active,
and counts by Poisson's law. Nothing is downloaded.
"""

from __future__ import annotations

import anndata
import numpy as np
import scanpy
from picture import arguments, save_scatter

from quiver.integrations.sklearn import QuiverTransformer

rows, path = arguments(10_000)
rng = np.random.default_rng(0)
families = np.repeat(rng.gamma(0.3, size=(4, 500)), 2, axis=0)
activity = families * rng.lognormal(sigma=0.15, size=(8, 500))
types = rng.integers(8, size=rows)
depth = rng.lognormal(sigma=0.4, size=(rows, 1))
cells = anndata.AnnData(rng.poisson(activity[types] * depth).astype(np.float32))

scanpy.pp.normalize_total(cells)
scanpy.pp.log1p(cells)
scanpy.pp.pca(cells, n_comps=20, random_state=0)
scanpy.pp.neighbors(cells, transformer=QuiverTransformer(n_neighbors=15))
scanpy.tl.umap(cells, random_state=0)

of, near = cells.obsp["distances"].nonzero()
same = (types[of] == types[near]).mean()
title = f"UMAP of cells by scanpy: {same:.0%} of neighbors of the same type"
save_scatter(cells.obsm["X_umap"], types, title, path)
