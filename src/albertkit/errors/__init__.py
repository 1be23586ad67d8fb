"""Diagnostics, the exceptions that carry them, and the list of their codes."""

from albertkit.errors.codes import CODES
from albertkit.errors.diagnostic import Diagnostic, Severity
from albertkit.errors.exceptions import AlbertKitError, FormatError, InputError, ResourceError
from albertkit.errors.extras import extra_missing, import_extra

__all__ = [
    "CODES",
    "AlbertKitError",
    "Diagnostic",
    "FormatError",
    "InputError",
    "ResourceError",
    "Severity",
    "extra_missing",
    "import_extra",
]
