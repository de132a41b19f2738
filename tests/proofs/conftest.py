"""The backends whose speed allows enumerations that take the reference minutes."""

from __future__ import annotations

import pytest

from quiver.backends import Backend


@pytest.fixture
def compiled(backend: Backend) -> Backend:
    """Return each registered backend in turn but the reference."""
    if backend.name == "reference":
        pytest.skip("takes the reference minutes: it has smaller enumerations")
    return backend
