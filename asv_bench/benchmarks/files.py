from __future__ import annotations

import quiver

from .common import BACKENDS, OnIndexes, load_backend


class Open(OnIndexes):
    params = (BACKENDS, ("memory", "mmap"))
    param_names = ("backend", "cold")

    def setup(self, paths, backend, cold):
        load_backend(backend)

    def time_open(self, paths, backend, cold):
        quiver.open(paths["demo-384"], cold=cold, backend=backend)


class OpenShared(OnIndexes):
    params = (BACKENDS, ("none", "fast", "full"))
    param_names = ("backend", "verify")

    def setup(self, paths, backend, verify):
        load_backend(backend)

    def time_open(self, paths, backend, verify):
        path = paths["demo-384"]
        quiver.open(path, hot="mmap", verify=verify, backend=backend)
