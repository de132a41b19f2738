"""Fidelity: the share of the true neighbours among the best by code.

Every way of coding is tried on the sample: plain, centred, rotated or both; the
published codes by Hamming and by weighted distance, the corrected ones symmetric and
asymmetric. No graph is involved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from quiver._typing import Distances, Ids
from quiver.diagnosis.planes import Planes, measure_planes
from quiver.diagnosis.sample import Sample, subset_means
from quiver.encoding import clear_bias, encode_rows, fit, query_transform
from quiver.parallel.workers import Workers
from quiver.params import Encoding
from quiver.recall.hits import Hits, nearest, nearest_codes
from quiver.reference.codes import Codes
from quiver.reference.distance import HIGH_BITS, Words, code_words, strong_plane
from quiver.reference.transform import searched_metric

DEPTHS = (16, 32, 64, 128)

TRANSFORMS = {
    "centred + rotated": (True, True),
    "centred": (True, False),
    "rotated": (False, True),
    "plain": (False, False),
}
"""Centring and rotation by name, the default first."""


class Fidelity(NamedTuple):
    """How one way of coding ranks the true neighbours of the sample.

    Attributes
    ----------
    transform, distance : str
        The way: one of ``TRANSFORMS``; ``asymmetric``, ``symmetric``, ``weighted``
        (published) or ``hamming`` (published).
    encoding : Encoding or None
        What to build with; None for Hamming, which no index uses.
    shares : tuple of float
        Mean share of the true 10 among the best of each of ``DEPTHS``.
    spread : tuple of float
        Standard deviation of the same between the disjoint subsets of queries.
    hits : Hits
        Per query, for paired comparison.
    """

    transform: str
    distance: str
    encoding: Encoding | None
    shares: tuple[float, ...]
    spread: tuple[float, ...]
    hits: Hits


def measure_fidelity(
    sample: Sample, kth: Distances, k: int, seed: int, threads: int
) -> Iterator[tuple[list[Fidelity], dict[str, Planes]]]:
    """Yield, transform by transform, four fidelities and the planes of the codes.

    Codes and queries are those that an index searches by the sample's metric; ``kth``
    are the exact distances of the k-th neighbours.
    """
    depth = min(DEPTHS[-1], len(sample.vectors))
    for name, (center, rotate) in TRANSFORMS.items():
        corrected = Encoding(center=center, rotate=rotate)
        published = Encoding(
            center=center, rotate=rotate, weights="published", query="symmetric"
        )
        symmetric = Encoding(center=center, rotate=rotate, query="symmetric")
        metric = searched_metric(sample.metric)
        kernels = sample.backend
        transform = fit(sample.vectors, metric, corrected, seed)
        asked = query_transform(transform, sample.metric)
        paper_transform = fit(sample.vectors, metric, published, seed)
        paper_asked = query_transform(paper_transform, sample.metric)
        with Workers(threads) as workers:
            rows = sample.vectors
            codes = encode_rows(kernels, rows, transform, corrected, workers)
            paper = encode_rows(kernels, rows, paper_transform, published, workers)
        own = kernels.encode(sample.queries, asked, 2, "corrected")
        paper_own = kernels.encode(sample.queries, paper_asked, 2, "published")
        int8 = kernels.quantize(sample.queries, asked, 2)
        if sample.metric == "inner_product":
            clear_bias(codes)
        ways: list[tuple[str, Encoding | None, Ids]] = [
            ("asymmetric", corrected, nearest_codes(kernels, codes, int8, depth)),
            ("symmetric", symmetric, nearest_codes(kernels, codes, own, depth)),
            ("weighted", published, nearest_codes(kernels, paper, paper_own, depth)),
            ("hamming", None, _nearest_hamming(paper, paper_own, depth)),
        ]
        found = [
            _fidelity(sample, kth, k, name, distance, encoding, best)
            for distance, encoding, best in ways
        ]
        yield found, {name: measure_planes(paper)}


def _fidelity(
    sample: Sample,
    kth: Distances,
    k: int,
    transform: str,
    distance: str,
    encoding: Encoding | None,
    best: Ids,
) -> Fidelity:
    hits = Hits(sample.marks(best, kth), k)
    shares = [hits.shares(depth) for depth in DEPTHS]
    return Fidelity(
        transform=transform,
        distance=distance,
        encoding=encoding,
        shares=tuple(float(share.mean()) for share in shares),
        spread=tuple(float(subset_means(share).std(ddof=1)) for share in shares),
        hits=hits,
    )


def _nearest_hamming(codes: Codes, queries: Codes, depth: int) -> Ids:
    """Return the best rows by the number of differing sign and strong bits."""
    base, own = _both_planes(codes), _both_planes(queries)
    distances = np.stack(
        [np.bitwise_count(base ^ query).sum(axis=1, dtype=np.float32) for query in own]
    )
    return nearest(distances, depth)


def _both_planes(codes: Codes) -> Words:
    """Return the codes with each low bit replaced by *strong*."""
    words = code_words(codes)
    return words & HIGH_BITS | strong_plane(words) >> np.uint64(1)
