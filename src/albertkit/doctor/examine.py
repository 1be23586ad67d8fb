"""Diagnose anything: a model, a tokenizer, data, code, an error message, the environment.

In: a path, a name, or pasted text. Out: an Examination with all diagnostics, the worst first.
Nothing of the target is run or changed, and nothing is downloaded unless a hub's name is given.
What examines models is imported when there is one: a message is read in a fifth of a second.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from albertkit.doctor.examination import Examination, has_warning, sort_diagnostics
from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.errors.arguments import check_keywords
from albertkit.fileformats.reader import map_file, read_errors
from albertkit.runtime.options import LoadKeywords, LoadOptions
from albertkit.tables.formats import format_from_name

CODE_SUFFIXES = (".py", ".ipynb")
TEXT_SUFFIXES = (".txt", ".log", ".out", ".err", ".md")
LARGEST_TEXT = 200_000_000  # bytes; a notebook with its pictures may have 50 MB
DEFAULTS = LoadOptions()


@check_keywords
def diagnose(
    target: str | Path,
    *,
    tokenizer: str | Path | None = None,
    texts: Sequence[str] = (),
    against: str | Path | None = None,
    task: str | None = None,
    environment: bool = False,
    **options: Unpack[LoadKeywords],
) -> list[Diagnostic]:
    """Find what is wrong with a model, a table, a script, or what an error message means.

    Args:
        target: a checkpoint of any format, a built-in model's or a hub's name, a directory with a
            tokenizer, a table of labelled examples, a `.py` or `.ipynb` file, a log, or a pasted
            message or code.
        tokenizer: another tokenizer to examine the model with; for a table, the model whose
            tokenizer and vectors are used.
        texts: texts of your own, which are counted for truncation and unknown pieces.
        against: another model that should give the same outputs.
        task: what the labels of a table are for: a task of `finetune`, or the command that answers
            it (classify, tag, answer, choose); None: seen from them.
        environment: whether installed versions are compared too.
        **options: the fields of LoadOptions: policy, num_attention_heads, revision, token, …

    Returns:
        Diagnostics, the worst first; an empty list if nothing is wrong. What raises an error when
        the model is opened is a diagnostic here.

    Raises:
        InputError: [file-not-found], [unknown-model] if there is no such target.
            [file-wrong-format] for a pipe or a device.
        FormatError: [file-wrong-format] for a text file that is binary or too large.
        ResourceError: [file-unreadable], or the errors of a download.
    """
    examination = examine(
        target,
        tokenizer=tokenizer,
        texts=texts,
        against=against,
        task=task,
        environment=environment,
        options=LoadOptions(**options),
    )
    return list(examination.diagnostics)


def examine(
    target: str | Path,
    *,
    tokenizer: str | Path | None = None,
    texts: Sequence[str] = (),
    against: str | Path | None = None,
    task: str | None = None,
    environment: bool = False,
    options: LoadOptions = DEFAULTS,
) -> Examination:
    """Do the same as `diagnose`, and return what is healthy too; options: how a model is opened."""
    text = str(target)
    path = None if _is_pasted(text) else Path(text)
    if path is not None:
        _check_readable(path)
    if path is None:
        examination = examine_text(text)
    elif path.is_file() and (task is not None or _is_table(path)):
        from albertkit.doctor.checks.labelled_data import examine_data

        examination = examine_data(path, task, tokenizer, options.fetch_options)
    elif path.suffix in CODE_SUFFIXES and path.is_file():
        examination = _examine_code(read_text(path), text)
    elif path.suffix in TEXT_SUFFIXES and path.is_file() and "vocab" not in path.name:
        examination = _examine_file(path)
    else:
        from albertkit.doctor.examine_model import examine_model

        examination = examine_model(text, tokenizer, texts, against, options)
    return with_environment(examination) if environment else examination


def examine_text(text: str, target: str = "pasted text") -> Examination:
    """Examine pasted text: an error message, or else code."""
    from albertkit.doctor.messages import diagnose_message, looks_like_message
    from albertkit.doctor.snippets.script import looks_like_code

    if looks_like_message(text):
        return Examination(target, "message", sort_diagnostics(diagnose_message(text)))
    if looks_like_code(text):
        return _examine_code(text, target)
    return Examination(target, "message", sort_diagnostics(diagnose_message(text)))


def examine_environment() -> Examination:
    """Examine the installed versions only."""
    return with_environment(Examination("this environment", "environment", ()))


def with_environment(examination: Examination) -> Examination:
    """Add the installed versions, and what does not go together."""
    from albertkit.doctor.checks.environment import check_environment, describe_environment

    diagnostics = list(check_environment())
    healthy = () if has_warning(diagnostics) else ("installed versions go together",)
    return replace(
        examination,
        diagnostics=sort_diagnostics([*examination.diagnostics, *diagnostics]),
        healthy=examination.healthy + healthy,
        facts={**examination.facts, **describe_environment()},
    )


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        FormatError: [file-wrong-format] if it is binary or too large.
        InputError: [file-not-found].
        ResourceError: [file-unreadable].
    """
    return decode_text(map_file(path), str(path))


def decode_text(data: bytes | memoryview, where: str) -> str:
    """The text of some bytes of unknown origin.

    Raises:
        FormatError: [file-wrong-format] if they are binary or too many.
    """
    if len(data) > LARGEST_TEXT or b"\0" in bytes(data[:100_000]):
        what = f"{len(data) / 1e6:,.0f} MB" if len(data) > LARGEST_TEXT else "binary"
        raise FormatError(
            "file-wrong-format",
            f"this is {what}",
            why="a script or a message is a text of at most 200 MB",
            fix="Give the script, the notebook or the log itself",
            where=where,
        )
    return bytes(data).decode("utf-8", errors="replace")


def _is_pasted(text: str) -> bool:
    """Whether a target is text rather than a name: several lines, or words of an error."""
    if "\n" in text:
        return True
    if " " not in text or os.path.exists(text):  # noqa: PTH110  # Path's raises for long names
        return False
    from albertkit.doctor.messages import looks_like_message

    return looks_like_message(text)


def _check_readable(path: Path) -> None:
    """Refuse what would be read for ever, such as a pipe or a device, and links to nothing."""
    with read_errors(path):
        if not path.is_symlink() and not path.exists():
            return  # a built-in model's name, or one on a hub
        mode = path.stat().st_mode if path.exists() else 0
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return
    what, why = "this is no file", "it is a pipe, a socket or a device, which may have no end"
    if not mode:
        what, why = "this is a link to nothing", "its target is missing, or is the link itself"
    raise InputError(
        "file-wrong-format",
        what,
        why=why,
        fix="Give a file or a directory; for text from a pipe run: albertkit doctor -",
        where=str(path),
    )


def _is_table(path: Path) -> bool:
    """Whether a file's name is that of a table; one text a line is none."""
    return format_from_name(path.name) not in (None, "lines")


def _examine_file(path: Path) -> Examination:
    """A file of text; of a Markdown page only the Python between fences is code."""
    from albertkit.doctor.snippets.sources import read_markdown

    text = read_text(path)
    code = read_markdown(text) if path.suffix == ".md" else ""
    return _examine_code(code, str(path)) if code.strip() else examine_text(text, str(path))


def _examine_code(source: str, target: str) -> Examination:
    from albertkit.doctor.snippets.diagnose import diagnose_code

    diagnostics = diagnose_code(source)
    named = [replace(d, where=f"{target}: {d.where}" if d.where else target) for d in diagnostics]
    healthy = () if has_warning(named) else ("no known mistake in the code",)
    return Examination(target, "code", sort_diagnostics(named), healthy)
