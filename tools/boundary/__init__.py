"""The boundary: on which kinds of data few bits are enough, measured.

Reading order: ``data`` (what is searched), ``measure`` (builds and verdicts), ``graph``
(hnswlib beside them), ``dimensions`` and ``speed`` (two questions of their own),
``figures`` (what was measured, kept as JSON), ``tables`` and ``page``.
"""

from boundary.graph import float_graph
from boundary.measure import BEAM_WIDTHS
from boundary.verdicts import is_right

__all__ = ["BEAM_WIDTHS", "float_graph", "is_right"]
