"""Diagnosis: will two bits do for these vectors? Told from a sample, before a build.

Reading order: ``sample`` (which rows are looked at), ``structure`` (is there a
neighbourhood to find), ``planes`` (what the bits carry), ``fidelity`` (how codes rank
the true neighbours, for every way of coding), ``forecast`` (small indexes), ``trend``
(what they foretell for all rows), ``float_graph`` (what would be found if nothing were
coded), ``verdict`` (words from numbers), ``record``, ``diagnose``.
"""

from quiver.diagnosis.diagnose import diagnose
from quiver.diagnosis.record import Diagnosis

__all__ = ["Diagnosis", "diagnose"]
