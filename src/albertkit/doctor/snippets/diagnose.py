"""Diagnose source code: parse it, and ask every rule."""

from __future__ import annotations

import re

from albertkit.doctor.snippets import general_rules, hub_rules, huggingface_rules
from albertkit.doctor.snippets.script import make_unreadable_script, read_script
from albertkit.errors import Diagnostic

RULES = (*general_rules.RULES, *hub_rules.RULES, *huggingface_rules.RULES)


def diagnose_code(source: str) -> list[Diagnostic]:
    """Find what is wrong or outdated in code that uses an ALBERT or BERT.

    Args:
        source: Python, or the JSON of a notebook. It is parsed and never run.

    Returns:
        Diagnostics in the order of the lines, each once.
    """
    script = read_script(source)
    unique: dict[tuple[str, str], Diagnostic] = {}
    try:
        diagnostics = [diagnostic for rule in RULES for diagnostic in rule(script)]
    except RecursionError:
        diagnostics = list(general_rules.check_syntax(make_unreadable_script(source)))
    for diagnostic in diagnostics:
        unique.setdefault((diagnostic.code, diagnostic.where), diagnostic)
    return sorted(unique.values(), key=lambda diagnostic: _parse_line_number(diagnostic.where))


def _parse_line_number(where: str) -> int:
    match = re.search(r"\d+", where)
    return int(match.group()) if match else 0
