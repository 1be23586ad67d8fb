"""Recognise causes in error messages: tracebacks, warnings, logs of any library.

In: text that a user pasted. Out: diagnostics, the cause first. A traceback ends with the error that
came last; the cause is often above it, in an exception that was raised first. So every line is
compared with every pattern, and what is deeper in the chain of exceptions comes first.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from albertkit.doctor.catalogue import Symptom, read_symptoms
from albertkit.errors import Diagnostic

EXPECTED = "Expected these arguments to match"
LONGEST_LINE = 4000  # characters: the lists of signatures in TensorFlow's messages are longer
CHAINED = re.compile(
    r"During handling of the above exception|The above exception was the direct cause"
)
EXCEPTION = re.compile(r"^\s*(?:E\s+)?(?P<kind>(?:\w+\.)*\w*(?:Error|Exception|Interrupt)\w*)\b:?")
EXCEPTION_WORD = re.compile("Error|Exception|Interrupt")  # seen sooner than EXCEPTION
# Of IPython: an arrow or spaces, and the line's number.
NUMBERED_CODE = re.compile(r"(?:-+> ?|\s{2,})\d+\s")
FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
LIBRARIES = {
    "tensorflow_hub": "tensorflow_hub",
    "tensorflow_text": "tensorflow-text",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "sentence_transformers": "sentence-transformers",
    "transformers": "transformers",
    "onnxruntime": "ONNX Runtime",
    "torch": "torch",
    "albertkit": "albertkit",
}
# When both are seen, the first explains the second.
EXPLAINS = (
    ("text-into-encoder", "hub-inputs-wrong"),
    ("hub-inputs-int64", "hub-inputs-wrong"),
    ("hub-inputs-names", "hub-inputs-wrong"),
    ("hub-inputs-list", "hub-inputs-wrong"),
    ("text-beyond-positions", "inputs-embeds-width"),
    ("encoder-random", "pooler-untrained"),
    ("encoder-random", "head-untrained"),
    ("pooler-untrained", "head-untrained"),
    ("position-ids-warning", "encoder-random"),
    ("git-lfs-pointer", "weights-truncated"),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A symptom that a line of a message shows."""

    symptom: Symptom
    line: int  # from 1
    words: str  # what the pattern matched
    values: dict[str, str]  # the pattern's named groups
    depth: int  # 0 for the exception that was raised first

    def diagnose(self) -> Diagnostic:
        """The diagnostic, which quotes the message."""
        return self.symptom.diagnose(
            f"line {self.line}",
            evidence=self.words,
            basis=self.symptom.basis,
            **self.values,  # type: ignore[arg-type]  # groups are named after the {names} only
        )


def diagnose_message(text: str) -> list[Diagnostic]:
    """Recognise the causes in a pasted message.

    Args:
        text: a traceback or a log, of any length.

    Returns:
        The diagnostics, the deepest cause first. If nothing is recognised, one note which says what
        kind of error it is and what is needed to find more.
    """
    matches = _drop_consequences(_find_matches(text.splitlines()))
    if not matches:
        return [_describe_unknown(text)]
    matches.sort(key=lambda match: (match.symptom.level == "note", match.depth, match.line))
    return [match.diagnose() for match in matches]


def looks_like_message(text: str) -> bool:
    """Whether a text is an error message or a log rather than source code."""
    if "Traceback (most recent call last)" in text:
        return True
    lines = text.splitlines()
    if any(":" in line and EXCEPTION_WORD.search(line) and EXCEPTION.match(line) for line in lines):
        return True
    return bool(_find_matches(lines))


def _find_matches(lines: list[str]) -> list[Match]:
    """The first match of each symptom, from the top."""
    matches: dict[str, Match] = {}
    depth = 0
    folded = _fold(lines)
    candidates = _find_candidates("\n".join(folded))
    is_after_frame = False
    for number, line in enumerate(folded, 1):
        depth += bool(CHAINED.search(line))
        is_frame = bool(FRAME.search(line))
        is_code = (is_after_frame and line.startswith("    ")) or NUMBERED_CODE.match(line)
        is_after_frame = is_frame
        if is_frame or (is_code and ("'" in line or '"' in line)):
            continue  # a path or a text in the code may hold any word
        for entry, patterns in candidates:
            if entry.code in matches:
                continue
            for pattern in patterns:
                match = pattern.search(line[:LONGEST_LINE])
                if match:
                    values = {name: value or "…" for name, value in match.groupdict().items()}
                    words = " ".join(match.group().split())
                    matches[entry.code] = Match(entry, number, words[:200], values, depth)
                    break
    return list(matches.values())


def _find_candidates(text: str) -> list[tuple[Symptom, list[re.Pattern[str]]]]:
    """The symptoms that the text may show, each with the patterns whose words stand in it."""
    candidates = []
    for entry in read_symptoms().values():
        patterns = [p for p in entry.patterns if find_required_words(p.pattern) in text]
        if patterns and entry.context in text:
            candidates.append((entry, patterns))
    return candidates


@functools.cache
def find_required_words(pattern: str) -> str:
    """The longest run of plain characters that every match of a pattern holds; "" if unclear."""
    if "(?i" in pattern:
        return ""
    plain = re.sub(r"\\.", "\0", pattern)  # escapes, then classes, then groups from within
    plain = re.sub(r"\[[^]]+\]", "\0", plain)
    while plain != (outer := re.sub(r"\([^()]*\)", "\0", plain)):
        plain = outer
    if "|" in plain:
        return ""
    plain = re.sub(r".(?:[?*]|\{[^}]*\})", "\0", plain)
    return max(re.split(r"[\0.^$+]", plain), key=len)


def _fold(lines: list[str]) -> list[str]:
    """The lines, with what TensorFlow lists after "Got:" on the line of "Got:".

    What it expected is left out: it names every dtype and key, the right ones. Emptied lines stay,
    so that numbers of lines are those of the message.
    """
    folded: list[str] = []
    begin: int | None = None
    for line in lines:
        if begin is not None and EXPECTED not in line:
            folded[begin] += f" {line.strip()}"
            folded.append("")
            continue
        begin = len(folded) if line.rstrip().endswith("Got:") else None
        folded.append(line)
    return folded


def _drop_consequences(matches: list[Match]) -> list[Match]:
    codes = {match.symptom.code for match in matches}
    explained = {effect for cause, effect in EXPLAINS if cause in codes}
    return [match for match in matches if match.symptom.code not in explained]


def _describe_unknown(text: str) -> Diagnostic:
    """Say what was seen, and what to send."""
    lines = text.splitlines()
    kinds = [match["kind"] for line in lines if (match := EXCEPTION.match(line))]
    files = " ".join(match["file"] for line in lines if (match := FRAME.search(line)))
    libraries = [name for folder, name in LIBRARIES.items() if f"/{folder}/" in files]
    kind = f"an error of the kind {kinds[-1]}" if kinds else "no error of a known kind"
    source = f", from {' and '.join(libraries)}" if libraries else ""
    return Diagnostic(
        "message-unknown",
        "note",
        f"the message is not in the catalogue: {kind}{source}",
        why=f"{len(read_symptoms())} symptoms were compared with its {len(lines)} lines",
        fix="Give the whole output, from the first line of the first traceback on; for a model, "
        "run albertkit doctor MODEL --env",
        basis="guess",
    )
