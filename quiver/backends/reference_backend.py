"""The oracle behind the backend protocol: NumPy only, always available."""

from __future__ import annotations

from quiver import reference


class ReferenceBackend:
    """Adapter over `quiver.reference`."""

    name = "reference"
    target = "numpy"

    encode = staticmethod(reference.encode)
    quantize = staticmethod(reference.quantize)
    distance = staticmethod(reference.distance)
    prune = staticmethod(reference.prune)
    merge = staticmethod(reference.merge)
    search = staticmethod(reference.search)
    search_radius = staticmethod(reference.search_radius)
    scan = staticmethod(reference.scan)
    rerank = staticmethod(reference.rerank)
    answer = staticmethod(reference.answer)
