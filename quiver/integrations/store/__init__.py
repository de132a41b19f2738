"""Store: documents beside their vectors, found by nearness and by what they say.

For frameworks and for whoever has texts with an id. Needs nothing but NumPy and the
standard library. Reading order: `document` (what goes in and comes back), `plain` (what
metadata may hold), `conditions` (filters), `view` (all of it at one moment, and every
question), `diversity` (answers unlike each other), `folder` (the files), `keeper` and
`width` (the index, and its codes), `store` (the changes), `adapting` (for adapters).
See docs/stores.md.
"""

from __future__ import annotations

from quiver.integrations.store.conditions import Condition, Field, field
from quiver.integrations.store.document import Document
from quiver.integrations.store.store import DocumentStore

__all__ = ["Condition", "Document", "DocumentStore", "Field", "field"]
