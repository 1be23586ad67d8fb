"""Show an Examination: for people, as JSON, as annotations of GitHub, or as SARIF 2.1.0.

SARIF: https://docs.oasis-open.org/sarif/sarif/v2.1.0/; GitHub: workflow commands for Actions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import Literal
from urllib.parse import quote

from albertkit.doctor.catalogue import read_symptoms
from albertkit.doctor.examination import Examination
from albertkit.errors import Diagnostic, Severity
from albertkit.errors.codes import CODES
from albertkit.errors.exceptions import count_noun

ReportFormat = Literal["table", "json", "github", "sarif"]

SIGNS: Mapping[Severity, str] = {"error": "✗", "warning": "!", "note": "·"}
SARIF_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "note": "note"}
GITHUB_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LABEL_WIDTH = 9


def render(examination: Examination, form: ReportFormat, width: int = 80) -> str:
    """The examination as text.

    Args:
        examination: the result.
        form: table (for people), json, github or sarif.
        width: characters of a line of the table.
    """
    if form == "json":
        return _render_json(examination)
    if form == "github":
        return "\n".join(_render_github_lines(examination))
    if form == "sarif":
        return json.dumps(_render_sarif(examination), indent=2, ensure_ascii=False)
    return _render_table(examination, width)


def summarize(diagnostics: Sequence[Diagnostic]) -> str:
    """The counts in words: 1 error, 2 warnings, 1 note; or no problem."""
    counts = {
        severity: sum(d.severity == severity for d in diagnostics)
        for severity in ("error", "warning", "note")
    }
    parts = [count_noun(count, noun) for noun, count in counts.items() if count]
    return ", ".join(parts) or "no problem"


def _render_table(examination: Examination, width: int) -> str:
    blocks = [f"{examination.target}: {examination.kind}"]
    if examination.facts:
        widest = max(map(len, examination.facts))
        indent = " " * (widest + 4)
        blocks.append(
            "\n".join(
                _wrap(f"  {name:{widest}}  {value}", width, indent)
                for name, value in examination.facts.items()
            )
        )
    blocks += [
        _render_block(diagnostic, examination, width) for diagnostic in examination.diagnostics
    ]
    if examination.healthy:
        blocks.append("\n".join(f"✓ {title}" for title in examination.healthy))
    end = f"{summarize(examination.diagnostics).capitalize()}."
    if examination.diagnostics:
        end += f" To read more: albertkit doctor --explain {examination.diagnostics[0].code}"
    return "\n\n".join([*blocks, _wrap(end, width, "")])


def _wrap(text: str, width: int, indent: str) -> str:
    """The text in lines of this width; words with hyphens, such as names, stay whole."""
    return fill(
        text, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def _render_block(diagnostic: Diagnostic, examination: Examination, width: int) -> str:
    what = diagnostic.what
    if what.partition(" ")[0].isalpha():  # hub.KerasLayer and hidden_act stay as they are
        what = what[:1].upper() + what[1:]
    head = f"{SIGNS[diagnostic.severity]} {what}. [{diagnostic.code}]"
    lines = [_wrap(head, width, "  ")]
    basis = {"measured": "measured", "recognised": "seen", "guess": "guess"}[diagnostic.basis]
    is_code = examination.kind == "code"
    parts = (
        ("where", "" if diagnostic.where == examination.target else diagnostic.where),
        (basis, diagnostic.evidence),
        ("cause", diagnostic.why),
        ("fix", f"{diagnostic.fix} ({_describe_safety(diagnostic)})" if diagnostic.fix else ""),
        ("instead", _choose_better_line(diagnostic) if is_code else ""),
        ("albertkit", _translate_to_albertkit(diagnostic) if is_code else ""),
    )
    for label, text in parts:
        if text:
            lines.append(_wrap(f"  {label:{LABEL_WIDTH}}  {text}", width, " " * (LABEL_WIDTH + 4)))
    return "\n".join(lines)


def _describe_safety(diagnostic: Diagnostic) -> str:
    """Whether the fix is safe, or changes what the model computes."""
    return "changes numbers" if diagnostic.changes_numbers else "safe"


def _choose_better_line(diagnostic: Diagnostic) -> str:
    """The catalogue's line of code, if the fix does not hold the user's own line corrected."""
    entry = read_symptoms().get(diagnostic.code)
    if entry is None or diagnostic.fix.startswith("Write:") or entry.instead in diagnostic.fix:
        return ""
    return entry.instead


def _translate_to_albertkit(diagnostic: Diagnostic) -> str:
    """The same task in albertkit; empty for what is no symptom."""
    entry = read_symptoms().get(diagnostic.code)
    return entry.albertkit if entry else ""


def _render_json(examination: Examination) -> str:
    record = {
        "target": examination.target,
        "kind": examination.kind,
        "facts": dict(examination.facts),
        "diagnostics": [
            {
                **asdict(diagnostic),
                "fix_safety": _describe_safety(diagnostic),
                "instead": _choose_better_line(diagnostic),
                "albertkit": _translate_to_albertkit(diagnostic),
            }
            for diagnostic in examination.diagnostics
        ],
        "healthy": list(examination.healthy),
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _render_github_lines(examination: Examination) -> Iterator[str]:
    for diagnostic in examination.diagnostics:
        file = _name_file(examination)
        lines = examination.lines_of(diagnostic)
        position = f",line={lines[0]}" if lines else ""
        title = f"albertkit {diagnostic.code}"
        message = _escape(diagnostic.line())
        yield (
            f"::{GITHUB_LEVELS[diagnostic.severity]} file={_escape_property(file)}{position},"
            f"title={title}::{message}"
        )


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _render_sarif(examination: Examination) -> dict[str, object]:
    from albertkit import __version__

    codes = list(dict.fromkeys(diagnostic.code for diagnostic in examination.diagnostics))
    driver = {
        "name": "albertkit doctor",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_describe_rule(code) for code in codes],
    }
    results = [
        _describe_result(d, codes.index(d.code), examination) for d in examination.diagnostics
    ]
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _describe_rule(code: str) -> dict[str, object]:
    entry = read_symptoms().get(code)
    what = entry.what if entry else CODES.get(code, code)
    help_text = f"{entry.why}. {entry.fix}." if entry else what
    return {
        "id": code,
        "shortDescription": {"text": what},
        "help": {"text": help_text},
    }


def _describe_result(
    diagnostic: Diagnostic, rule: int, examination: Examination
) -> dict[str, object]:
    lines = examination.lines_of(diagnostic) or [0]
    first, *others = (_location(examination, line) for line in lines)
    related: dict[str, object] = {"relatedLocations": others} if others else {}
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": SARIF_LEVELS[diagnostic.severity],
        "message": {"text": diagnostic.line()},
        "locations": [first],
        **related,
        "properties": {
            "basis": diagnostic.basis,
            "evidence": diagnostic.evidence,
            "fixSafety": _describe_safety(diagnostic),
        },
    }


def _location(examination: Examination, line: int) -> dict[str, object]:
    """The file of the target as SARIF names it, and a line; 0 is the whole file."""
    place: dict[str, object] = {"artifactLocation": {"uri": _make_uri(_name_file(examination))}}
    if line:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}


def _name_file(examination: Examination) -> str:
    """The name of the target, in one line if it is pasted text."""
    return examination.target.replace("\n", " ")[:200]


def _make_uri(path: str) -> str:
    """A reference without a scheme must be relative, so an absolute path becomes file:///…."""
    if Path(path).is_absolute():
        return Path(path).as_uri()
    return quote(path.replace("\\", "/"))
