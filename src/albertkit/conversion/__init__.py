"""Convert between checkpoint formats and compare the numbers of both sides."""

from albertkit.conversion.convert import Conversion, convert
from albertkit.conversion.verify import Comparison, verify

__all__ = ["Comparison", "Conversion", "convert", "verify"]
