from __future__ import annotations

from .common import BACKENDS, load_backend

FIRST_SEARCH = """
import numpy as np
import quiver
points = np.random.default_rng(0).normal(size=(20, 8))
quiver.Index.build(points, backend={backend!r}).search(points[:2], k=1)
"""


class Import:
    def timeraw_import_quiver(self):
        return "import quiver"


class FirstCall:
    params = (BACKENDS,)
    param_names = ("backend",)

    def setup(self, backend):
        # Once, so that a cache of compiled kernels exists as on a second start.
        load_backend(backend)

    def timeraw_first_build_and_search(self, backend):
        return FIRST_SEARCH.format(backend=backend)
