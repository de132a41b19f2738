"""The algorithm in plain NumPy: the oracle that every backend must equal in every bit.

Read it in this order; each module is a few minutes. The first two are what the others
pass to each other: rows of code, and candidates in order.

====================  ==========================================  =====================
Module                What it computes                            QuIVer (2605.02171)
====================  ==========================================  =====================
``codes``             rows of code, queries, the transform        Table 2, hot and cold
``keys``              (distance, id) as one integer               (quiver's own)
``lanes``             the one definition of a float sum           (quiver's own)
``transform``         centring, filled lines, Hadamard rotation   (quiver's own)
``encode``            codes of 2, 4 or 8 bits, int8 queries       encoding, Eq. 1
``distance``          popcounts, byte dots; corrected estimate    Table 1, Eq. 4
``error``             how far an estimate may be off              (RaBitQ's bound)
``prune``             alpha-diversity pruning                     graph construction
``merge``             reverse edges, lists that overflow          graph construction
``masks``             which rows may answer, a bit each           (quiver's own)
``horizon``           what is too far beyond what is found        (Adaptive Beam Search)
``walk``              best-first walk, and where it stops         search
``search``            walks of a batch with counters; the scan    search
``bounds``            what a code says of the exact distance      (quiver's own)
``rerank``            exact order of the last candidates          cold re-rank, Table 3
``unlinked``          rows that no walk reaches join an answer    (quiver's own)
``candidates``        what of a beam is measured exactly          (quiver's own)
``answer``            all of a search in one word                 Table 3
====================  ==========================================  =====================

How data flows::

    vectors -> transform -> encode -> codes ---+
                                               +-> search + prune -> graph
    query -> transform -> quantize -> search (codes, graph) -> rerank (float32)

Batching, threads, validation and files are elsewhere, written once for all backends.
"""

from quiver.reference.answer import answer
from quiver.reference.distance import distance
from quiver.reference.encode import encode, quantize
from quiver.reference.merge import merge
from quiver.reference.prune import prune
from quiver.reference.rerank import rerank
from quiver.reference.search import scan, search, search_radius

__all__ = [
    "answer",
    "distance",
    "encode",
    "merge",
    "prune",
    "quantize",
    "rerank",
    "scan",
    "search",
    "search_radius",
]
