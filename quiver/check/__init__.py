"""Is a state sound: a certificate, line by line."""

from quiver.check.check import check
from quiver.check.report import CheckLine, CheckReport

__all__ = ["CheckLine", "CheckReport", "check"]
