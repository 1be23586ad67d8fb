"""The exceptions: a user can catch one of three, or all of them as AlbertKitError.

AlbertKitError
├── InputError (also ValueError)          exit 2   what the caller gave cannot be used
├── FormatError (also ValueError)         exit 2   a file is broken, foreign or of another kind
└── ResourceError (also RuntimeError) exit 3   an extra is missing, a disk full, a hub away

Any other exception that leaves the package is a bug of ours.
"""

from __future__ import annotations

from functools import partial
from typing import Self

from albertkit.errors.diagnostic import Diagnostic


class AlbertKitError(Exception):
    """An error with a Diagnostic; `str(error)` is its one line."""

    exit_status = 2

    def __init__(
        self, code: str, what: str, *, why: str = "", fix: str = "", where: str = ""
    ) -> None:
        self.diagnostic = Diagnostic(code, "error", what, why, fix, where)
        super().__init__(self.diagnostic.line())

    def __reduce__(self) -> tuple[partial[Self], tuple[()]]:
        """How it is sent to another process; the way of all exceptions knows the line alone."""
        f = self.diagnostic
        return partial(type(self), f.code, f.what, why=f.why, fix=f.fix, where=f.where), ()


class InputError(AlbertKitError, ValueError):
    """What the caller gave cannot be used."""


class FormatError(AlbertKitError, ValueError):
    """A file is truncated, damaged, foreign, or of another kind than its name says."""


class ResourceError(AlbertKitError, RuntimeError):
    """Something around us is missing: an extra, disk space, a reachable hub."""

    exit_status = 3
