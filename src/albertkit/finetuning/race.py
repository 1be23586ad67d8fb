"""A race under a clock: the cheapest contender first, each scored on the same validation rows.

A contender that cannot finish in the time that is left is not started, and its result says so.
Baselines are only measured; of the other contenders the best one is kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np

from albertkit.arrays import Float64Array, Int64Array
from albertkit.errors import ResourceError
from albertkit.finetuning.baseline import predict_majority, predict_tfidf
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.probe import Probe, TextVectors, fit_probe
from albertkit.finetuning.scores import Predictions, Score, compute_score
from albertkit.finetuning.word_probe import fit_word_probe
from albertkit.runtime import LoadedModel
from albertkit.runtime.loaded_model import add_fingerprint
from albertkit.spec import Weights
from albertkit.spec.vector_head import VectorHead
from albertkit.tasks import TextEmbedder

ContenderName: TypeAlias = Literal["majority", "tfidf", "probe", "contrastive", "tune"]
CONTENDERS = get_args(ContenderName)
BASELINES: tuple[ContenderName, ...] = ("majority", "tfidf")
TITLES: Mapping[str, str] = {
    "majority": "majority",
    "tfidf": "TF-IDF + LR",
    "probe": "probe",
    "contrastive": "contrastive",
    "tune": "tune",
}
TIMED_TEXTS = 64
LINEAR: tuple[ContenderName, ...] = ("tfidf", "probe")
LINEAR_TASKS = ("classification", "multi-label", "regression")
OUT_OF_MEMORY = "training-out-of-memory"
LOSING_ERRORS = ("training-diverged", "predictions-constant", OUT_OF_MEMORY)


class TrainedModel(Protocol):
    """A contender that can be kept."""

    def predict(self, examples: Examples) -> Predictions:
        """Predict the labels of examples."""

    def write(self, directory: Path, *, temperature: float) -> None:
        """Write a directory that the tasks open; the caller makes that atomic."""


@dataclass(frozen=True, slots=True)
class RaceResult:
    """One line of the race.

    Attributes:
        name: Of the contender.
        score: On the validation rows; None if it has no result.
        seconds: For training and for predicting the validation rows.
        size: Bytes of its parameters in float32.
        milliseconds: For one text, in batches.
        predictions: Of the validation rows.
        model: What can be kept; None for baselines.
        note: Why it has no result.
    """

    name: ContenderName
    score: Score | None = None
    seconds: float = 0.0
    size: int = 0
    milliseconds: float = 0.0
    predictions: Predictions | None = None
    model: TrainedModel | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Training and validation rows with their vectors."""

    train: Examples
    valid: Examples
    train_vectors: TextVectors
    valid_vectors: TextVectors
    folds: Int64Array  # of the training rows, for choosing settings among them


@dataclass(frozen=True, slots=True, eq=False)
class ProbeModel:
    """A probe with its encoder."""

    embedder: TextEmbedder
    probe: Probe

    @property
    def size(self) -> int:
        """Bytes of the parameters in float32."""
        size = sum(array.size for array in self.embedder.model.weights.arrays.values())
        return 4 * (size + self.probe.head.weight.size + len(self.probe.head.labels))

    def predict(self, examples: Examples) -> Float64Array:
        """Probabilities [N, C], or numbers [N, 1]."""
        first = self.embedder.encode(examples.first)
        second = None if examples.second is None else self.embedder.encode(examples.second)
        return self.probe.predict(TextVectors(first, second))

    def write(self, directory: Path, *, temperature: float) -> None:
        """Write encoder and head; the head has its own temperature, which comes on top."""
        head = self.probe.head.with_temperature(temperature)
        write_probe(self.embedder.model.weights, head, self.embedder, directory)


def write_probe(
    weights: Weights, head: VectorHead, embedder: TextEmbedder, directory: Path
) -> None:
    """Write an encoder and its linear head as a directory of sentence-transformers.

    Args:
        weights: Of the encoder.
        head: The linear head.
        embedder: Has the pooling and the tokenizer.
        directory: The caller makes it atomic.
    """
    from albertkit.checkpoints import SENTENCE_TRANSFORMERS, Checkpoint

    config = replace(
        weights.config, id2label=dict(enumerate(head.labels)), problem_type=head.problem_type
    )
    tokenizer = embedder.model.tokenizer
    marked = add_fingerprint(replace(weights, config=config), tokenizer)
    checkpoint = Checkpoint(marked, pooling=embedder.pooling, vector_head=head)
    SENTENCE_TRANSFORMERS.write(checkpoint, directory)
    tokenizer.write_files(directory)


@dataclass(eq=False)
class Race:
    """All contenders on the same rows.

    Attributes:
        labels: The labels and their order.
        parts: One, or one for each fold; the score is that of all validation rows together.
        embedder: The encoder of the probe of texts.
        base: The encoder of the probe of words.
        max_seconds: The time for all contenders; None: no limit.
        row_weights: From examples to weights [N]; None: all 1.
        tuners: By name, what trains the contenders that need torch: from the part and the seconds
            that are left to the model, or a reason why it does not run.
    """

    labels: LabelSet
    parts: Sequence[Part]
    embedder: TextEmbedder
    base: LoadedModel
    max_seconds: float | None = None
    row_weights: Callable[[Examples], Float64Array | None] = lambda examples: None
    tuners: dict[ContenderName, Callable[[Part, float | None], TrainedModel | str]] = field(
        default_factory=dict
    )
    start: float = field(default_factory=time.monotonic)
    probes: list[Probe] = field(default_factory=list)

    @property
    def seconds_left(self) -> float | None:
        """Of the time for all contenders; None: no limit."""
        if self.max_seconds is None:
            return None
        return self.max_seconds - (time.monotonic() - self.start)

    def run(self, name: ContenderName) -> RaceResult:
        """Let one contender train and predict."""
        reads_words = name == "probe" and self.labels.task == "tagging"
        if name in LINEAR and self.labels.task not in LINEAR_TASKS and not reads_words:
            return RaceResult(name, note=f"{self.labels.task} needs a tuned model")
        if self.seconds_left is not None and self.seconds_left <= 0:
            return RaceResult(name, note="no time is left")
        begin = time.monotonic()
        if name == "majority":
            return self._run_majority(begin)
        if name == "tfidf":
            return self._run_tfidf(begin)
        if name == "probe":
            return self._run_word_probe(begin) if reads_words else self._run_probe(begin)
        return self._run_tuned(name, begin)

    def _run_majority(self, begin: float) -> RaceResult:
        if self.labels.task not in LINEAR_TASKS:
            return RaceResult("majority", note=f"{self.labels.task} has no most frequent label")
        rows = [predict_majority(self.labels, part.train, part.valid) for part in self.parts]
        return self._finish("majority", rows, begin, 4 * len(self.labels.names))

    def _run_tfidf(self, begin: float) -> RaceResult:
        rows, numbers = [], 0
        for part in self.parts:
            weights = self.row_weights(part.train)
            predictions, numbers = predict_tfidf(
                self.labels, part.train, part.valid, part.folds, weights
            )
            rows.append(predictions)
        return self._finish("tfidf", rows, begin, 4 * numbers)

    def _run_probe(self, begin: float) -> RaceResult:
        rows = []
        for part in self.parts:
            probe = fit_probe(
                self.labels,
                part.train,
                part.train_vectors,
                part.folds,
                self.row_weights(part.train),
            )
            self.probes.append(probe)
            rows.append(probe.predict(part.valid_vectors))
        model = ProbeModel(self.embedder, self.probes[-1])
        return self._finish("probe", rows, begin, model.size, model)

    def _run_word_probe(self, begin: float) -> RaceResult:
        probes = [
            fit_word_probe(self.base, self.labels, part.train, part.folds) for part in self.parts
        ]
        rows = [probe.predict(part.valid) for probe, part in zip(probes, self.parts, strict=True)]
        return self._finish("probe", rows, begin, probes[-1].size, probes[-1])

    def _run_tuned(self, name: ContenderName, begin: float) -> RaceResult:
        if name not in self.tuners:
            return RaceResult(name, note=f"{self.labels.task} has no {name} contender")
        if len(self.parts) > 1:
            return RaceResult(name, note="only the probe is trained once for each fold")
        part = self.parts[0]
        model = self.tuners[name](part, self.seconds_left)
        if isinstance(model, str):
            return RaceResult(name, note=model)
        size = getattr(model, "size", 0)
        predictions = model.predict(part.valid)
        return self._finish(name, [predictions], begin, size, model)

    def _finish(
        self,
        name: ContenderName,
        rows: Sequence[Predictions],
        begin: float,
        size: int,
        model: TrainedModel | None = None,
    ) -> RaceResult:
        seconds = time.monotonic() - begin
        milliseconds = 0.0 if model is None else self._time(model)
        predictions = rows[0]
        if len(rows) > 1:
            is_tagging = self.labels.task == "tagging"  # lists of different lengths
            predictions = list(chain(*rows)) if is_tagging else np.concatenate(list(rows))
        score = compute_score(self.labels, self.valid, predictions)
        return RaceResult(name, score, seconds, size, milliseconds, predictions, model)

    @property
    def valid(self) -> Examples:
        """The validation rows of all parts."""
        return concat_examples([part.valid for part in self.parts])

    def _time(self, model: TrainedModel) -> float:
        """Milliseconds for one text, in batches."""
        few = self.parts[0].valid.take(np.arange(min(TIMED_TEXTS, len(self.parts[0].valid))))
        begin = time.monotonic()
        model.predict(few)
        return 1000 * (time.monotonic() - begin) / len(few)


def concat_examples(parts: Sequence[Examples]) -> Examples:
    """The examples of several parts of one table, one after another."""
    first = parts[0]
    if len(parts) == 1:
        return first

    def join(name: str) -> list[object] | None:
        if getattr(first, name) is None:
            return None
        return [item for part in parts for item in getattr(part, name)]

    return Examples(
        first.task,
        [text for part in parts for text in part.first],
        join("second"),  # type: ignore[arg-type]  # of the field's own type
        [label for part in parts for label in part.labels],
        np.concatenate([part.rows for part in parts]),
        first.name,
        join("words"),  # type: ignore[arg-type]
        join("choices"),  # type: ignore[arg-type]
    )


def loses_alone(error: ResourceError) -> bool:
    """Whether a training ended by itself, so that others may go on.

    If one of several ranks has no memory, the others wait for it: then all must end.
    """
    code = error.diagnostic.code
    is_only_rank = os.environ.get("WORLD_SIZE", "1") == "1"
    return code in LOSING_ERRORS and (is_only_rank or code != OUT_OF_MEMORY)


def list_near_scores(results: Sequence[RaceResult], winner: RaceResult) -> list[ContenderName]:
    """The other contenders whose score is within noise of the winner's."""
    return [
        result.name
        for result in results
        if result is not winner
        and result.score is not None
        and winner.score is not None
        and result.score.is_within_noise_of(winner.score)
    ]


def choose_winner(results: Sequence[RaceResult]) -> RaceResult | None:
    """The model with the best score; of equal scores the cheaper one."""
    kept = [result for result in results if result.model is not None and result.score is not None]
    return max(kept, key=lambda result: result.score.value if result.score else 0, default=None)
