"""The explanations of all codes, as a terminal or a page shows them.

Only `albertkit explain` and the documentation import this: errors themselves carry all they say.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from albertkit.errors.codes import CODES

FILE = Path(__file__).with_name("explanations.toml")
CODE_WIDTH = max(map(len, CODES))
PAGE_HEAD = """# Errors and warnings

Each error and warning of albertkit ends with a code in brackets. The code never changes: search for
it, or run `albertkit explain CODE`. In Python the code is `error.diagnostic.code`.

The exit status of a command is 0 if it is done, 1 if the answer is "no" (`verify`), 2 for bad input
(`InputError`, `FormatError`), 3 for missing resources (`ResourceError`), and 130 after Ctrl-C.

This page is made by `make errors-page` from `src/albertkit/errors/`.
"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means.

    Attributes:
        code: as messages show it.
        group: the subject it belongs to.
        what: one sentence.
        why: why this is an error or worth a warning.
        example: the beginning of a message.
        fix: what to do.
    """

    code: str
    group: str
    what: str
    why: str
    example: str
    fix: str

    def text(self, width: int) -> str:
        """The explanation for a terminal of this width."""
        parts = [f"{self.code} ({self.group})", fill(self.what, width), fill(self.why, width)]
        parts.append(fill(self.example, width, initial_indent="  ", subsequent_indent="  "))
        return "\n\n".join([*parts, fill(f"What to do: {self.fix}", width)])

    def markdown(self) -> str:
        """The explanation as a section of a page."""
        return (
            f"### `{self.code}`\n\n{self.what} {self.why}\n\n```text\n{self.example}\n```\n\n"
            f"What to do: {self.fix}\n"
        )


def read_explanations() -> dict[str, Explanation]:
    """All explanations by their codes, in the order of the file."""
    groups = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        code: Explanation(code, group, CODES[code], **parts)
        for group, codes in groups.items()
        for code, parts in codes.items()
    }


def list_codes(width: int) -> str:
    """The codes with their meanings, in groups, for a terminal of this width."""
    lines: list[str] = []
    group = ""
    for explanation in read_explanations().values():
        if explanation.group != group:
            group = explanation.group
            lines += ["", group] if lines else [group]
        indent = f"  {explanation.code:{CODE_WIDTH}}  "
        lines.append(
            fill(
                explanation.what, width, initial_indent=indent, subsequent_indent=" " * len(indent)
            )
        )
    return "\n".join(lines)


def make_page() -> str:
    """The page docs/errors.md."""
    parts = [PAGE_HEAD]
    group = ""
    for explanation in read_explanations().values():
        if explanation.group != group:
            group = explanation.group
            parts.append(f"## {group}\n")
        parts.append(explanation.markdown())
    return "\n".join(parts)
