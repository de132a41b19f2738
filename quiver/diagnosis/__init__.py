"""Diagnosis: what would an index of these vectors find? Told before a build.

Reading order: ``census`` (every row, once), ``width`` (how many bits), ``slack``
(how many edges), ``sample`` (which rows are searched), ``structure`` (is there a
neighbourhood to find), ``planes`` (what the bits carry), ``fidelity`` (how codes rank
the true neighbours, for every way of coding), ``forecast`` (small indexes), ``trend``
(what they foretell for all rows), ``float_graph`` (what would be found if nothing were
coded), ``verdict`` and ``findings`` (words from numbers), ``tools`` (where a graph is
not it), ``record``, ``diagnose``, ``auto`` (what a build takes from all this).
"""

from quiver.diagnosis.diagnose import diagnose
from quiver.diagnosis.record import Diagnosis

__all__ = ["Diagnosis", "diagnose"]
