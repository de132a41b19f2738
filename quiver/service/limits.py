"""Limits: what one request, and all of them together, may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quiver.errors import InvalidArgumentError
from quiver.params import DEFAULT_EF
from quiver.validation.checks import MAX_ROWS, check_int, check_real


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a client may ask for.

    Parameters
    ----------
    batch : int, default 256
        Queries of a request.
    k, ef : int, default 1000 and 4096
        Largest values of these; ``ef`` at least 64 and ``2 k``, its default.
    filters : int, default 16
        Different filters of a request; each takes a byte a vector while it is answered.
    body : int, default 16 MiB
        Bytes of a request.
    in_flight : int, default 32
        Requests that are read, wait or are answered; one more is refused. So many
        bodies may be in memory.
    seconds : float, default 30
        After which a client is told that there is no answer in time.

    Raises
    ------
    InvalidArgumentError, InvalidTypeError
        If a value breaks a rule.
    """

    batch: int = 256
    k: int = 1000
    ef: int = 4096
    filters: int = 16
    body: int = 16 << 20
    in_flight: int = 32
    seconds: float = 30.0

    def __post_init__(self) -> None:
        """Check every field."""
        for name in ("batch", "k", "ef", "filters", "body", "in_flight"):
            check_int(name, getattr(self, name), 1, MAX_ROWS)
        check_real("seconds", self.seconds, 1e-3, 1e6)
        least = max(DEFAULT_EF, 2 * self.k)
        if self.ef < least:
            msg = f"ef must be >= {least}, its default for k={self.k}, got {self.ef}"
            raise InvalidArgumentError(msg)


def described(dim: int, limits: Limits) -> dict[str, Any]:
    """Return what a request may hold, as OpenAPI has it of an operation."""
    vector = {
        "type": "array",
        "items": {"type": "number"},
        "minItems": dim,
        "maxItems": dim,
    }
    batch = {"type": "array", "items": vector, "maxItems": limits.batch}
    kinds = [{"type": "integer"}, {"type": "boolean"}]
    chosen = {"type": "array", "items": {"oneOf": kinds}}
    effort = {"type": "integer", "minimum": 1, "maximum": limits.ef}
    fields = {
        "queries": {"oneOf": [vector, batch]},
        "k": {"type": "integer", "minimum": 1, "maximum": limits.k, "default": 10},
        "ef": effort,
        "n_rerank": effort,
        "filter": {"oneOf": [chosen, {"type": "array", "items": chosen}]},
        "policy": {"enum": ["strict", "partial"]},
    }
    schema = {
        "type": "object",
        "properties": fields,
        "required": ["queries"],
        "additionalProperties": False,
    }
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}
