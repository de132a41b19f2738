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

from quiver.backends.registry import get_backend, list_backends, register_backend
from quiver.diagnosis import Diagnosis, diagnose
from quiver.evaluate import evaluate
from quiver.evaluation import Evaluation
from quiver.exact import exact_knn
from quiver.index import Index
from quiver.memory import MemoryReport, predict_memory
from quiver.metrics import recall_at_k, recall_by_ids
from quiver.params import BuildParams, Encoding
from quiver.results import SearchResult, SearchStats
from quiver.storage import open
from quiver.tune import Tuned, tune
from quiver.verify import verify

__version__ = "0.1.0"

__all__ = [
    "BuildParams",
    "Diagnosis",
    "Encoding",
    "Evaluation",
    "Index",
    "MemoryReport",
    "SearchResult",
    "SearchStats",
    "Tuned",
    "diagnose",
    "evaluate",
    "exact_knn",
    "get_backend",
    "list_backends",
    "open",
    "predict_memory",
    "recall_at_k",
    "recall_by_ids",
    "register_backend",
    "tune",
    "verify",
]
