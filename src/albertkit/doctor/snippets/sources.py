"""Python out of what is not plain Python: notebooks, Markdown pages, lines for IPython or a shell.

In: the text of a file. Out: Python with the same numbers of lines, on which a Script is built; and
whether a line needs a newer Python than the one that runs.
"""

from __future__ import annotations

import json
import re
import sys

SHELL_LINE = re.compile(
    r"^\s*(?:[!%$?]|(?:pip|wget|tar|curl|git|transformers|python3?)[ -]|[\w.]+\s*\?{1,2}\s*$)"
)
SHELL_RESULT = re.compile(r"^\s*[\w, ]+=\s*(?:!|%\w)")  # files = !ls
SHELL_CELLS = ("bash", "sh", "script", "cmd")
PYTHON_CELLS = ("time", "timeit", "capture", "prun", "python", "python3", "pypy")
FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*\{?\.?(\w*)")
PYTHON_FENCES = ("python", "py", "python3")
NEWER_SYNTAX = (  # the first Python that has it, and how a line with it looks
    ((3, 14), re.compile(r"""(?<![\w"'])(?:t|tr|rt)(?:"[^"]*"|'[^']*')""")),
    ((3, 14), re.compile(r"^\s*except\s+[\w.]+(?:\s*,\s*[\w.]*[A-Z][\w.]*)+\s*:")),
    ((3, 12), re.compile(r"^\s*(?:(?:async\s+)?def|class)\s+\w+\s*\[")),
    ((3, 12), re.compile(r"^\s*type\s+\w+(?:\[.*\])?\s*=")),
    ((3, 12), re.compile(r"""\bf(["']).*\{[^}]*\1[^}]*\1[^}]*\}""")),
)


def read_notebook(text: str) -> str:
    """The code cells of a notebook, one after another; outputs are left out."""
    try:
        cells = json.loads(text)["cells"]
        sources = [cell["source"] for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    return "\n".join(_read_cell("".join(source)) for source in sources)


def read_markdown(text: str) -> str:
    """The Python between the fences of a Markdown page; all other lines are empty."""
    lines: list[str] = []
    fence, indent, is_python = "", 0, False
    for line in text.splitlines():
        match = FENCE.match(line)
        if match and not fence:
            fence, is_python = match[1], match[2].lower() in PYTHON_FENCES
            indent = len(line) - len(line.lstrip())
            lines.append("")
        elif match and match[1].startswith(fence) and not match[2]:
            fence, is_python = "", False
            lines.append("")
        else:
            lines.append(line[min(indent, len(line) - len(line.lstrip())) :] if is_python else "")
    return "\n".join(lines)


def mask_shell(lines: list[str]) -> tuple[list[str], dict[int, str]]:
    """Replace the lines for IPython or a shell by `pass`.

    Args:
        lines: of a script.

    Returns:
        The lines of Python, as many; and those for a shell by their numbers from 1.
    """
    python: list[str] = []
    shell: dict[int, str] = {}
    goes_on = False
    for number, line in enumerate(lines, 1):
        if goes_on or SHELL_LINE.match(line) or SHELL_RESULT.match(line):
            shell[number] = line.strip()
            indentation = "" if goes_on else line[: len(line) - len(line.lstrip())]
            python.append("" if goes_on else f"{indentation}pass")
            goes_on = line.rstrip().endswith("\\")
        else:
            python.append(line)
    return python, shell


def detect_newer_python(line: str) -> str:
    """The version of Python that a line needs, such as `3.14`; "" if the running one should do."""
    for version, pattern in NEWER_SYNTAX:
        if version > sys.version_info[:2] and pattern.search(line):
            return f"{version[0]}.{version[1]}"
    return ""


def _read_cell(source: str) -> str:
    """A cell as Python; one in another language becomes comments, one for a shell its lines."""
    match = re.match(r"\s*%%(\w+)", source)
    if match is None or match[1] in PYTHON_CELLS:
        return source
    prefix = "!" if match[1] in SHELL_CELLS else "# "
    return "\n".join(prefix + line for line in source.splitlines())
