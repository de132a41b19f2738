"""Approximate nearest-neighbour search on 2-bit codes, proven against an oracle.

Examples
--------
>>> import numpy as np
>>> import quiver
>>> vectors = np.random.default_rng(0).normal(size=(1000, 64))
>>> index = quiver.Index.build(vectors, metric="cosine")
>>> index.search(vectors[:2], k=1).ids
array([[0],
       [1]])
"""

import typing
import warnings
from importlib import import_module
from importlib.util import find_spec

import numpy  # noqa: F401, so that its absence is told here and not at the first use.

from quiver._version import __version__ as __version__

if typing.TYPE_CHECKING:
    from quiver.auditing import Audit, audit
    from quiver.backends.registry import (
        BackendInfo,
        get_backend,
        list_backends,
        register_backend,
    )
    from quiver.check import CheckReport
    from quiver.conformance.certificate import Certificate, certify
    from quiver.conformance.verify import VerifyReport, verify
    from quiver.diagnosis import Diagnosis, diagnose
    from quiver.evaluation.evaluate import evaluate
    from quiver.evaluation.report import Evaluation
    from quiver.evaluation.tune import TuneResult, tune
    from quiver.explain import Explanation
    from quiver.filters.filter import Filter
    from quiver.index import Index
    from quiver.index import open as open
    from quiver.memory import MemoryReport, predict_memory
    from quiver.params import BuildParams, Encoding
    from quiver.recall.exact import exact_knn
    from quiver.recall.recall import recall_at_k, recall_by_ids
    from quiver.results import RadiusResult, SearchResult, SearchStats
    from quiver.sharding.build import build_shards
    from quiver.sharding.sharded import ShardedIndex

# Without `open`: a star import must not shadow the builtin.
__all__ = [
    "Audit",
    "BackendInfo",
    "BuildParams",
    "Certificate",
    "CheckReport",
    "Diagnosis",
    "Encoding",
    "Evaluation",
    "Explanation",
    "Filter",
    "Index",
    "MemoryReport",
    "RadiusResult",
    "SearchResult",
    "SearchStats",
    "ShardedIndex",
    "TuneResult",
    "VerifyReport",
    "audit",
    "build_shards",
    "certify",
    "diagnose",
    "evaluate",
    "exact_knn",
    "get_backend",
    "list_backends",
    "predict_memory",
    "recall_at_k",
    "recall_by_ids",
    "register_backend",
    "tune",
    "verify",
]

# Importing all of it takes twice as long as NumPy, and few need all of it: a name is
# loaded from here when it is first asked for, and a module of quiver as well.
_HOMES = {
    "quiver.auditing": ("Audit", "audit"),
    "quiver.backends.registry": (
        *("BackendInfo", "get_backend", "list_backends", "register_backend"),
    ),
    "quiver.check": ("CheckReport",),
    "quiver.conformance.certificate": ("Certificate", "certify"),
    "quiver.conformance.verify": ("VerifyReport", "verify"),
    "quiver.diagnosis": ("Diagnosis", "diagnose"),
    "quiver.evaluation.evaluate": ("evaluate",),
    "quiver.evaluation.report": ("Evaluation",),
    "quiver.evaluation.tune": ("TuneResult", "tune"),
    "quiver.explain": ("Explanation",),
    "quiver.filters.filter": ("Filter",),
    "quiver.index": ("Index", "open"),
    "quiver.memory": ("MemoryReport", "predict_memory"),
    "quiver.params": ("BuildParams", "Encoding"),
    "quiver.recall.exact": ("exact_knn",),
    "quiver.recall.recall": ("recall_at_k", "recall_by_ids"),
    "quiver.results": ("RadiusResult", "SearchResult", "SearchStats"),
    "quiver.sharding.build": ("build_shards",),
    "quiver.sharding.sharded": ("ShardedIndex",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

# For a type checker every name would exist.
if not typing.TYPE_CHECKING:

    def __getattr__(name):
        """Return a public name, a module, or what an old name means."""
        if name == "Tuned":
            return _renamed(name, "TuneResult")
        if name in _HOME_OF:
            found = globals()[name] = _load(_HOME_OF[name], name)
            return found
        if name.startswith("__") or find_spec(f"quiver.{name}") is None:
            msg = f"module 'quiver' has no attribute {name!r}"
            raise AttributeError(msg)
        return _load(f"quiver.{name}")

    def __dir__():
        """Return what is here and what a name would load."""
        return sorted({*globals(), *_HOME_OF})


def _load(module: str, name: str = "") -> object:
    try:
        from quiver.arithmetic import standard_arithmetic

        # Constants are computed while modules load.
        with standard_arithmetic():
            found = import_module(module)
        if name and not hasattr(found, name):
            msg = f"cannot import name {name!r} from {module!r}"
            raise ImportError(msg, name=module)
    except ImportError as error:
        # Where a file of ours is missing or another's, this says so and what to type.
        from quiver.installation import explain_import

        explain_import(error)
        raise
    return getattr(found, name) if name else found


def _renamed(old: str, new: str) -> object:
    msg = f"quiver.{old} is now quiver.{new}; the next release drops the old name"
    # Shown at the caller of `__getattr__`.
    warnings.warn(msg, DeprecationWarning, stacklevel=3)
    return _load(_HOME_OF[new], new)
