"""The catalogue of symptoms: what goes wrong, why, what to do, and how it is recognised.

In: symptoms.toml, which explains its keys. Out: Symptom objects, and the pages made from them. A
symptom is recognised by its patterns in a message, by a rule for source code, or by a check.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, indent

from albertkit.errors import Diagnostic, InputError, Severity
from albertkit.errors.exceptions import Basis, find_nearest_name
from albertkit.errors.explanations import Explanation, read_explanations

FILE = Path(__file__).with_name("symptoms.toml")
PAGE_HEAD = """# Symptoms

What goes wrong with ALBERTs and BERTs, in albertkit and in other libraries, and what to do.
`albertkit doctor TARGET` recognises these in a model, a script, a notebook or an error message.

Find your case in the tables; each code leads to what it is, why it is bad, an example, what to do
instead, and where it was seen. This page is made by `make errors-page` from
`src/albertkit/doctor/symptoms.toml`.
"""
LEVELS: Mapping[Severity, str] = {
    "error": "it does not run",
    "warning": "it runs, and the result is wrong or at risk",
    "note": "worth knowing",
}
SAFETY = {True: "The fix changes the numbers that the model gives.", False: "The fix is safe."}
FOUND_BY = {  # how a symptom without a line of code is seen
    "snippet": "a script or a notebook",
    "model": "a check of the files and numbers of a model",
    "environment": "the installed versions, with `--env`",
    "text": "your own texts, with `--text`",
}


class _Blanks(dict[str, str]):
    """Values for a sentence; a missing one is an ellipsis."""

    def __missing__(self, name: str) -> str:
        return "…"


@dataclass(frozen=True, slots=True)
class Symptom:
    """One entry of the catalogue.

    Attributes:
        code: its name, as messages show it.
        group: the heading that it belongs to.
        what: one sentence; {names} are filled with what was seen.
        why: the cause.
        fix: what to do.
        source: where it was seen.
        patterns: regular expressions for a line of a message.
        context: a word that the message must hold anywhere, if the patterns are general.
        by: other ways to recognise it: snippet, model, environment, text.
        level: how grave it is.
        basis: how sure a pattern is: recognised, or a guess if its message has other causes too.
        example: a line of code that has the symptom.
        instead: the better line.
        albertkit: the same task in albertkit, Python or a command.
        changes_numbers: whether the fix changes what the model computes.
        untriggered: why no test triggers it; empty if one does.
    """

    code: str
    group: str
    what: str
    why: str
    fix: str
    source: str
    patterns: tuple[re.Pattern[str], ...] = ()
    context: str = ""
    by: tuple[str, ...] = ()
    level: Severity = "error"
    basis: Basis = "recognised"
    example: str = ""
    instead: str = ""
    albertkit: str = ""
    changes_numbers: bool = False
    untriggered: str = ""

    def diagnose(
        self,
        where: str = "",
        *,
        evidence: str = "",
        basis: Basis = "measured",
        fix: str | None = None,
        level: Severity | None = None,
        **values: object,
    ) -> Diagnostic:
        """Make the diagnostic of a case.

        Args:
            where: file, line or tensor.
            evidence: the numbers or the words that show it.
            basis: how it is known.
            fix: a better remedy than the catalogue's, such as the corrected line.
            level: how grave it is here; None: as the catalogue says.
            **values: what the {names} of the sentences stand for.
        """
        blanks = _Blanks({name: str(value) for name, value in values.items()})
        return Diagnostic(
            self.code,
            level or self.level,
            self.what.format_map(blanks).rstrip("."),
            why=self.why.format_map(blanks),
            fix=self.fix.format_map(blanks) if fix is None else fix,
            where=where,
            evidence=evidence,
            basis=basis,
            changes_numbers=self.changes_numbers,
        )

    def text(self, width: int) -> str:
        """The entry for a terminal of this width."""
        parts = [f"{self.code} ({self.group}; {LEVELS[self.level]})"]
        parts += [
            fill(_replace_names(self.what), width),
            fill(f"Cause: {_replace_names(self.why)}.", width),
        ]
        if self.example:
            parts.append(indent(self.example, "  "))
        parts.append(fill(f"What to do: {_replace_names(self.fix)}.", width))
        if self.instead:
            parts.append(indent(self.instead, "  "))
        parts.append(SAFETY[self.changes_numbers])
        if self.albertkit:
            parts += ["The same in albertkit:", indent(self.albertkit, "  ")]
        return "\n\n".join([*parts, fill(f"Source: {self.source}.", width)])

    def markdown(self) -> str:
        """The entry as a section of the page, in five parts."""
        parts = [
            f"### `{self.code}`",
            f"{_escape_names(self.what)} ({LEVELS[self.level].capitalize()}.)",
        ]
        parts.append(f"**Why:** {_escape_names(self.why)}.")
        parts.append(f"**Example:** {self._describe_example()}")
        parts.append(f"**Instead:** {_escape_names(self.fix)}. {SAFETY[self.changes_numbers]}")
        better = "\n".join(filter(None, (self.instead, self.albertkit)))
        if better:
            parts.append(f"```text\n{better}\n```")
        untested = f" No test triggers it: {self.untriggered}." if self.untriggered else ""
        return "\n\n".join([*parts, f"**Source:** {_escape_names(self.source)}.{untested}\n"])

    def _describe_example(self) -> str:
        """A line that has the symptom, and what else it is recognised by."""
        parts = [FOUND_BY[way] for way in self.by if not (way == "snippet" and self.example)]
        if self.patterns:
            listed = "\n".join(f"`` {pattern.pattern} ``  " for pattern in self.patterns)
            parts.append(f"a message with:\n\n{listed}")
        also = "; ".join(parts)
        if not self.example:
            return also
        code = f"\n\n```text\n{self.example}\n```"
        return f"{code}\n\nAlso {also}" if also else code


@functools.cache
def read_symptoms() -> Mapping[str, Symptom]:
    """All symptoms by their codes, in the order of the file."""
    groups = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        code: Symptom(
            code,
            group,
            **{
                **entry,
                "patterns": tuple(map(re.compile, entry.get("patterns", ()))),
                "by": tuple(entry.get("by", ())),
            },
        )
        for group, entries in groups.items()
        for code, entry in entries.items()
    }


def find_symptom(code: str) -> Symptom:
    """The symptom of this code; a KeyError is a mistake of ours."""
    return read_symptoms()[code]


def explain(code: str, width: int) -> str:
    """Explain a symptom or an error code, for a terminal of this width.

    Args:
        code: with or without brackets.
        width: characters of a line.

    Raises:
        InputError: [code-unknown].
    """
    name = code.strip("[]").lower()
    entries: Mapping[str, Explanation | Symptom] = {**read_explanations(), **read_symptoms()}
    if name not in entries:
        near = find_nearest_name(name, entries)
        raise InputError(
            "code-unknown",
            f"there is no code {name!r}",
            why=f"the nearest is {near!r}" if near else "a code looks like 'left-padding'",
            fix="See docs/symptoms.md, or for errors of albertkit run: albertkit explain",
        )
    return entries[name].text(width)


def make_page() -> str:
    """The page docs/symptoms.md: what people see, in groups, and a section for each."""
    groups: dict[str, list[Symptom]] = {}
    for entry in read_symptoms().values():
        groups.setdefault(entry.group, []).append(entry)
    parts = [PAGE_HEAD]
    for group, entries in groups.items():
        rows = "\n".join(
            f"| {_escape_names(entry.what)} | [`{entry.code}`](#{entry.code}) |"
            for entry in entries
        )
        parts.append(f"**{group}**\n\n| what you see | code |\n|---|---|\n{rows}\n")
    for group, entries in groups.items():
        parts += [f"## {group}\n", *(entry.markdown() for entry in entries)]
    return "\n".join(parts)


def _replace_names(sentence: str) -> str:
    """A sentence of the catalogue with its {names} as words in angle brackets."""
    return re.sub(r"\{(\w+)\}", r"<\1>", sentence)


def _escape_names(sentence: str) -> str:
    """A sentence of the catalogue for a page, where < would begin a tag and | a cell."""
    return _replace_names(sentence).replace("<", "&lt;").replace("|", "&#124;")
