"""What an examination gives: diagnostics, the worst first, and what is healthy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from albertkit.errors import Diagnostic, Severity

Kind = Literal["model", "tokenizer", "data", "code", "message", "environment"]

LINE = re.compile(r"\bline (\d+)\b")
ROWS = re.compile(r"\brows? (\d+(?:, \d+)*)")  # as list_rows of finetuning writes them
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
        row_lines: the line of the file on which each row begins, if the target is a table that an
            editor shows.
    """

    target: str
    kind: Kind
    diagnostics: tuple[Diagnostic, ...]
    healthy: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    row_lines: Sequence[int] = ()

    def worst(self) -> Severity | None:
        """The gravest severity; None if there are no diagnostics."""
        return self.diagnostics[0].severity if self.diagnostics else None

    def lines_of(self, diagnostic: Diagnostic) -> list[int]:
        """The lines of the target that a diagnostic names, by themselves or as rows of a table."""
        match = LINE.search(diagnostic.where)
        if match:
            return [int(match[1])]
        numbers = [int(row) for names in ROWS.findall(diagnostic.what) for row in names.split(", ")]
        return [self.row_lines[row - 1] for row in numbers if 0 < row <= len(self.row_lines)]


def sort_diagnostics(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Errors first, then warnings and notes; equals stay in their order."""
    return tuple(sorted(diagnostics, key=lambda diagnostic: ORDER[diagnostic.severity]))


def has_warning(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether anything is worse than a note."""
    return any(diagnostic.severity != "note" for diagnostic in diagnostics)
