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

try:
    from quiver._version import __version__ as __version__
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

    if typing.TYPE_CHECKING:
        from quiver.sharding.build import build_shards
        from quiver.sharding.sharded import ShardedIndex
except ImportError as error:
    # Where a file of ours is missing or another's, this says so and what to type.
    from quiver.installation import explain_import

    explain_import(error)
    raise


# Without `open`: a star import must not shadow the builtin.
__all__ = [
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

_LATE = {
    "ShardedIndex": "quiver.sharding.sharded",
    "build_shards": "quiver.sharding.build",
}

# For a type checker every name would exist.
if not typing.TYPE_CHECKING:

    def __getattr__(name):
        """Return what few ask for, loaded on first use, or what an old name means."""
        if name in _LATE:
            found = getattr(import_module(_LATE[name]), name)
            globals()[name] = found
            return found
        if name != "Tuned":
            msg = f"module 'quiver' has no attribute {name!r}"
            raise AttributeError(msg)
        msg = (
            "quiver.Tuned is now quiver.TuneResult; the next release drops the old name"
        )
        warnings.warn(msg, DeprecationWarning, stacklevel=2)
        return TuneResult
