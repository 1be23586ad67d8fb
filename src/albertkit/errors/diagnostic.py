"""One diagnostic: what is wrong, why that cannot be right, what to do, and a stable code.

An exception carries one, the command line prints one, a server returns one: always the same text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What was found, in the parts in which people look for it."""

    code: str  # kebab-case, listed in errors/codes.py, never changes
    severity: Severity
    what: str  # what is wrong, with the value seen
    why: str = ""  # why that cannot be right
    fix: str = ""  # what to do
    where: str = ""  # file, row, column or key, where the user can look

    def line(self) -> str:
        """The one line that people see: `what; why. fix. [code]`."""
        place = f"{self.where}: " if self.where else ""
        what = self.what if not self.why else f"{self.what}; {self.why}"
        stop = "" if what.endswith("?") else "."
        fix = f" {self.fix}." if self.fix else ""
        return f"{place}{what}{stop}{fix} [{self.code}]"
