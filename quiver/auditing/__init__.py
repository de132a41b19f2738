"""Auditing: the published tables rebuilt with the data at hand, and every claim judged.

Source: QuIVer (arXiv 2605.02171), Tables 2, 5 and 7-11; see docs/audit.md.
"""

from quiver.auditing.audit import audit
from quiver.auditing.record import Audit

__all__ = ["Audit", "audit"]
