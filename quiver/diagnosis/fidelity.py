"""Fidelity: the share of the true neighbours among the best by code.

Every way of coding is tried on the sample: plain, centred, rotated or both; the
published codes by Hamming and by weighted distance, the corrected ones symmetric and
asymmetric. No graph is involved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from quiver._typing import Bits, Ids
from quiver.diagnosis.planes import Planes, measure_planes
from quiver.diagnosis.sample import Sample, subset_means
from quiver.encoding import code_queries, encode_searched, fit
from quiver.parallel.workers import Workers
from quiver.params import Encoding
from quiver.recall.hits import Hits, nearest, nearest_codes
from quiver.recall.marks import Truth
from quiver.reference.codes import Codes, Transform
from quiver.reference.distance import HIGH_BITS, Words, code_words, strong_plane
from quiver.reference.transform import query_transform, searched_metric

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

    @property
    def bits(self) -> Bits:
        """Bits per coordinate; published codes have two."""
        return self.encoding.bits if self.encoding else 2


def measure_fidelity(
    sample: Sample, truth: Truth, k: int, seed: int, threads: int, bits: Bits
) -> Iterator[tuple[list[Fidelity], dict[str, Planes]]]:
    """Yield, transform by transform, four fidelities and the planes of the codes.

    Codes and queries are those that an index searches by the sample's metric, the
    corrected ones in so many bits; ``truth`` are the k nearest rows.
    """
    depth = min(DEPTHS[-1], len(sample.vectors))
    kernels = sample.backend
    ask = partial(code_queries, kernels, sample.queries)
    with Workers(threads) as workers:
        for name, (center, rotate) in TRANSFORMS.items():
            corrected = Encoding(center=center, rotate=rotate, bits=bits)
            symmetric = replace(corrected, query="symmetric")
            published = replace(symmetric, weights="published", bits=2)
            codes, asked = _coded(sample, corrected, seed, workers)
            paper, paper_asked = _coded(sample, published, seed, workers)
            own = kernels.encode(sample.queries, paper_asked, 2, "published")
            best = partial(nearest_codes, kernels, depth=depth)
            ways: list[tuple[str, Encoding | None, Ids]] = [
                ("asymmetric", corrected, best(codes, ask(asked, corrected))),
                ("symmetric", symmetric, best(codes, ask(asked, symmetric))),
                ("weighted", published, best(paper, own)),
                ("hamming", None, _nearest_hamming(paper, own, depth)),
            ]
            found = [
                _fidelity(sample, truth, k, name, distance, encoding, ids)
                for distance, encoding, ids in ways
            ]
            yield found, {name: measure_planes(paper)}


def _coded(
    sample: Sample, encoding: Encoding, seed: int, workers: Workers
) -> tuple[Codes, Transform]:
    """Return the codes that an index searches, and the transform of its queries."""
    vectors, metric, kernels = sample.vectors, sample.metric, sample.backend
    transform = fit(vectors, searched_metric(metric), encoding, seed)
    codes = encode_searched(kernels, vectors, metric, transform, encoding, workers)
    return codes, query_transform(transform, metric)


def _fidelity(
    sample: Sample,
    truth: Truth,
    k: int,
    transform: str,
    distance: str,
    encoding: Encoding | None,
    best: Ids,
) -> Fidelity:
    hits = Hits(sample.marks(best, truth), k)
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
    # Word by word, so that every step is long.
    base, own = _both_planes(codes).T, _both_planes(queries).T
    distances = np.zeros((own.shape[1], base.shape[1]), dtype=np.float32)
    for words, asked in zip(base, own, strict=True):
        distances += np.bitwise_count(asked[:, None] ^ words)
    return nearest(distances, depth)


def _both_planes(codes: Codes) -> Words:
    """Return the codes with each low bit replaced by *strong*."""
    words = code_words(codes)
    return words & HIGH_BITS | strong_plane(words) >> np.uint64(1)
