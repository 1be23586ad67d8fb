"""Any ALBERT in, any ALBERT out: read, write, and prove that the numbers are the same."""

from albertkit.conversion.convert import Conversion, convert
from albertkit.conversion.verify import Comparison, verify

__all__ = ["Comparison", "Conversion", "convert", "verify"]
