"""The algorithm in plain NumPy: the oracle that every backend must equal in every bit.

Read it in this order; each module is a few minutes.

====================  ==========================================  =====================
Module                What it computes                            QuIVer (2605.02171)
====================  ==========================================  =====================
``lanes``             the one definition of a float sum           (quiver's own)
``transform``         centring and Hadamard rotation              (quiver's own)
``encode``            2-bit sign-magnitude codes, int8 queries    encoding, Eq. 1
``distance``          XOR, AND, popcount; the corrected estimate  Table 1, Eq. 4
``prune``             alpha-diversity pruning                     graph construction
``search``            best-first walk with counters               search
``rerank``            exact order of the last candidates          cold re-rank, Table 3
====================  ==========================================  =====================

How data flows::

    vectors -> transform -> encode -> codes ---+
                                               +-> search + prune -> graph
    query -> transform -> quantize -> search (codes, graph) -> rerank (float32)

Batching, threads, validation and files are elsewhere, written once for all backends.
"""

from quiver.reference.distance import distance
from quiver.reference.encode import encode, quantize
from quiver.reference.prune import prune
from quiver.reference.rerank import rerank
from quiver.reference.search import search

__all__ = ["distance", "encode", "prune", "quantize", "rerank", "search"]
