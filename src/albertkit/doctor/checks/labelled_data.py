"""Labelled data: the checks of `albertkit finetune --check`, on a table of any format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from albertkit.doctor.examination import Examination, has_warning, sort_diagnostics
from albertkit.errors import AlbertKitError, Diagnostic, ResourceError
from albertkit.errors.arguments import check_choice
from albertkit.errors.exceptions import count_noun, list_names
from albertkit.finetuning import FinetuneOptions, FinetuneSession
from albertkit.finetuning.data.benchmarks.files import read_benchmark_file
from albertkit.finetuning.data.columns import TASKS, Task
from albertkit.sources import FetchOptions
from albertkit.tables.readers.whole_table import find_row_lines

OPTION = re.compile(r"(?<!\w)--\w")
COLUMNS_UNDECIDED = "column-undecided"
TASK_NAMES: Mapping[str, Task] = {
    **{name: name for name in TASKS},
    "classify": "classification",  # a command's name stands for what it answers
    "tag": "tagging",
    "answer": "question-answering",
    "choose": "multiple-choice",
}


def examine_data(
    path: Path, task: str | None, model: str | Path | None, fetch_options: FetchOptions
) -> Examination:
    """Check a table of examples before something is trained on it.

    Args:
        path: CSV, TSV, JSON lines, Parquet or Arrow.
        task: one of TASK_NAMES; None: seen from the labels.
        model: whose tokenizer and vectors the checks use; None: the built-in one.
        fetch_options: how the model is fetched from a hub.

    Raises:
        InputError: [option-invalid] for another task.
        ResourceError: the file cannot be read, or an extra is missing for its format.
    """
    target = str(path)
    check_choice("task", task, (*TASK_NAMES, None))
    options = FinetuneOptions(
        task=None if task is None else TASK_NAMES[task], model=model, fetch_options=fetch_options
    )
    try:
        session = FinetuneSession.open(target, None, options)
        diagnostics = session.check(suspects=True)
    except ResourceError:
        raise
    except AlbertKitError as error:
        named = (_name_command(error.diagnostic, target),)
        return Examination(target, "data", named, row_lines=_find_lines(path))
    healthy = () if has_warning(diagnostics) else ("the examples can be learned from",)
    ordered = sort_diagnostics([_name_command(diagnostic, target) for diagnostic in diagnostics])
    return Examination(target, "data", ordered, healthy, _describe(session), _find_lines(path))


def _find_lines(path: Path) -> Sequence[int]:
    """The line of each row; empty for the own files of public data sets, which have other rows."""
    try:
        return () if read_benchmark_file(path) else find_row_lines(path)
    except AlbertKitError:
        return ()


def _name_command(diagnostic: Diagnostic, target: str) -> Diagnostic:
    """The doctor has no options for columns and cells; the command that has them is named."""
    fix = f"{diagnostic.fix}; options of: albertkit finetune {target} --check"
    if diagnostic.code == COLUMNS_UNDECIDED:
        fix = f"Run: albertkit finetune {target} --check --text COLUMN --label COLUMN"
    elif OPTION.search(diagnostic.fix) is None:
        return diagnostic
    return replace(diagnostic, fix=fix)


def _describe(session: FinetuneSession) -> Mapping[str, str]:
    """What was seen in the table, in one line a fact."""
    columns = {name: value for name, value, _ in session.columns.rows()}
    names = session.labels.names
    labels = {"labels": f"{len(names)}: {list_names(names, 8)}"} if len(names) > 1 else {}
    return {**columns, "rows": count_noun(len(session.examples), "example"), **labels}
