"""What an examination gives: diagnostics, the worst first, and what is healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from albertkit.errors import Diagnostic, Severity

Kind = Literal["model", "tokenizer", "data", "code", "message", "environment"]

ORDER: Mapping[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Examination:
    """What was examined, and the result.

    Attributes:
        target: as the user gave it.
        kind: what it is.
        diagnostics: all of them, the worst first.
        healthy: what was checked without a warning.
        facts: what to paste into a bug report.
    """

    target: str
    kind: Kind
    diagnostics: tuple[Diagnostic, ...]
    healthy: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    def worst(self) -> Severity | None:
        """The gravest severity; None if there are no diagnostics."""
        return self.diagnostics[0].severity if self.diagnostics else None


def sort_diagnostics(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Errors first, then warnings and notes; equals stay in their order."""
    return tuple(sorted(diagnostics, key=lambda diagnostic: ORDER[diagnostic.severity]))


def has_warning(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether anything is worse than a note."""
    return any(diagnostic.severity != "note" for diagnostic in diagnostics)
