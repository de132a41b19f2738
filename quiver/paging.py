"""Paging: the answers of one query, page after page, for as long as anybody asks.

A wider beam takes the walk of a narrower one further, but for a row dropped here or
there, so every round walks again with twice the width and gives out what is new: all
rounds together cost at most twice the last.

Source: quiver's own; see docs/filters.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from quiver._typing import Distances, Keys, UserIds, Vectors
from quiver.arithmetic import in_standard_arithmetic
from quiver.backends.protocol import Backend
from quiver.filters.filter import Filter
from quiver.filters.given import of_live_rows
from quiver.params import DEFAULT_EF
from quiver.ranking import ranked_with_others
from quiver.reference.keys import NO_KEY, key_distances, key_ids
from quiver.search import walk
from quiver.state import State


def pages(
    state: State,
    backend: Backend,
    query: Vectors,
    size: int,
    own: Filter | None = None,
) -> Iterator[tuple[UserIds, Distances]]:
    """Yield ids and distances, page by page; see `quiver.Index.pages`."""
    state.check_file()
    n_linked = state.n - len(state.unlinked)
    out = [np.empty(0, dtype=np.uint32)]
    own = of_live_rows(state) if own is None else own
    n_out, ef = 0, max(DEFAULT_EF, 2 * size)
    while True:
        keys = _ranked(state, backend, query, ef, own)
        keys = keys[~np.isin(key_ids(keys), np.concatenate(out))]
        is_last = ef >= n_linked
        # The first half of a beam is about as good as it would be in a wider one.
        while len(keys) if is_last else len(keys) >= size and n_out < ef // 2:
            page, keys = keys[:size], keys[size:]
            out.append(key_ids(page))
            n_out += len(page)
            yield state.ids[key_ids(page)], key_distances(page)
            # Any time may have passed before the next page is asked for.
            state.check_file()
        if is_last:
            return
        ef *= 2


@in_standard_arithmetic
def _ranked(
    state: State, backend: Backend, query: Vectors, ef: int, own: Filter | None
) -> Keys:
    """Return what a walk of this width finds, in order."""
    filters = None if own is None else [own]
    beam = walk(state, backend, query, ef, filters).keys[0]
    rows = key_ids(beam[beam != NO_KEY])
    return ranked_with_others(state, backend, query[0], rows, own)
