"""The exceptions: three kinds, and AlbertKitError for all of them.

AlbertKitError
├── InputError (also ValueError)       exit 2   an argument or a text cannot be used
├── FormatError (also ValueError)      exit 2   a file is damaged, or has another format
└── ResourceError (also RuntimeError)  exit 3   an extra is missing, a disk full, a hub unreachable

Any other exception that leaves the package is a bug of ours.
"""

from __future__ import annotations

from functools import partial
from typing import Self

from albertkit.errors.diagnostic import Diagnostic


class AlbertKitError(Exception):
    """An error with a Diagnostic; `str(error)` is its line."""

    exit_status = 2

    def __init__(
        self, code: str, what: str, *, why: str = "", fix: str = "", where: str = ""
    ) -> None:
        """Make the diagnostic of the error.

        Args:
            code: one of `albertkit.errors.codes`.
            what: what is wrong, with the value.
            why: why that is wrong.
            fix: what to do.
            where: file, row, column or key.
        """
        self.diagnostic = Diagnostic(code, "error", what, why, fix, where)
        super().__init__(self.diagnostic.line())

    def __reduce__(self) -> tuple[partial[Self], tuple[()]]:
        """Keep the parts when sent to another process; by default only the line would arrive."""
        f = self.diagnostic
        return partial(type(self), f.code, f.what, why=f.why, fix=f.fix, where=f.where), ()


class InputError(AlbertKitError, ValueError):
    """An argument or a text cannot be used."""


class FormatError(AlbertKitError, ValueError):
    """A file is truncated, damaged, or of another format than its name says."""


class ResourceError(AlbertKitError, RuntimeError):
    """A resource is missing: an extra, disk space, a hub that answers."""

    exit_status = 3
