"""One diagnostic: what is wrong, why that is wrong, what to do, and a stable code.

An exception holds one, the command line prints one, a server returns one: always the same text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A warning or an error, in four parts."""

    code: str  # kebab-case, listed in errors/codes.py, never changes
    severity: Severity
    what: str  # what is wrong, with the value seen
    why: str = ""  # why that is wrong
    fix: str = ""  # what to do
    where: str = ""  # file, row, column or key

    def line(self) -> str:
        """Format the line that people see: `what; why. fix. [code]`."""
        location = f"{self.where}: " if self.where else ""
        what = self.what if not self.why else f"{self.what}; {self.why}"
        stop = "" if what.endswith("?") else "."
        fix = f" {self.fix}." if self.fix else ""
        return f"{location}{what}{stop}{fix} [{self.code}]"
