"""`finetune`: a table of examples → a trained, scored model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from albertkit.errors import Diagnostic
from albertkit.errors.arguments import check_keywords
from albertkit.fileformats.atomic import refuse_files
from albertkit.finetuning.data.columns import Task
from albertkit.finetuning.data.sources import LabelledData
from albertkit.finetuning.race import ContenderName, RaceResult
from albertkit.finetuning.session import ClassWeights, FinetuneOptions, FinetuneSession
from albertkit.finetuning.tuned_model import TunedModel
from albertkit.finetuning.tuning_recipe import TuningConfig
from albertkit.sources import FetchOptions


@check_keywords
def finetune(
    data: LabelledData,
    *,
    valid: LabelledData | None = None,
    task: Task | None = None,
    text: str | Sequence[str] = (),
    label: str | None = None,
    benchmark: str | None = None,
    model: str | Path | None = None,
    output: str | Path | None = None,
    folds: int = 0,
    max_time: str | float | None = "10m",
    class_weights: ClassWeights = "none",
    contenders: Sequence[ContenderName] | None = None,
    seed: int = 0,
    skip_invalid: bool = False,
    tuning: TuningConfig | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    on_result: Callable[[RaceResult], None] = lambda result: None,
) -> TunedModel:
    """Train a model on labelled rows, and score it on rows that it was not trained with.

    Args:
        data: A path (CSV, TSV, JSON, JSON lines, Parquet, or a file of SQuAD, CoNLL, WikiANN, or
            RACE's directory), a frame of pandas or polars, a dataset of
            `datasets`, a dict of columns, or a list of dicts.
        valid: Validation data of the same columns. None: as a column "split" says (train and dev,
            or test); else a fifth of `data`, near duplicates of training rows excluded.
        task: "classification", "multi-label", "regression", "tagging", "question-answering" or
            "multiple-choice". None: detected from the data.
        text: The text column, or two columns of pairs. Empty: detected by names and contents.
        label: The label column. None: detected.
        benchmark: The public data set that the data are: "cola", "sst2", "mrpc", "stsb", "qqp",
            "mnli", "qnli", "rte", "wnli", "squad", "race", "swag", "conll" or "wikiann". None:
            recognised by columns and content.
        model: A model for vectors, or any ALBERT. None: the built-in one, small-en-vectors for
            texts and small-en for tags, answers and choices.
        output: Where the model and its report are written. None: nothing is written; call
            `save_pretrained`.
        folds: Cross-validation with this many folds in place of one split. 0: none.
        max_time: For all contenders: "90s", "10m", "1h" or seconds. None: no limit.
        class_weights: "none"; "auto": by inverse frequency; or a weight for each label.
        contenders: The contenders. None: "majority", "tfidf" and "probe"; "contrastive" too for
            single texts with fewer than 64 rows a label, and "tune" from 500 rows on if the model
            is one for vectors, if there is torch; "probe" and "tune" for tags, "tune"
            alone for answers and choices.
        seed: Random seed of the split and of all training, 0 to 2^63 - 1.
        skip_invalid: Whether rows that cannot be read, with a label that the task cannot have, or
            with an answer that is not in its context, are left out and counted; if not, they are
            errors.
        tuning: How encoder and head are trained together. None: by the number of rows.
        revision: A branch, tag or commit of a model on a hub.
        token: For private models. None: the one saved on this machine, or HF_TOKEN. False: none.
        cache_dir: Directory for downloaded files. None: the hub's own.
        local_files_only: Whether to use only files that are there already.
        on_result: Called with the result of each contender.

    Returns:
        The best model, with its report, and the diagnostics of the data.

    Raises:
        InputError: [column-undecided], [column-missing], [label-single], [option-invalid],
            [texts-missing], [nothing-trained], [answer-not-in-context]; [directory-not-empty] if
            `output` is a file.
        FormatError: [label-invalid], and those of reading the file.
        ResourceError: [extra-missing], [write-failed]; [training-diverged], [predictions-constant]
            and [training-out-of-memory] if no other contender can be kept.
    """
    options = FinetuneOptions(
        task=task,
        text=text,
        label=label,
        benchmark=benchmark,
        model=model,
        folds=folds,
        max_time=max_time,
        class_weights=class_weights,
        contenders=contenders,
        seed=seed,
        skip_invalid=skip_invalid,
        tuning=tuning,
        fetch_options=FetchOptions(
            revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        ),
    )
    if output is not None:
        refuse_files(Path(output))
    session = FinetuneSession.open(data, valid, options)
    session.check()
    for result in session.race():
        on_result(result)
    tuned = session.finish()
    if output is not None:
        tuned.save_pretrained(output)
    return tuned


def check_examples(
    data: LabelledData,
    *,
    valid: LabelledData | None = None,
    options: FinetuneOptions | None = None,
) -> list[Diagnostic]:
    """Check labelled data without training: what `albertkit finetune --check` prints.

    Args:
        data: As for `finetune`.
        valid: As for `finetune`.
        options: How the data is read.

    Returns:
        The diagnostics, errors first.

    Raises:
        AlbertKitError: As `finetune`, if the data cannot be read as examples.
    """
    session = FinetuneSession.open(data, valid, options or FinetuneOptions())
    return session.check(suspects=True)
