"""Diagnostics, and the exceptions that carry them."""

from albertkit.errors.exceptions import (
    AlbertKitError,
    Diagnostic,
    FormatError,
    InputError,
    ResourceError,
    Severity,
    extra_missing_error,
    import_extra,
)

__all__ = [
    "AlbertKitError",
    "Diagnostic",
    "FormatError",
    "InputError",
    "ResourceError",
    "Severity",
    "extra_missing_error",
    "import_extra",
]
