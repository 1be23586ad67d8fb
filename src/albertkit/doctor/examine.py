"""Diagnose anything: a model, a tokenizer, data, code, an error message, the environment.

In: a path, a name, or pasted text. Out: an Examination with all diagnostics, the worst first.
Nothing of the target is run or changed, and nothing is downloaded unless a hub's name is given.
What examines models is imported when there is one: a message is read in a fifth of a second.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Unpack

from albertkit.doctor.examination import Examination, Kind, has_warning, sort_diagnostics
from albertkit.doctor.reading import check_readable, empty_error, read_text
from albertkit.errors import Diagnostic, InputError
from albertkit.errors.arguments import check_keywords
from albertkit.runtime.options import LoadKeywords, LoadOptions
from albertkit.tables.formats import format_from_name

CODE_SUFFIXES = (".py", ".ipynb")
TEXT_SUFFIXES = (".txt", ".log", ".out", ".err", ".md")
PASTED = "pasted text"
DEFAULTS = LoadOptions()
FETCHING = ("revision", "token", "cache_dir", "local_files_only")
USED_OPTIONS: Mapping[Kind, Sequence[str]] = {  # of the other kinds: none
    "model": ("tokenizer", "texts", "against", *(field.name for field in fields(LoadOptions))),
    "tokenizer": FETCHING,
    "data": ("tokenizer", "task", *FETCHING),
}
KIND_NAMES: Mapping[Kind, str] = {
    "model": "a model",
    "tokenizer": "a tokenizer",
    "data": "a table",
    "code": "code",
    "message": "text",
    "environment": "the environment",
}
OPTION_NAMES: Mapping[str, str] = {"tokenizer": "tokenizer (--with)", "texts": "texts (--text)"}


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
            it (classify, tag, answer, choose); None: detected.
        environment: whether installed versions are compared too.
        **options: the fields of LoadOptions: policy, num_attention_heads, revision, token, …

    Returns:
        Diagnostics, the worst first; an empty list if nothing is wrong. What raises an error when
        the model is opened is a diagnostic here.

    Raises:
        InputError: [file-not-found], [unknown-model] if there is no such target.
            [file-wrong-format] for a pipe or a device. [texts-missing] for an empty target or log.
            [option-invalid] for an argument that has no use for this kind of target.
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
    if not text.strip():
        raise empty_error("the target is empty")
    path = None if _is_pasted(text) else Path(text)
    if path is not None:
        check_readable(path)
    kind = _find_kind(path, task)
    arguments = {"tokenizer": tokenizer, "texts": texts or None, "against": against, "task": task}
    check_arguments(kind, options, **arguments)
    if path is None:
        examination = examine_text(text)
    elif kind == "data":
        from albertkit.doctor.checks.labelled_data import examine_data

        examination = examine_data(path, task, tokenizer, options.fetch_options)
    elif kind == "code":
        examination = _examine_code(read_text(path), text)
    elif kind == "message":
        examination = _examine_file(path)
    else:
        from albertkit.doctor.examine_model import examine_model

        examination = examine_model(text, tokenizer, texts, against, options)
        check_arguments(examination.kind, options, **arguments)  # it may be a tokenizer alone
    return add_environment(examination) if environment else examination


def check_arguments(kind: Kind, options: LoadOptions = DEFAULTS, **arguments: object) -> None:
    """Refuse arguments that have no use for a kind of target.

    Args:
        kind: what the target is.
        options: how a model is opened.
        **arguments: the other arguments of `examine`; None is not given.

    Raises:
        InputError: [option-invalid].
    """
    given = [name for name, value in arguments.items() if value is not None]
    given += [f.name for f in fields(options) if getattr(options, f.name) != f.default]
    unused = [name for name in given if name not in USED_OPTIONS.get(kind, ())]
    if unused:
        name = unused[0]
        uses = [KIND_NAMES[used] for used, names in USED_OPTIONS.items() if name in names]
        raise InputError(
            "option-invalid",
            f"{OPTION_NAMES.get(name, name)} is given for {KIND_NAMES[kind]}",
            why=f"it has a use for {' or '.join(uses)} only",
            fix="Leave it out",
        )


def examine_text(text: str, target: str = PASTED) -> Examination:
    """Examine pasted text: an error message, or else code.

    Raises:
        InputError: [texts-missing] if it is empty.
    """
    from albertkit.doctor.messages import diagnose_message, looks_like_message
    from albertkit.doctor.snippets.script import looks_like_code

    if not text.strip():
        raise empty_error("there is no text", "" if target == PASTED else target)
    if looks_like_message(text) or not looks_like_code(text):
        return Examination(target, "message", sort_diagnostics(diagnose_message(text)))
    return _examine_code(text, target)


def examine_environment() -> Examination:
    """Examine the installed versions only."""
    return add_environment(Examination("this environment", "environment", ()))


def add_environment(examination: Examination) -> Examination:
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


def _find_kind(path: Path | None, task: str | None) -> Kind:
    """What a target is: text of any kind is a message; a directory, a name or any other a model."""
    if path is None:
        return "message"
    if path.is_file() and (task is not None or _is_table(path)):
        return "data"
    if path.suffix in CODE_SUFFIXES and path.is_file():
        return "code"
    if path.suffix in TEXT_SUFFIXES and path.is_file() and "vocab" not in path.name:
        return "message"
    return "model"


def _is_pasted(text: str) -> bool:
    """Whether a target is text rather than a name: several lines, or words of an error."""
    if "\n" in text:
        return True
    if " " not in text or os.path.exists(text):  # noqa: PTH110  # Path's raises for long names
        return False
    from albertkit.doctor.messages import looks_like_message

    return looks_like_message(text)


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
