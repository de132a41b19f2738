"""The backends whose speed allows enumerations that take the reference minutes."""

from __future__ import annotations

import pytest

from quiver.backends import Backend, get_backend, list_backends


@pytest.fixture
def compiled(backend: Backend) -> Backend:
    """Return each registered backend in turn but the reference."""
    if backend.name == "reference":
        pytest.skip("takes the reference minutes: it has smaller enumerations")
    return backend


@pytest.fixture
def every_compiled() -> list[Backend]:
    """Return all backends that run here but the reference."""
    names = [info.name for info in list_backends() if info.available]
    found = [get_backend(name) for name in names if name != "reference"]
    return found or pytest.skip("there are no compiled kernels")
