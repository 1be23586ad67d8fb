"""The model of a tuning: encoder and head on packed batches, what it predicts, how it is written.

Input: batches of texts end to end, without padding. Output: logits, losses, predictions, and a
directory as Hugging Face's classes have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.arrays import Float64Array, FloatArray
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.probe import PROBLEM_TYPES
from albertkit.finetuning.scores import Predictions
from albertkit.finetuning.self_distillation import soft_losses
from albertkit.finetuning.tuning_answers import choose_answers, cut_examples, decode_answers
from albertkit.finetuning.tuning_batches import (
    TuningBatch,
    TuningRows,
    make_batch,
    make_rows,
    sort_by_length,
    split_by_tokens,
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
from albertkit.spec.heads import EXCLUDED_SCORE, IGNORED_LABEL
from albertkit.tasks.answer import NO_ANSWER
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.encodings import concat_ranges
from albertkit.training.loop import StepResult
from albertkit.training.metrics_log import LoggedMetrics

# Tokens of a batch are a multiple of this: oneDNN keeps a kernel for each shape in bfloat16
TOKEN_STEP = 32
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
        distillation: Share of the loss that is the distance to a teacher's logits.
    """

    def __init__(self, model: PretrainedAlbert, task: str, distillation: float) -> None:
        super().__init__()
        self.model: Any = model
        self.task = task
        self.distillation = distillation

    def logits(self, batch: TuningBatch) -> Tensor:
        """[N, C]; of tagging [P, C] of the words; of choices [M]; of answers [T, 2]."""
        device = self.model.device
        inputs, bounds = make_inputs(batch, device)
        if batch.tags is not None:
            vectors = self.model.albert.token_vectors(*inputs, bounds)[0]  # [T, H]
            words = torch.from_numpy(np.flatnonzero(batch.tags != IGNORED_LABEL)).to(device)
            return self.model.classifier(self.model.dropout(vectors[words]))  # type: ignore[no-any-return]
        if self.task == "question-answering":
            vectors = self.model.albert.token_vectors(*inputs, bounds)[0, : len(batch.ids)]
            return self.model.qa_outputs(vectors)  # type: ignore[no-any-return]
        vectors = self.model.albert.first_vectors(*inputs, bounds)[: len(batch.lengths)]
        pooled = self.model.albert.pool(vectors)  # [M, H]
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
        if batch.teacher_logits is not None:
            teacher_logits = torch.from_numpy(batch.teacher_logits).to(logits.device)
            own, others = (self.group_logits(x, batch) for x in (logits, teacher_logits))
            distances = soft_losses(own, others, self.task)
            losses = (1 - self.distillation) * losses + self.distillation * distances
        weights = torch.from_numpy(batch.weights).to(logits.device)
        if batch.tags is not None:
            weights = torch.ones_like(losses)
        loss = (losses * weights).sum() / batch.step_weight
        return StepResult(loss, len(batch.ids), {"accuracy": right.float().mean()})

    def losses(self, logits: Tensor, batch: TuningBatch) -> tuple[Tensor, Tensor]:
        """The loss of each example (or word), and whether it is right."""
        targets = torch.from_numpy(batch.targets).to(logits.device)
        logits = self.group_logits(logits, batch)
        if batch.tags is not None:
            tags = torch.from_numpy(batch.tags[batch.tags != IGNORED_LABEL]).to(logits.device)
            return F.cross_entropy(logits, tags, reduction="none"), logits.argmax(-1) == tags
        if self.task == "multiple-choice":
            losses = F.cross_entropy(logits, targets.long(), reduction="none")
            return losses, logits.argmax(-1) == targets
        if self.task == "question-answering":
            losses = F.cross_entropy(logits, targets.long(), reduction="none").mean(-1)
            return losses, (logits.argmax(1) == targets).all(-1)
        if self.task == "regression":
            errors = (logits - targets).square().mean(-1)
            return errors, errors < errors.mean()
        if self.task == "multi-label":
            losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
            return losses.mean(-1), ((logits > 0) == (targets > 0)).all(-1)
        losses = -(targets * F.log_softmax(logits, -1)).sum(-1)
        return losses, logits.argmax(-1) == targets.argmax(-1)

    def group_logits(self, logits: Tensor, batch: TuningBatch) -> Tensor:
        """[N, choices] of choices, [windows, S, 2] of answers, padded; of others as they are."""
        if self.task not in ("multiple-choice", "question-answering"):
            return logits
        sizes = batch.sizes.tolist() if self.task == "multiple-choice" else list(batch.lengths)
        return nn.utils.rnn.pad_sequence(
            list(torch.split(logits, sizes)), batch_first=True, padding_value=EXCLUDED_SCORE
        )

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
        weights: Float64Array | None = None,
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


def make_inputs(batch: TuningBatch, device: torch.device) -> tuple[list[Tensor], TextBounds]:
    """Make what an encoder reads of a batch.

    Where the tokens are no multiple of TOKEN_STEP, a text of zeros is the last one.

    Args:
        batch: Of T tokens.
        device: Of the encoder.

    Returns:
        Ids, type ids and positions, each [1, T'] with T' ≥ T; the bounds of the texts.
    """
    missing = -len(batch.ids) % TOKEN_STEP
    inputs = [
        torch.from_numpy(np.pad(array, (0, missing)))[None].to(device)
        for array in (batch.ids, batch.type_ids, batch.positions)
    ]
    lengths = (*batch.lengths, missing) if missing else batch.lengths
    return inputs, TextBounds.of(lengths, device)


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
                order = sort_by_length(rows, numbers)
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
                order = sort_by_length(rows, numbers)
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
            count = int((batch.tags[begin:end] != IGNORED_LABEL).sum())
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


def has_head_of(base: LoadedModel, labels: LabelSet) -> bool:
    """Whether the model has a head of these labels already, which is then trained on."""
    names = labels.names or HEAD_NAMES[labels.task]
    return base.config.id2label == dict(enumerate(names)) and any(
        name.startswith("classifier.") for name in base.weights.arrays
    )


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
    keeps_head = has_head_of(base, labels)
    with torch.no_grad():
        for name, parameter in model.canonical_parameters().items():
            is_head = name.startswith("classifier.")
            if (
                name in arrays
                and arrays[name].shape == parameter.shape
                and (keeps_head or not is_head)
            ):
                parameter.copy_(torch.from_numpy(np.array(arrays[name], np.float32)))
    return PackedTuning(model, labels.task, config.distillation)
