"""Full tuning: encoder and head are trained together, on the one training loop.

Input: examples and an ALBERT. Output: a model as Hugging Face's classes have it. Texts are packed
end to end, so that no token is padding. Settings are those of the paper (table 14), scaled to the
number of rows; recipes/finetuning has the paper's own.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.arrays import FloatArray
from albertkit.errors import ResourceError
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.linear_model import Doubles
from albertkit.finetuning.probe import PROBLEM_TYPES
from albertkit.finetuning.scores import Predictions
from albertkit.finetuning.tuning_answers import (
    choose_answers,
    cut_examples,
    decode_answers,
    fit_no_answer,
)
from albertkit.finetuning.tuning_batches import (
    NO_LABEL,
    TuningBatch,
    TuningData,
    TuningRows,
    make_batch,
    make_rows,
)
from albertkit.finetuning.tuning_recipe import TuningConfig
from albertkit.model import (
    AlbertForMultipleChoice,
    AlbertForQuestionAnswering,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
)
from albertkit.model.packed_attention import TextBounds
from albertkit.model.pretrained import PretrainedAlbert
from albertkit.runtime import LoadedModel
from albertkit.runtime.loaded_model import add_fingerprint
from albertkit.spec import Weights
from albertkit.spec.heads import EXCLUDED_SCORE
from albertkit.tasks.answer import NO_ANSWER
from albertkit.tasks.answer_spans import WINDOW
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.encodings import concat_ranges
from albertkit.training.devices import TrainingDevice, choose_training_device
from albertkit.training.loop import StepResult, Trainer
from albertkit.training.metrics_log import LoggedMetrics, read_metrics
from albertkit.training.state import load_parameters

PREDICTED_TOKENS = 4096  # of a batch when nothing is trained
TIMED_STEPS = 2
CLASSES: Mapping[str, type[PretrainedAlbert]] = {
    "tagging": AlbertForTokenClassification,
    "multiple-choice": AlbertForMultipleChoice,
    "question-answering": AlbertForQuestionAnswering,
}
# of heads without labels
HEAD_NAMES: Mapping[str, tuple[str, ...]] = {
    "multiple-choice": ("choice",),
    "question-answering": ("start", "end"),
}


class PackedTuning(nn.Module):
    """A model with a head, on packed batches.

    Args:
        model: Of one of Hugging Face's classes.
        task: What is learned.
    """

    def __init__(self, model: PretrainedAlbert, task: str) -> None:
        super().__init__()
        self.model: Any = model
        self.task = task

    def logits(self, batch: TuningBatch) -> Tensor:
        """[N, C]; of tagging [P, C] of the words; of choices [M]; of answers [T, 2]."""
        device = self.model.device
        inputs = [
            torch.from_numpy(array)[None].to(device)
            for array in (batch.ids, batch.type_ids, batch.positions)
        ]
        bounds = TextBounds.of(batch.lengths, device)
        if batch.tags is not None:
            vectors = self.model.albert.token_vectors(*inputs, bounds)[0]  # [T, H]
            words = torch.from_numpy(np.flatnonzero(batch.tags != NO_LABEL)).to(device)
            return self.model.classifier(self.model.dropout(vectors[words]))  # type: ignore[no-any-return]
        if self.task == "question-answering":
            vectors = self.model.albert.token_vectors(*inputs, bounds)[0]
            return self.model.qa_outputs(vectors)  # type: ignore[no-any-return]
        pooled = self.model.albert.pool(self.model.albert.first_vectors(*inputs, bounds))  # [M, H]
        logits: Tensor = self.model.classifier(self.model.dropout(pooled))
        return logits.squeeze(-1) if self.task == "multiple-choice" else logits

    def forward(self, batch: TuningBatch, fraction: float = 0.0) -> StepResult:
        """The loss of a batch as its part of the step's mean, and how many were right.

        Args:
            batch: Of packed texts.
            fraction: Of the run that is done.
        """
        logits = self.logits(batch).float()
        losses, right = self.losses(logits, batch)
        weights = torch.from_numpy(batch.weights).to(logits.device)
        if batch.tags is not None:
            weights = torch.ones_like(losses)
        loss = (losses * weights).sum() / batch.step_weight
        return StepResult(loss, len(batch.ids), {"accuracy": right.float().mean()})

    def losses(self, logits: Tensor, batch: TuningBatch) -> tuple[Tensor, Tensor]:
        """The loss of each example (or word), and whether it is right."""
        targets = torch.from_numpy(batch.targets).to(logits.device)
        if batch.tags is not None:
            tags = torch.from_numpy(batch.tags[batch.tags != NO_LABEL]).to(logits.device)
            return F.cross_entropy(logits, tags, reduction="none"), logits.argmax(-1) == tags
        if self.task == "multiple-choice":
            padded = nn.utils.rnn.pad_sequence(
                list(torch.split(logits, batch.sizes.tolist())),
                batch_first=True,
                padding_value=EXCLUDED_SCORE,
            )  # [N, choices]
            return F.cross_entropy(padded, targets.long(), reduction="none"), padded.argmax(
                -1
            ) == targets
        if self.task == "question-answering":
            padded = nn.utils.rnn.pad_sequence(
                list(torch.split(logits, list(batch.lengths))),
                batch_first=True,
                padding_value=EXCLUDED_SCORE,
            )  # [windows, S, 2]
            losses = F.cross_entropy(padded, targets.long(), reduction="none").mean(-1)
            return losses, (padded.argmax(1) == targets).all(-1)
        if self.task == "regression":
            errors = (logits - targets).square().mean(-1)
            return errors, errors < errors.mean()
        if self.task == "multi-label":
            losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
            return losses.mean(-1), ((logits > 0) == (targets > 0)).all(-1)
        losses = -(targets * F.log_softmax(logits, -1)).sum(-1)
        return losses, logits.argmax(-1) == targets.argmax(-1)

    def canonical_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters under their canonical names."""
        parameters: dict[str, nn.Parameter] = self.model.canonical_parameters()
        return parameters

    def make_rows(
        self,
        labels: LabelSet,
        examples: Examples,
        tokenizer: AlbertTokenizer,
        max_length: int,
        weights: Doubles | None = None,
    ) -> TuningRows:
        """Examples as this model reads them; see `make_rows`."""
        return make_rows(labels, examples, tokenizer, max_length, weights)

    def write(self, tuned: TunedEncoder, directory: Path, temperature: float) -> None:
        """Write a directory that transformers and the tasks open."""
        from albertkit.checkpoints import HUGGINGFACE, Checkpoint

        weights = tuned.weights()
        if self.task in ("classification", "multi-label"):
            extra = {**weights.config.extra, "temperature": round(temperature, 6)}
            weights = replace(weights, config=replace(weights.config, extra=extra))
        if tuned.no_answer_threshold is not None:
            extra = {**weights.config.extra, NO_ANSWER: round(tuned.no_answer_threshold, 6)}
            weights = replace(weights, config=replace(weights.config, extra=extra))
        HUGGINGFACE.write(Checkpoint(add_fingerprint(weights, tuned.tokenizer)), directory)
        tuned.tokenizer.write_files(directory)


Start = Callable[[TuningConfig, tuple[float, float]], PackedTuning]


@dataclass(eq=False)
class TunedEncoder:
    """A tuned model with its tokenizer.

    Attributes:
        packed: The model.
        tokenizer: Of the model.
        labels: The labels and their order.
        max_length: Ids of a text at most.
        settings: Of the training.
        shift: Mean and standard deviation of a regression's numbers, which the head learned.
        no_answer_threshold: How much likelier "no answer" must be; None: each question has one.
        log: The lines of the training's metrics log.
    """

    packed: PackedTuning
    tokenizer: AlbertTokenizer
    labels: LabelSet
    max_length: int
    settings: Mapping[str, object] = field(default_factory=dict)
    shift: tuple[float, float] = (0.0, 1.0)
    no_answer_threshold: float | None = None
    log: Sequence[LoggedMetrics] = ()

    @property
    def size(self) -> int:
        """Bytes of the parameters in float32."""
        return 4 * sum(p.numel() for p in self.packed.canonical_parameters().values())

    def predict(self, examples: Examples) -> Predictions:
        """Probabilities [N, C], numbers [N, 1], tags, probabilities of choices, or answers."""
        if not len(examples):
            return np.zeros((0, len(self.labels.names)))
        if self.labels.task == "question-answering":
            return choose_answers(self.answer(examples), self.no_answer_threshold)
        unlabelled = replace(examples, labels=[])
        rows = self.packed.make_rows(self.labels, unlabelled, self.tokenizer, self.max_length)
        results: list[Any] = [None] * len(rows)
        self.packed.eval()
        with torch.no_grad():
            for numbers in split_by_tokens(rows):
                batch = make_batch(rows, numbers, 1.0)
                order = sorted(numbers, key=lambda n: int(rows.encodings.lengths[rows.groups[n]]))
                outputs = self._read(
                    self.packed.logits(batch).float().cpu(), batch, order, examples
                )
                for number, output in zip(order, outputs, strict=True):
                    results[number] = output
        if self.labels.task in ("tagging", "multiple-choice"):
            return results
        return np.stack(results)

    def answer(self, examples: Examples) -> list[tuple[str, float]]:
        """The best answer to each question, and how much likelier "no answer" is."""
        cut = cut_examples(examples, self.tokenizer, self.max_length)
        rows = make_rows(self.labels, examples, self.tokenizer, self.max_length)
        offsets, lengths = rows.encodings.offsets, rows.encodings.lengths
        logits = np.zeros((len(rows.encodings.ids), 2), np.float32)
        self.packed.eval()
        with torch.no_grad():
            for numbers in split_by_tokens(rows):
                batch = make_batch(rows, numbers, 1.0)
                order = sorted(numbers, key=lambda n: int(lengths[n]))
                tokens = concat_ranges(offsets[order], lengths[order])
                logits[tokens] = self.packed.logits(batch).float().cpu().numpy()
        return decode_answers(cut, logits)

    def _read(
        self, logits: Tensor, batch: TuningBatch, order: list[int], examples: Examples
    ) -> list[Any]:
        if self.labels.task == "multiple-choice":
            parts = torch.split(logits, batch.sizes.tolist())
            return [torch.softmax(part, -1).double().numpy() for part in parts]
        if self.labels.task == "tagging":
            return list(self._read_tags(logits, batch, order, examples))
        if self.labels.task == "regression":
            mean, std = self.shift
            return list(logits.double().numpy() * std + mean)
        if self.labels.task == "multi-label":
            return list(torch.sigmoid(logits).double().numpy())
        return list(torch.softmax(logits.double(), -1).numpy())

    def _read_tags(
        self, logits: Tensor, batch: TuningBatch, order: list[int], examples: Examples
    ) -> Iterator[list[str]]:
        """The tag of each word; words after the last token are outside."""
        if batch.tags is None:
            raise AssertionError("words have tags")
        numbers = logits.argmax(-1).tolist()
        ends = np.cumsum(batch.lengths)
        first = 0
        for begin, end, number in zip(ends - batch.lengths, ends, order, strict=True):
            count = int((batch.tags[begin:end] != NO_LABEL).sum())
            own = [self.labels.names[n] for n in numbers[first : first + count]]
            words = (examples.words or [])[number]
            yield own + ["O"] * (len(words) - count)
            first += count

    def write(self, directory: Path, *, temperature: float) -> None:
        """Write a directory that the tasks open."""
        self.packed.write(self, directory, temperature)

    def weights(self) -> Weights:
        """The parameters; a regression's head gives numbers of the labels' own scale."""
        model = self.packed.model
        arrays: dict[str, FloatArray] = {
            name: p.detach().float().cpu().numpy().copy()
            for name, p in self.packed.canonical_parameters().items()
        }
        if self.labels.task == "regression":
            mean, std = self.shift
            arrays["classifier.weight"] *= std
            arrays["classifier.bias"] = arrays["classifier.bias"] * std + mean
        return Weights(model.config, model.heads, arrays, "a tuned model")


def split_by_tokens(rows: TuningRows) -> Iterator[list[int]]:
    """Numbers of examples in batches of about PREDICTED_TOKENS tokens, equal lengths together."""
    lengths = np.add.reduceat(rows.encodings.lengths, rows.groups[:-1])
    batch: list[int] = []
    tokens = 0
    for number in np.argsort(lengths, kind="stable").tolist():
        batch.append(number)
        tokens += int(lengths[number])
        if tokens >= PREDICTED_TOKENS:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


def tune(
    base: LoadedModel,
    labels: LabelSet,
    train: Examples,
    valid: Examples,
    *,
    config: TuningConfig,
    directory: Path,
    row_weights: Doubles | None = None,
    start: Start | None = None,
    seconds: float | None = None,
    report: Callable[[Mapping[str, Any]], None] = lambda metrics: None,
) -> TunedEncoder | str:
    """Train encoder and head.

    Args:
        base: The model to start from; its head is kept if it is one for these labels.
        labels: The labels and their order.
        train: Training examples.
        valid: Their loss decides which checkpoint is the best, and when to stop.
        config: How it is trained.
        directory: Of checkpoints and the metrics log; a run that was interrupted goes on.
        row_weights: [N], of the training examples; None: all 1.
        start: Makes the model with which each seed begins; None: the base with a new head.
        seconds: That it may take; None: no limit. It ends then even if a busy machine is slower
            than it was in the first steps.
        report: Is called with each line of the metrics log.

    Returns:
        The best model of all seeds, or the reason why it is not begun.

    Raises:
        ResourceError: [training-diverged], [predictions-constant].
        InputError: [run-settings-changed].
    """
    training_device = choose_training_device(config.device, config.precision)
    usual = WINDOW if labels.task == "question-answering" else base.max_length
    max_length = min(config.max_seq_length or usual, base.max_length)
    shift = _fit_shift(labels, train)

    def make_packed(config: TuningConfig, seed: int) -> PackedTuning:
        packed = make_model(base, labels, config, seed) if start is None else start(config, shift)
        return packed.to(training_device.device)

    first = make_packed(config, config.seed)
    rows = first.make_rows(labels, train, base.tokenizer, max_length, row_weights)
    held = first.make_rows(labels, valid, base.tokenizer, max_length)
    rows, held = _shift_targets(labels, rows, shift), _shift_targets(labels, held, shift)
    batches = config.gradient_accumulation_steps * training_device.world_size
    data = TuningData(rows, config.batch_size, batches, config.seed)
    config = config.resolve(base.config.hidden_size, data.steps)
    steps = config.max_steps
    # a new head depends on the seed, the probe's does not
    number = config.seeds_for(len(train)) if start is None else config.seeds or 1
    seeds = range(config.seed, config.seed + number)
    if seconds is not None:
        needed = _estimate_seconds(first, data, training_device) * steps
        needed, seconds = training_device.largest(needed), -training_device.largest(-seconds)
        count = int(seconds / max(needed, 1e-9))
        if count < 1:
            return f"it would take {needed:.0f} s, {max(0.0, seconds):.0f} s are left"
        seconds /= min(count, number)
        if training_device.is_main:
            report({"step": 0, "tokens": 0, "projected_seconds": round(needed, 1)})
        seeds = seeds[: max(1, count)]
    best: tuple[float, TunedEncoder] | None = None
    for seed in seeds:
        packed = make_packed(config, seed)
        run = directory / f"seed-{seed}"
        trainer: Trainer[TuningBatch] = Trainer(
            packed.canonical_parameters(),
            packed.model.table().decaying,
            packed,
            replace(data, seed=seed),
            config.training(data.steps, seed, seconds),
            run,
            training_device,
            settings={**config.settings(), "seed": seed, "rows": len(train)},
            evaluate=lambda packed=packed: evaluate(packed, held, training_device),  # type: ignore[misc]
            report=report,
            patience=config.patience,
        )
        progress = trainer.train()
        if training_device.is_main and _is_constant(packed, held, training_device):
            raise _constant_error(progress.step)
        if progress.best_step:
            load_parameters(run, progress.best_step, packed.canonical_parameters())
        settings = {
            **config.settings(),
            "steps": steps,
            "best_step": progress.best_step,
            "seed": seed,
        }
        log = read_metrics(run) if training_device.is_main else ()
        tuned = TunedEncoder(packed, base.tokenizer, labels, max_length, settings, shift, log=log)
        if best is None or progress.best_value < best[0]:
            best = progress.best_value, tuned
    if training_device.is_main:  # the others may be done while it still evaluates
        shutil.rmtree(directory, ignore_errors=True)
    training_device.leave()
    if best is None:
        raise AssertionError("there is at least one seed")
    tuned = best[1]
    if labels.task == "question-answering":
        has_none = any(not answer.texts for answer in train.labels)
        tuned.no_answer_threshold = (
            fit_no_answer(valid, tuned.answer(valid)) or 0.0 if has_none else None
        )
    return tuned


def make_model(
    base: LoadedModel, labels: LabelSet, config: TuningConfig, seed: int
) -> PackedTuning:
    """The model that is tuned, with a new head unless the base has one of these labels."""
    names = labels.names or HEAD_NAMES[labels.task]
    model_config = replace(
        base.config,
        id2label=dict(enumerate(names)),
        problem_type=PROBLEM_TYPES.get(labels.task),
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        classifier_dropout_prob=config.classifier_dropout,
    )
    if config.repetitions:
        model_config = replace(model_config, num_hidden_layers=config.repetitions)
    torch.manual_seed(seed)
    model = CLASSES.get(labels.task, AlbertForSequenceClassification)(model_config)
    arrays = base.weights.arrays
    keeps_head = base.config.id2label == model_config.id2label
    with torch.no_grad():
        for name, parameter in model.canonical_parameters().items():
            is_head = name.startswith("classifier.")
            if (
                name in arrays
                and arrays[name].shape == parameter.shape
                and (keeps_head or not is_head)
            ):
                parameter.copy_(torch.from_numpy(np.array(arrays[name], np.float32)))
    return PackedTuning(model, labels.task)


def evaluate(
    packed: PackedTuning, rows: TuningRows, training_device: TrainingDevice
) -> dict[str, float]:
    """The mean loss and the share of right examples (or words), summed batch by batch."""
    packed.eval()
    loss = right = count = 0.0
    with torch.no_grad(), training_device.autocast():
        for numbers in split_by_tokens(rows):
            batch = make_batch(rows, numbers, 1.0)
            logits = packed.logits(batch).float()
            losses, is_right = packed.losses(logits, batch)
            loss += float(losses.sum())
            right += float(is_right.sum())
            count += len(losses)
    packed.train()
    return {
        "valid_loss": round(loss / max(1.0, count), 6),
        "valid_accuracy": round(right / max(1.0, count), 4),
    }


def _is_constant(packed: PackedTuning, rows: TuningRows, training_device: TrainingDevice) -> bool:
    """Whether all rows get one class, though their labels are several."""
    if packed.task != "classification" or len(set(rows.targets.argmax(1).tolist())) < 2:
        return False
    packed.eval()
    predicted: set[int] = set()
    with torch.no_grad(), training_device.autocast():
        for numbers in split_by_tokens(rows):
            predicted |= set(packed.logits(make_batch(rows, numbers, 1.0)).argmax(-1).tolist())
            if len(predicted) > 1:
                return False
    return True


def _estimate_seconds(packed: PackedTuning, data: TuningData, device: TrainingDevice) -> float:
    """Seconds of a step, measured on the first batches."""
    batches = data.block(0, 0, 0.0)
    packed.train()
    begin = time.monotonic()
    count = min(TIMED_STEPS * data.batches, len(batches))
    for number in range(count):
        with device.autocast():
            result = packed(batches[number])
        result.loss.backward()
    packed.zero_grad(set_to_none=True)
    return (time.monotonic() - begin) / count * data.batches / device.world_size


def _fit_shift(labels: LabelSet, train: Examples) -> tuple[float, float]:
    if labels.task != "regression":
        return 0.0, 1.0
    values = np.array(train.labels, np.float64)
    return float(values.mean()), float(values.std()) or 1.0


def _shift_targets(labels: LabelSet, rows: TuningRows, shift: tuple[float, float]) -> TuningRows:
    if labels.task != "regression":
        return rows
    mean, std = shift
    return replace(rows, targets=np.asarray((rows.targets - mean) / std, np.float32))


def _constant_error(step: int) -> ResourceError:
    """The error of a model that gives all validation rows one class."""
    return ResourceError(
        "predictions-constant",
        f"after {step} steps all validation rows get the same class",
        why="the training has diverged, or the learning rate is too low",
        fix="Give another learning_rate or seed, or more steps",
    )
