"""Asked: what the page asks, from the bytes of a request to checked values."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import repr as brief
from typing import Any, NamedTuple, get_args

from quiver.backends.registry import list_backends
from quiver.errors import InvalidArgumentError, InvalidTypeError
from quiver.lab.material import ID_TEXT, Kind, Material
from quiver.service.asked import DEFAULT_K, check_word, read_fields, unless_null
from quiver.service.limits import Limits
from quiver.validation.checks import check_int

LIMITS = Limits(k=100, ef=1024, body=1 << 14, in_flight=16, seconds=60.0)
"""Of one page: what it asks is small. A minute, since kernels may have to compile."""

LONGEST_WORDS = 400
"""Characters of what is typed."""


class Question(NamedTuple):
    """One search that the page asks for.

    Attributes
    ----------
    side : str
        Name of the index.
    of : {'query', 'row'}
        Whether a query or a stored row is asked.
    id : int
        Number of the query, or id of the row.
    k, ef, n_rerank
        As for `quiver.Index.search`.
    backend : str
        What it is compared with.
    """

    side: str
    of: Kind
    id: int
    k: int
    ef: int | None
    n_rerank: int | None
    backend: str

    @property
    def effort(self) -> dict[str, Any]:
        """The arguments of a search besides the query."""
        return {"k": self.k, "ef": self.ef, "n_rerank": self.n_rerank}


def read_question(body: bytes, material: Material, limits: Limits) -> Question:
    """Return the question in the body of a request.

    Raises
    ------
    MalformedRequestError
        If it is not JSON, or an object has a key twice.
    InvalidArgumentError, InvalidTypeError
        If a field is unknown or breaks a rule.
    """
    given = read_fields(body, Question._fields)
    names = tuple(one.name for one in list_backends())
    return Question(
        side=_one_of("side", given, tuple(material.sides)),
        of=_one_of("of", given, get_args(Kind)),
        id=_as_id(given.get("id")),
        k=check_int("k", given.get("k", DEFAULT_K), 1, limits.k),
        ef=unless_null(given, "ef", limits.ef),
        n_rerank=unless_null(given, "n_rerank", limits.ef),
        backend=_one_of("backend", {"backend": "reference", **given}, names),
    )


def read_words(body: bytes) -> str:
    """Return the words in the body of a request; errors are those of a question."""
    words = read_fields(body, ("words",)).get("words")
    if not isinstance(words, str):
        msg = f"words must be a string, got {brief(words)}"
        raise InvalidTypeError(msg)
    if len(words) > LONGEST_WORDS:
        msg = f"words must be at most {LONGEST_WORDS} characters, got {len(words)}"
        raise InvalidArgumentError(msg)
    return words


def _one_of(name: str, given: dict[str, Any], allowed: Sequence[str]) -> Any:
    check_word(name, given.get(name), tuple(allowed))
    return given[name]


def _as_id(given: Any) -> int:
    if isinstance(given, str) and ID_TEXT.fullmatch(given):
        return int(given)
    msg = f"id must be an integer as text, such as '7', got {brief(given)}"
    raise InvalidTypeError(msg)
