"""One fine-tuning, step by step: read and look, check, race, keep the winner.

`finetune` takes all steps; the command prints between them.
"""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from albertkit.arrays import Float64Array, Int64Array
from albertkit.errors import Diagnostic, InputError, ResourceError
from albertkit.errors.arguments import check_choice, check_integer, describe_value
from albertkit.errors.exceptions import make_install_command
from albertkit.finetuning.data.benchmarks.registry import find_benchmark
from albertkit.finetuning.data.checks import (
    CheckedData,
    check_answers,
    check_data,
    sort_by_severity,
)
from albertkit.finetuning.data.columns import Columns, Task, find_columns
from albertkit.finetuning.data.examples import Examples, LabelSet, make_examples
from albertkit.finetuning.data.sources import (
    LabelledData,
    log_detected,
    open_table,
    split_table,
    warn_of_invalid_rows,
)
from albertkit.finetuning.data.split import (
    assign_folds,
    find_near_duplicates,
    make_clusters,
    make_strata,
)
from albertkit.finetuning.data.structured import split_cell
from albertkit.finetuning.probe import (
    FOLDS,
    TextVectors,
    compute_vectors,
    fit_probe,
    is_trainable,
)
from albertkit.finetuning.race import (
    BASELINES,
    CONTENDERS,
    LINEAR_TASKS,
    OUT_OF_MEMORY,
    TITLES,
    ContenderName,
    Part,
    ProbeModel,
    Race,
    RaceResult,
    TrainedModel,
    choose_winner,
    loses_alone,
)
from albertkit.finetuning.report import make_report
from albertkit.finetuning.tuned_model import TunedModel
from albertkit.finetuning.tuning_recipe import TuningConfig
from albertkit.finetuning.word_probe import WordProbe, fit_word_probe
from albertkit.runtime import LoadedModel, load
from albertkit.sources import DEFAULT_FETCH_OPTIONS, WORDS, FetchOptions
from albertkit.tables import WholeTable
from albertkit.tables.formats import DETECT_ALL, ReadOptions
from albertkit.tasks import TextEmbedder
from albertkit.training.recipe import LARGEST_SEED

if TYPE_CHECKING:
    from albertkit.finetuning.tuning_model import Start  # imports torch

LOGGER = logging.getLogger(__name__)

ClassWeights: TypeAlias = Literal["none", "auto"] | Mapping[str, float]
LINEAR_CONTENDERS: tuple[ContenderName, ...] = ("majority", "tfidf", "probe")
TUNED_ROWS = 500  # of 1,000 rows of TREC: probe 0.61, tuned 0.77; fewer rows are not measured
VALID_FOLDS = 5  # the first of them is the validation rows: 80/20
FEW_OF_LABEL = 64  # rows a label below which pairs take part
CONTRASTIVE, TUNE = "contrastive", "tune"  # directories of checkpoints in the run's
SECONDS = {"s": 1, "m": 60, "h": 3600, "": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneOptions:
    """How a table of examples is read, split and learned.

    Attributes:
        task: What is learned; None: detected from the labels.
        text: The text column, or two columns of pairs; empty: found by names and contents.
        label: The label column; None: detected.
        benchmark: The public data set that the data are, such as "cola"; None: recognised.
        model: The encoder of the probe and of tuning; None: the built-in one, small-en-vectors for
            texts and small-en for tags, answers and choices.
        folds: Cross-validation with this many folds in place of a split 80/20; 0: none.
        max_time: For the race: "90s", "10m", "1h" or seconds; None: no limit. What cannot finish
            in the time that is left is not begun.
        class_weights: "auto" weighs each row by the inverse frequency of its label; or a weight
            for each label.
        contenders: Who runs; None: majority, tfidf and probe; contrastive too for single texts with
            fewer than 64 rows a label, and tune from 500 rows on if the model is one for vectors,
            if there is torch, and always with `tuning`; probe and tune for tags, tune alone
            for answers and choices; of linear models the baselines alone, if the tuned model runs
            its layers another number of times.
        seed: Random seed of the split and of all training, 0 to 2^63 - 1.
        skip_invalid: Whether rows that cannot be read, with a label that the task cannot have, or
            with an answer that is not in its context, are left out and counted; if not, they are
            errors.
        tuning: How encoder and head are trained together; None: by the number of rows.
        run_directory: Where checkpoints of the tuning are, from which an interrupted one goes on,
            until `FinetuneSession.remove_checkpoints`; None: a temporary directory.
        read: How files are read, where the user knows better.
        fetch_options: How the model is fetched from a hub.
    """

    task: Task | None = None
    text: Sequence[str] = ()
    label: str | None = None
    benchmark: str | None = None
    model: str | Path | None = None
    folds: int = 0
    max_time: str | float | None = "10m"
    class_weights: ClassWeights = "none"
    contenders: Sequence[ContenderName] | None = None
    seed: int = 0
    skip_invalid: bool = False
    tuning: TuningConfig | None = None
    run_directory: Path | None = None
    read: ReadOptions = DETECT_ALL
    fetch_options: FetchOptions = DEFAULT_FETCH_OPTIONS

    def __post_init__(self) -> None:
        """Raise InputError [option-invalid] for values that cannot be."""
        contenders = self.contenders
        converted = {
            "seed": check_integer("seed", self.seed, minimum=0, maximum=LARGEST_SEED),
            "folds": check_integer("folds", self.folds, minimum=0),
            "text": _list_names("text", self.text),
            "contenders": None if contenders is None else _list_names("contenders", contenders),
            "class_weights": _read_class_weights(self.class_weights),
        }
        for name, value in converted.items():
            object.__setattr__(self, name, value)  # frozen, and not used yet
        if self.folds == 1:
            raise InputError(
                "option-invalid",
                "folds is 1",
                why="one fold has no rows to train on",
                fix="Give 2 or more, or leave it out",
            )
        if self.label is not None:
            _list_names("label", self.label)
        for name in self.contenders or ():
            check_choice("contenders", name, CONTENDERS)
        if self.tuning is not None and not isinstance(self.tuning, TuningConfig):
            raise InputError(
                "option-invalid",
                f"tuning is {describe_value(self.tuning)}",
                why="it is a TuningConfig",
                fix="Give TuningConfig(…), with the settings as its keywords",
            )
        parse_seconds(self.max_time)
        if self.tuning and self.contenders is not None and "tune" not in self.contenders:
            given = "repetitions is" if self.has_repetitions else "settings of the tuning are"
            raise InputError(
                "option-invalid",
                f"{given} given, and the contenders are {', '.join(self.contenders)}",
                why="only a tuned model uses them",
                fix="Add tune to the contenders, or leave recipe and repetitions out",
            )

    @property
    def has_repetitions(self) -> bool:
        """Whether the tuned model runs its shared layers another number of times."""
        return self.tuning is not None and self.tuning.repetitions > 0


def _list_names(option: str, names: object) -> tuple[str, ...]:
    """One name or several as a tuple; raises InputError [option-invalid] for anything else."""
    values = (names,) if isinstance(names, str) or not isinstance(names, Iterable) else (*names,)
    for value in values:
        if not isinstance(value, str):
            raise InputError(
                "option-invalid",
                f"{option} has {describe_value(value)}",
                why="it is a name, or several",
                fix="Give texts",
            )
    return values


def _read_class_weights(weights: object) -> object:
    """The weights as Python's floats; raises InputError [option-invalid] for what is no weight."""
    if not isinstance(weights, Mapping):
        check_choice("class_weights", weights, ("none", "auto"))
        return weights
    for label, weight in weights.items():
        is_number = isinstance(weight, int | float | np.number) and not isinstance(weight, bool)
        if not is_number or not 0 < weight < np.inf:  # NaN is in no range
            raise InputError(
                "option-invalid",
                f"class_weights[{label!r}] is {describe_value(weight)}",
                why="a weight is a number above 0",
                fix="Correct it; leave out the rows of a label that is not to be learned",
            )
    return {label: float(weight) for label, weight in weights.items()}


def parse_seconds(time: str | float | None) -> float | None:
    """Read a duration: "90s", "10m", "1h", or a number of seconds.

    Raises:
        InputError: [option-invalid].
    """
    if time is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(time))
    if match is None or float(match[1]) == 0:
        raise InputError(
            "option-invalid",
            f"the time is {time!r}",
            why="it is a number with s, m or h",
            fix="Give 90s, 10m or 1h",
        )
    return float(match[1]) * SECONDS[match[2]]


@dataclass(eq=False)
class FinetuneSession:
    """The state of one fine-tuning.

    Attributes:
        options: As the user gave them.
        table: The rows of the training file.
        columns: What each column is for.
        examples: All labelled rows of the training file.
        valid: Those of the validation file, if there is one.
        labels: The labels and their order.
        embedder: Gives the vectors of texts: for the probe, and for near duplicates.
        base: The encoder of tags, answers and choices, and what is tuned.
        diagnostics: What reading and the checks have to say.
        results: Of the contenders that ran.
    """

    options: FinetuneOptions
    table: WholeTable
    columns: Columns
    examples: Examples
    valid: Examples | None
    labels: LabelSet
    embedder: TextEmbedder
    base: LoadedModel
    diagnostics: list[Diagnostic] = field(default_factory=list)
    results: list[RaceResult] = field(default_factory=list)
    show_progress_bar: bool = False
    on_step: Callable[[Mapping[str, float | int]], None] = lambda metrics: None
    _vectors: TextVectors | None = None
    _valid_vectors: TextVectors | None = None
    _race: Race | None = None
    _failure: ResourceError | None = None  # of the training that failed last

    @classmethod
    def open(
        cls, data: LabelledData, valid: LabelledData | None, options: FinetuneOptions
    ) -> FinetuneSession:
        """Read the data, and find out what is learned from which columns.

        Args:
            data: As `open_table` reads it.
            valid: Validation data of the same columns; None: a part of `data`.
            options: What the user knows better.

        Raises:
            InputError: [column-undecided], [column-missing], [label-single], [texts-missing], …
            FormatError: [label-invalid], and as `open_table`.
        """
        table = open_table(data, options.read, skip_invalid=options.skip_invalid)
        unreadable = warn_of_invalid_rows(table)
        benchmark, table = find_benchmark(table, options.benchmark, options.task)
        if benchmark is not None and options.benchmark is None:
            what = f"the columns are those of {benchmark.title}"
            fix = "Give --text and --label if they mean something else"
            log_detected(what, f"{benchmark.title} is {benchmark.task}", table.name, fix=fix)
        columns = find_columns(
            table,
            task=options.task or (benchmark.task if benchmark else None),
            text=tuple(options.text),
            label=options.label,
        )
        valid_table = None
        if valid is not None:
            valid_table = open_table(valid, options.read, skip_invalid=options.skip_invalid)
            unreadable += warn_of_invalid_rows(valid_table)
            _, valid_table = find_benchmark(valid_table, options.benchmark)
        elif not options.folds:
            table, valid_table = split_table(table)
        examples, diagnostics = make_examples(table, columns, skip_invalid=options.skip_invalid)
        diagnostics = unreadable + diagnostics
        labels = LabelSet.of(examples)
        _check_labels(labels, examples, columns)
        if options.folds > len(examples):
            raise InputError(
                "option-invalid",
                f"folds is {options.folds:,}",
                why=f"there are {len(examples):,} examples",
                fix="Give fewer; 5 or 10 are usual",
                where=examples.name,
            )
        own_valid = None
        if valid_table is not None:
            valid_columns = find_columns(
                valid_table, task=columns.task, text=columns.texts, label=columns.label
            )
            own_valid, more = make_examples(
                valid_table, valid_columns, skip_invalid=options.skip_invalid
            )
            diagnostics += more
            _check_valid_labels(labels, own_valid)
        embedder = TextEmbedder(options.model, truncation="off", **asdict(options.fetch_options))
        base = embedder.model
        if options.model is None and columns.task not in LINEAR_TASKS:
            base = load(WORDS)
        return cls(
            options, table, columns, examples, own_valid, labels, embedder, base, diagnostics
        )

    @property
    def vectors(self) -> TextVectors:
        """Of all rows of the training file; without numbers for questions about contexts."""
        if self._vectors is None and self.labels.task == "question-answering":
            self._vectors = TextVectors(np.zeros((len(self.examples), 0), np.float32), None)
        if self._vectors is None:
            self._vectors = compute_vectors(
                self.embedder, self.examples, show_progress_bar=self.show_progress_bar
            )
        return self._vectors

    @property
    def valid_vectors(self) -> TextVectors | None:
        """Of the rows of the validation file, if there is one."""
        if self.valid is not None and self.labels.task == "question-answering":
            return TextVectors(np.zeros((len(self.valid), 0), np.float32), None)
        if self._valid_vectors is None and self.valid is not None:
            self._valid_vectors = compute_vectors(self.embedder, self.valid)
        return self._valid_vectors

    def check(self, *, suspects: bool = False) -> list[Diagnostic]:
        """Check the data.

        Args:
            suspects: Whether a probe looks for wrong labels; a race does that by itself.

        Returns:
            All diagnostics so far.
        """
        probabilities = None
        if suspects and self.labels.task == "classification":
            probe = fit_probe(self.labels, self.examples, self.vectors, self._folds(FOLDS))
            probabilities = probe.fold_probabilities
        used = {*self.columns.texts, *self.columns.choices, self.columns.label}
        numbers = {row: number for number, row in enumerate(self.table.rows)}
        order = [numbers[row] for row in self.examples.rows.tolist()]
        others = {
            name: [cells[n] for n in order]
            for name, cells in self.table.columns.items()
            if name not in used
        }
        tags = None
        if self.labels.task == "tagging":
            cells = self.table.columns[self.columns.label]
            tags = [split_cell(cells[n]) for n in order]
        is_linear = self.labels.task in LINEAR_TASKS
        vectors, valid_vectors = self.vectors.joined, self.valid_vectors
        results = check_data(
            CheckedData(
                self.examples,
                self.valid,
                vectors if vectors.size else None,
                None if valid_vectors is None or not vectors.size else valid_vectors.joined,
                self.base.tokenizer,
                self.embedder.max_seq_length if is_linear else self.base.max_length,
                probabilities,
                others,
                tags,
            )
        )
        self.diagnostics = sort_by_severity([*self.diagnostics, *results])
        return self.diagnostics

    def prepare(self) -> Race:
        """Split the rows; the time for all contenders begins.

        Raises:
            InputError: [texts-missing] if they cannot be split; [answer-not-in-context];
                [option-invalid] for class weights that the task or its labels do not have.
        """
        self._check_answers()
        self._weigh(self.examples)  # refuses weights of a task without classes
        self._race = Race(
            self.labels,
            self._parts(),
            self.embedder,
            self.base,
            parse_seconds(self.options.max_time),
            self._weigh,
            {"contrastive": self._tune_pairs, "tune": self._tune},
        )
        return self._race

    def race(self) -> Iterator[RaceResult]:
        """Let the contenders run, the cheapest first; their results, one by one."""
        race = self._race or self.prepare()
        for name in self.options.contenders or self._usual_contenders():
            result = race.run(name)
            self.results.append(result)
            yield result

    def finish(self) -> TunedModel:
        """Keep the winner; warn if a baseline is as good.

        Raises:
            InputError: [nothing-trained] if no model took part in the race.
            ResourceError: [training-diverged], [predictions-constant], [training-out-of-memory] if
                the training of the only one failed.
        """
        winner = choose_winner(self.results)
        if winner is None and self._failure is not None:
            raise self._failure
        if winner is None or winner.model is None or self._race is None:
            reasons = "; ".join(f"{r.name}: {r.note}" for r in self.results if r.note)
            has_probe = self.labels.task in (*LINEAR_TASKS, "tagging")
            raise InputError(
                "nothing-trained",
                "no contender can be kept",
                why=reasons or "only baselines ran",
                fix="Add probe or tune to the contenders, or give more time"
                if has_probe
                else "Install torch if it is missing, or give more time",
            )
        for result in self.results:
            own, best = result.score, winner.score
            if result.name in BASELINES and own and best and own.value >= best.value:
                self.diagnostics.append(_warn_of_baseline(result, winner))
                LOGGER.warning(self.diagnostics[-1].line())
        report = make_report(self, winner, self._race)
        return TunedModel(
            winner.model,
            self.labels,
            report,
            self.results,
            self.diagnostics,
            reads_pairs=self.examples.second is not None,
        )

    def remove_checkpoints(self) -> None:
        """Remove what an interrupted race goes on from; call it when the model is written."""
        if self.options.run_directory is not None:
            for name in (CONTRASTIVE, TUNE):
                shutil.rmtree(self.options.run_directory / name, ignore_errors=True)

    def _check_answers(self) -> None:
        """Refuse answers that their contexts do not hold, unless they are to be left out."""
        for diagnostic in check_answers(CheckedData(self.examples)):
            raise InputError(
                diagnostic.code,
                diagnostic.what,
                why=diagnostic.why,
                fix="Correct the answers, or leave these rows out with --skip-invalid",
                where=diagnostic.where,
            )

    def _folds(self, count: int) -> Int64Array:
        """A fold for each row of the training file; near duplicates are in one fold."""
        if self.labels.task == "question-answering":
            contexts = {text: n for n, text in enumerate(self.examples.second or [])}
            clusters = np.array([contexts[text] for text in self.examples.second or []], np.int64)
        else:
            pairs = find_near_duplicates(self.vectors.joined)
            clusters = make_clusters(len(self.examples), pairs)
        return assign_folds(clusters, make_strata(self.examples), count, self.options.seed)

    def _parts(self) -> list[Part]:
        valid_vectors = self.valid_vectors
        if self.valid is not None and valid_vectors is not None:
            folds = self._folds(FOLDS)
            return [Part(self.examples, self.valid, self.vectors, valid_vectors, folds)]
        folds = self._folds(self.options.folds or VALID_FOLDS)
        numbers = range(self.options.folds or 1)
        return [self._part(folds, number) for number in numbers]

    def _part(self, folds: Int64Array, number: int) -> Part:
        """The rows of one fold are for validation."""
        own, rest = np.flatnonzero(folds == number), np.flatnonzero(folds != number)
        if not len(own) or not len(rest):
            raise InputError(
                "texts-missing",
                f"{len(self.examples)} examples cannot be split",
                why="training and validation need rows that are not nearly equal",
                fix="Give more rows, or a validation file with --valid",
                where=self.examples.name,
            )
        return Part(
            self.examples.take(rest),
            self.examples.take(own),
            self.vectors.take(rest),
            self.vectors.take(own),
            folds[rest],
        )

    def _usual_contenders(self) -> tuple[ContenderName, ...]:
        """The linear ones; pairs for few rows of each label, tuning for many, or alone."""
        if self.labels.task not in LINEAR_TASKS:
            has_probe = self.labels.task == "tagging" and not self.options.has_repetitions
            return ("probe", "tune") if has_probe else ("tune",)
        if self.options.has_repetitions:  # a probe has all repetitions
            return (*BASELINES, "tune")
        names, has_tuning = LINEAR_CONTENDERS, self.options.tuning is not None
        if find_spec("torch") is not None and not self.options.folds:
            is_few = len(self.examples) < FEW_OF_LABEL * len(self.labels.names)
            if is_few and self.labels.task == "classification" and self.examples.second is None:
                names = (*names, "contrastive")
            has_tuning |= len(self.examples) >= TUNED_ROWS and is_trainable(self.embedder)
        return (*names, "tune") if has_tuning else names

    def _tune_pairs(self, part: Part, seconds: float | None) -> TrainedModel | str:
        """Train the encoder with pairs, then a probe on its vectors."""
        if find_spec("torch") is None:
            return f"torch is not installed: {make_install_command('torch')}"
        from albertkit.finetuning.contrastive import tune_pairs

        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(self.options.run_directory or temporary) / CONTRASTIVE
            try:
                embedder = tune_pairs(
                    self.embedder,
                    self.labels,
                    part.train,
                    directory=directory,
                    seed=self.options.seed,
                    seconds=seconds,
                    report=self.on_step,
                )
            except ResourceError as error:
                return self._lose(error, directory)
        if isinstance(embedder, str):
            return embedder
        vectors = TextVectors(embedder.encode(part.train.first), None)
        probe = fit_probe(self.labels, part.train, vectors, part.folds, self._weigh(part.train))
        return ProbeModel(embedder, probe)

    def _tune(self, part: Part, seconds: float | None) -> TrainedModel | str:
        """Train encoder and head; what goes wrong in it ends this contender alone."""
        if find_spec("torch") is None:
            return f"torch is not installed: {make_install_command('torch')}"
        from albertkit.finetuning.tune import tune

        config = self.options.tuning or TuningConfig(seed=self.options.seed)
        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(self.options.run_directory or temporary) / TUNE
            try:
                return tune(
                    self.base,
                    self.labels,
                    part.train,
                    part.valid,
                    config=config,
                    directory=directory,
                    row_weights=self._weigh(part.train),
                    start=self._find_start(part),
                    seconds=seconds,
                    report=self.on_step,
                )
            except ResourceError as error:
                return self._lose(error, directory)

    def _lose(self, error: ResourceError, directory: Path) -> str:
        """Why a training has no result; raises the error again if it ends the race.

        With more memory it may go on from its checkpoints, so these are kept.
        """
        if not loses_alone(error):
            raise error
        self._failure = copy(error)  # without its traceback, which holds the model
        if error.diagnostic.code != OUT_OF_MEMORY:
            shutil.rmtree(directory, ignore_errors=True)
        return f"{error.diagnostic.what} [{error.diagnostic.code}]"

    def _find_start(self, part: Part) -> Start | None:
        """Where the tuning begins: at a probe, if it has one that the tuned model can be."""
        from albertkit.finetuning.tune_probe import begin_at_probe, begin_at_word_probe
        from albertkit.finetuning.tuning_model import has_head_of

        if self.labels.task == "tagging" and not has_head_of(self.base, self.labels):
            fitted = (r.model for r in self.results if isinstance(r.model, WordProbe))
            return begin_at_word_probe(
                next(fitted, None) or fit_word_probe(self.base, self.labels, part.train, part.folds)
            )
        if self.labels.task in LINEAR_TASKS and is_trainable(self.embedder):
            weights = self._weigh(part.train)
            probe = fit_probe(self.labels, part.train, part.train_vectors, part.folds, weights)
            return begin_at_probe(ProbeModel(self.embedder, probe))
        return None

    def _weigh(self, examples: Examples) -> Float64Array | None:
        """The weight of each row by its label."""
        return weigh_rows(self.labels, examples, self.options.class_weights)


def weigh_rows(labels: LabelSet, examples: Examples, weights: ClassWeights) -> Float64Array | None:
    """The weight of each row by its label, for classification.

    Args:
        labels: The labels and their order.
        examples: N.
        weights: "none"; "auto": N / (C · rows of the label), as scikit-learn's "balanced"; or by
            label, 1 for those that are left out.

    Returns:
        [N]; None if all weigh alike.

    Raises:
        InputError: [option-invalid] for a task without classes or an unknown label.
    """
    if weights == "none":
        return None
    if labels.task != "classification":
        raise InputError(
            "option-invalid",
            "class_weights are given",
            why=f"{labels.task} has no classes that exclude one another",
            fix="Leave them out",
        )
    if isinstance(weights, str):
        counts = Counter(examples.labels)
        by_label = {name: len(examples) / (len(counts) * n) for name, n in counts.items()}
    else:
        for name in weights:
            check_choice("a label of class_weights", name, labels.names)
        by_label = {name: float(weights.get(name, 1.0)) for name in labels.names}
    return np.array([by_label[label] for label in examples.labels])


def _check_labels(labels: LabelSet, examples: Examples, columns: Columns) -> None:
    """Refuse labels from which nothing can be learned."""
    if labels.task not in ("classification", "multi-label", "tagging"):
        return
    if len(labels.names) < 2:
        raise InputError(
            "label-single",
            f"all {len(examples):,} examples have the label {labels.names[0]!r}"
            if labels.names
            else "no example has a label",
            why="a classifier needs two",
            fix="Add rows of another label, or name another column with --label",
            where=examples.name,
        )
    if labels.task == "classification" and len(labels.names) > max(2, len(examples) / 2):
        raise InputError(
            "label-single",
            f"the column {columns.label!r} has {len(labels.names):,} different values in"
            f" {len(examples):,} rows",
            why="a label with one example cannot be learned",
            fix="Name another column with --label, or give --task regression for numbers",
            where=examples.name,
        )


def _check_valid_labels(labels: LabelSet, valid: Examples) -> None:
    """Refuse validation rows whose labels are all unknown; `check_sides` reports single ones."""
    if labels.task != "classification" or any(name in labels.names for name in valid.labels):
        return
    raise InputError(
        "label-one-sided",
        "no validation row has a label of the training rows",
        why=f"the labels are {', '.join(labels.names[:8])}",
        fix="Correct the labels of the validation file",
        where=valid.name,
    )


def _warn_of_baseline(baseline: RaceResult, winner: RaceResult) -> Diagnostic:
    value = baseline.score.value if baseline.score else 0
    own = winner.score.value if winner.score else 0
    return Diagnostic(
        "baseline-better",
        "warning",
        f"{TITLES[baseline.name]} has {value:.3f}, the kept model {own:.3f}",
        why="the words alone say as much as the model's vectors",
        fix="Give more rows, a larger --model, or more time for tuning",
    )
