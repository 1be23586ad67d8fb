"""Findings, the exceptions that carry them, and the list of their codes."""

from albertkit.errors.codes import CODES
from albertkit.errors.diagnostic import Finding, Severity
from albertkit.errors.exceptions import AlbertKitError, FormatError, InputError, SurroundingsError
from albertkit.errors.extras import extra_missing, imported

__all__ = [
    "CODES",
    "AlbertKitError",
    "Finding",
    "FormatError",
    "InputError",
    "Severity",
    "SurroundingsError",
    "extra_missing",
    "imported",
]
