"""Build: from checked vectors to a state; fit, encode, link.

Source: QuIVer (arXiv 2605.02171) for a graph built on codes alone; see
docs/algorithm/build.md.
"""

from __future__ import annotations

from typing import NamedTuple

from quiver._typing import Metric, Progress, StoredVectors, UserIds, Vectors
from quiver.backends.protocol import Backend
from quiver.encoding import (
    encode_rows,
    encode_searched,
    fit,
    outsize_length,
    shorten_outsize,
)
from quiver.graph.order import (
    choose_entry_point,
    choose_entry_points,
    insertion_order,
)
from quiver.graph.unlinked import unlinked_rows
from quiver.graph.vamana import build_graph
from quiver.parallel.progress import ProgressMeter
from quiver.parallel.workers import Workers
from quiver.params import BuildParams, Encoding, check_goes_together
from quiver.reference.codes import Transform
from quiver.reference.transform import searched_metric
from quiver.state import State


class Plan(NamedTuple):
    """How an index is to be built: everything but its rows, resolved and checked.

    Attributes
    ----------
    metric : {'cosine', 'euclidean', 'inner_product'}
        Of the distances.
    encoding : Encoding
        How rows and queries are coded.
    params : BuildParams
        Shape of the graph.
    backend : Backend
        Kernels; the state does not depend on them.
    threads : int
        The state does not depend on it.
    progress : callable, optional
        Told the rows inserted; may cancel.
    notes : dict of str to str, optional
        Kept with the state.
    transform : Transform, optional
        Of the codes that are searched, so that those of several indexes agree; fitted
        to the rows where none is given. Under inner product the graph is linked by
        other codes, whose transform is that of its own rows in any case.
    """

    metric: Metric
    encoding: Encoding
    params: BuildParams
    backend: Backend
    threads: int = 1
    progress: Progress | bool | None = None
    notes: dict[str, str] | None = None
    transform: Transform | None = None

    def check(self) -> None:
        """Raise if the codes cannot be searched by the metric."""
        check_goes_together(self.metric, self.encoding)


def build(vectors: Vectors | StoredVectors, ids: UserIds, plan: Plan) -> State:
    """Return the state of an index over checked rows; see `quiver.Index.build`.

    Parameters
    ----------
    vectors : ndarray of shape (n, dim), float32, or StoredVectors
        Read in blocks. Kept as they are, so nobody else may change them.
    ids : ndarray of shape (n,), int64
        Distinct, none of them -1.
    plan : Plan
        How.
    """
    metric, encoding, params, backend, threads, progress, notes, given = plan
    meter = ProgressMeter(progress, len(vectors))
    rule = params.rule_for(encoding, metric)
    with Workers(threads, between=meter.poll) as workers:
        in_chunks = workers.map
        linked_by = None if metric == "inner_product" else given
        transform = linked_by or fit(vectors, metric, encoding, params.seed, in_chunks)
        codes = encode_rows(backend, vectors, transform, encoding, workers)
        if metric == "inner_product":
            length = outsize_length(vectors, in_chunks)
            shorten_outsize(codes, backend, vectors, transform, length, workers)
        unlinked = unlinked_rows(vectors, metric, in_chunks)
        entry_point = choose_entry_point(vectors, codes, transform, unlinked[:, 1])
        order = insertion_order(len(vectors), entry_point, params.seed, unlinked[:, 1])
        neighbors = build_graph(
            backend,
            codes,
            order,
            params=params,
            rule=rule,
            workers=workers,
            unlinked=unlinked[:, 1],
            on_rows=meter.advance,
        )
        entry_points = choose_entry_points(
            vectors, order, unlinked[:, 1], metric, encoding.weights
        )
        if metric == "inner_product":
            searched = searched_metric(metric)
            transform = given or fit(
                vectors, searched, encoding, params.seed, in_chunks
            )
            codes = encode_searched(
                backend, vectors, metric, transform, encoding, workers
            )
    return State(
        metric=metric,
        encoding=encoding,
        params=params.settled(encoding, metric),
        transform=transform,
        codes=codes,
        neighbors=neighbors,
        entry_points=entry_points,
        ids=ids,
        vectors=vectors,
        unlinked=unlinked,
        notes=notes,
    )
