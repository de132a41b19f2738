"""Runbooks: the steps of a stream of changes and searches, in the harness's YAML.

A *tag* is the number that answers carry; a vector goes by its row in the base. A tag
begins as the number of its vector, and `Replace` gives it another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import yaml
from numpy.typing import NDArray

from quiver.errors import FileFormatError, did_you_mean

NONE = -1
"""In place of a vector, where a tag has none."""


@dataclass(frozen=True)
class Insert:
    """Vectors ``start … end - 1`` join, each tagged by its own number."""

    start: int
    end: int


@dataclass(frozen=True)
class Delete:
    """Tags ``start … end - 1`` go."""

    start: int
    end: int


@dataclass(frozen=True)
class Replace:
    """Tags from ``tags_start`` on get the vectors from ``ids_start`` on instead."""

    tags_start: int
    tags_end: int
    ids_start: int
    ids_end: int


@dataclass(frozen=True)
class Search:
    """All queries are answered."""


Step: TypeAlias = Insert | Delete | Replace | Search
OPERATIONS = {"insert": Insert, "delete": Delete, "replace": Replace, "search": Search}
_WORDS = {kind: word for word, kind in OPERATIONS.items()}


class Runbook(NamedTuple):
    """Steps, and the most vectors that are in the index at once."""

    max_pts: int
    steps: tuple[Step, ...]


def word_of(step: Step) -> str:
    """Return what the files call a step."""
    return _WORDS[type(step)]


def n_changed(step: Step) -> int:
    """Return how many tags a step changes."""
    match step:
        case Insert(start, end) | Delete(start, end) | Replace(start, end, _, _):
            return end - start
        case Search():
            return 0


def assembled(steps: Iterable[Step]) -> Runbook:
    """Return the runbook of steps, without changes of nothing and searches of the same.

    Before the first insertion there is nothing to search either.
    """
    kept: list[Step] = [Search()]
    for step in steps:
        if n_changed(step) or (isinstance(step, Search) and n_changed(kept[-1])):
            kept.append(step)
    signs = {Insert: 1, Delete: -1}
    changes = [signs.get(type(step), 0) * n_changed(step) for step in kept]
    return Runbook(int(np.cumsum(changes).max()), tuple(kept[1:]))


def write(path: Path, dataset: str, runbook: Runbook) -> None:
    """Write a runbook under the harness's name of its data set."""
    steps = {
        number: {"operation": word_of(step), **asdict(step)}
        for number, step in enumerate(runbook.steps, 1)
    }
    document = {dataset: {"max_pts": runbook.max_pts, **steps}}
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def read(path: Path, dataset: str, n_vectors: int) -> Runbook:
    """Return the runbook for a data set, proven to make sense with so many vectors.

    Raises
    ------
    FileFormatError
        If the file is no YAML, does not know the data set, or holds a step that is
        malformed or impossible; the message names file and step. The harness itself
        ends at a missing number and finds out about a tag only when it is used.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{path}: must be YAML, got {error}"
        raise FileFormatError(msg) from error
    entries = _entries(path, document, dataset)
    numbers = sorted(key for key in entries if type(key) is int)
    if not numbers or numbers != [*range(1, len(numbers) + 1)]:
        missing = next(i for i, number in enumerate([*numbers, 0], 1) if i != number)
        msg = f"{path}: steps must be numbered 1, 2, 3 …, got no step {missing}"
        raise FileFormatError(msg)
    steps = tuple(_step(f"{path}: step {i}", entries[i]) for i in numbers)
    if Search() not in steps:
        msg = f"{path}: one step at least must be a search, got {len(steps)} changes"
        raise FileFormatError(msg)
    max_pts = _integer(f"{path}: max_pts", entries.get("max_pts"))
    runbook = Runbook(max_pts, steps)
    try:
        for _ in walk(runbook, n_vectors):
            pass
    except FileFormatError as error:
        msg = f"{path}: {error}"
        raise FileFormatError(msg) from None
    return runbook


def walk(runbook: Runbook, n_vectors: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each step's number and the vector of every tag after it, `NONE` for none.

    The array is the same each time, and changes with the next step.

    Raises
    ------
    FileFormatError
        If a step cannot be carried out.
    """
    vector_of = np.full(n_vectors, NONE)
    for number, step in enumerate(runbook.steps, 1):
        if (fault := _carry_out(step, vector_of)) is not None:
            msg = f"step {number} ({word_of(step)}) {fault}"
            raise FileFormatError(msg)
        n_live = np.count_nonzero(vector_of != NONE)
        if n_live > runbook.max_pts:
            msg = (
                f"step {number} leaves {n_live} vectors, got max_pts={runbook.max_pts}"
            )
            raise FileFormatError(msg)
        yield number, vector_of


def _carry_out(step: Step, vector_of: NDArray[np.int64]) -> str | None:
    """Change the vectors of tags by one step, or return why that cannot be done."""
    if isinstance(step, Search):
        return None if (vector_of != NONE).any() else "must find a vector, got none"
    tags, vectors = _spans(step)
    for span in (tags, vectors or tags):
        if not 0 <= span.start < span.stop <= len(vector_of):
            rule = f"must name numbers in 0 … {len(vector_of)}, from first to last + 1"
            return f"{rule}, got {span.start} … {span.stop}"
    n_tags, wants_live = tags.stop - tags.start, not isinstance(step, Insert)
    if vectors and n_tags != vectors.stop - vectors.start:
        n_vectors = vectors.stop - vectors.start
        return f"must give each tag one vector, got {n_vectors} for {n_tags}"
    is_wrong = (vector_of[tags] != NONE) != wants_live
    if is_wrong.any():
        rule = "tags in the index" if wants_live else "tags that are not in the index"
        return f"must name {rule}, got {tags.start + int(is_wrong.argmax())}"
    vector_of[tags] = np.arange(vectors.start, vectors.stop) if vectors else NONE
    return None


def _spans(step: Insert | Delete | Replace) -> tuple[slice, slice | None]:
    """Return the tags that a step changes, and the vectors they get, if any."""
    match step:
        case Insert(start, end):
            return slice(start, end), slice(start, end)
        case Delete(start, end):
            return slice(start, end), None
        case Replace(tags_start, tags_end, ids_start, ids_end):
            return slice(tags_start, tags_end), slice(ids_start, ids_end)


def _entries(path: Path, document: Any, dataset: str) -> dict[Any, Any]:
    """Return what a file says of a data set."""
    known = document if isinstance(document, dict) else {}
    entries = known.get(dataset)
    if not isinstance(entries, dict):
        hint = did_you_mean(dataset, [str(name) for name in known])
        names = ", ".join(map(str, known)) or "no data set"
        msg = f"{path}: must have steps for {dataset!r}, got {names}{hint}"
        raise FileFormatError(msg)
    return entries


def _step(where: str, entry: Any) -> Step:
    """Return one step, in its own words."""
    word = entry.get("operation") if isinstance(entry, dict) else entry
    kind = OPERATIONS.get(word) if isinstance(word, str) else None
    if kind is None:
        msg = f"{where}: operation must be one of {', '.join(OPERATIONS)}, got {word!r}"
        raise FileFormatError(msg + did_you_mean(word, OPERATIONS))
    names = [field.name for field in fields(kind)]
    return kind(*(_integer(f"{where}: {name}", entry.get(name)) for name in names))


def _integer(name: str, value: Any) -> int:
    if type(value) is not int:
        msg = f"{name} must be an integer, got {value!r}"
        raise FileFormatError(msg)
    return value
