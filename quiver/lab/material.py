"""Material: what a lab shows, and how typed words find one of its vectors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from typing import Literal, NamedTuple

import numpy as np

from quiver._typing import AnyArray
from quiver.errors import InvalidArgumentError
from quiver.index import Index
from quiver.reference.transform import evenly_taken
from quiver.validation.checks import check_int

Kind = Literal["query", "row"]

ID_TEXT = re.compile(r"-?[0-9]{1,20}", re.ASCII)
"""An id, of at most 64 bits; as text, since a script would round large ones."""

MOST_MATCHES, OFFERED = 8, 50
"""Texts that words find; vectors that are offered to be asked."""


class Match(NamedTuple):
    """A vector that can be asked.

    Attributes
    ----------
    of : {'query', 'row'}
        Whether it is one of the queries, or a stored row.
    id : str
        The query's number, or the caller's id of the row.
    text : str
        What it stands for; empty where nobody said.
    """

    of: Kind
    id: str
    text: str


@dataclass(frozen=True, eq=False)
class Material:
    """Indexes over the same vectors, with texts and queries.

    Attributes
    ----------
    sides : mapping of str to Index
        By name; all have the same vectors under the same ids.
    texts : sequence of str
        Text i of the row with id i.
    queries : ndarray of shape (q, dim), or None
        Vectors to ask beside the rows.
    query_texts : sequence of str
        Text i of query i.
    """

    sides: Mapping[str, Index]
    texts: Sequence[str] = ()
    queries: AnyArray | None = None
    query_texts: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what leaves nothing to ask.

        Raises
        ------
        InvalidArgumentError
            If there are no vectors.
        """
        if not len(self.index):
            msg = "a lab must have vectors to show, got an index of none"
            raise InvalidArgumentError(msg)

    @property
    def index(self) -> Index:
        """The first of the indexes."""
        return next(iter(self.sides.values()))

    @property
    def n_queries(self) -> int:
        """Number of queries beside the rows."""
        return 0 if self.queries is None else len(self.queries)

    def text(self, id_: int) -> str | None:
        """Return the text of a row, or None where it has none."""
        return self.texts[id_] if 0 <= id_ < len(self.texts) else None

    def vector(self, of: Kind, id_: int) -> AnyArray:
        """Return the vector of a query or a row.

        Raises
        ------
        InvalidArgumentError
            If there is none of that number.
        """
        if of == "row":
            return self.index.get(id_)
        if self.queries is None:
            msg = "of must be 'row' where there are no queries, got 'query'"
            raise InvalidArgumentError(msg)
        return np.asarray(self.queries[check_int("id", id_, 0, self.n_queries - 1)])

    def find(self, words: str) -> list[Match]:
        """Return what words mean: the row of that id, and texts that have them.

        Those with most of the words come first, of equal ones the shorter, queries
        before rows.
        """
        wanted = {*words.casefold().split()}
        ranked = (
            (-sum(word in folded for word in wanted), len(folded), place)
            for place, (folded, _) in enumerate(self._folded)
        )
        best = nsmallest(MOST_MATCHES, (rank for rank in ranked if rank[0]))
        return [*self._numbered(words), *(self._folded[place][1] for *_, place in best)]

    def offered(self) -> list[Match]:
        """Return vectors to ask, evenly taken: queries if there are any, else rows."""
        if self.n_queries:
            places = evenly_taken(self.n_queries, OFFERED).tolist()
            texts = dict(enumerate(self.query_texts))
            return [Match("query", str(i), texts.get(i, "")) for i in places]
        ids = self.index.ids
        return [self._row(int(ids[i])) for i in evenly_taken(len(ids), OFFERED)]

    @cached_property
    def _folded(self) -> list[tuple[str, Match]]:
        """Every text in one case with what it stands for, those of queries first."""
        asked = enumerate(self.query_texts[: self.n_queries])
        found = [Match("query", str(place), text) for place, text in asked]
        is_there = np.isin(np.arange(len(self.texts)), self.index.ids)
        found += map(self._row, np.flatnonzero(is_there).tolist())
        return [(match.text.casefold(), match) for match in found]

    def _row(self, id_: int) -> Match:
        return Match("row", str(id_), self.text(id_) or "")

    def _numbered(self, words: str) -> Iterable[Match]:
        number = words.strip()
        if ID_TEXT.fullmatch(number) and int(number) in self.index:
            yield self._row(int(number))
