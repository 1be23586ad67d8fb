"""transformers' Trainer on the examples of `finetune`: the same rows, ids, steps and first weights.

Input: a directory of Hugging Face's with the head. Output: the trained model, read back into
albertkit's class, so that one decoder scores both. Items have token type ids, which transformers'
tokenizers leave out by default; batches are padded to their longest text.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from albertkit import load
from albertkit.finetuning.data.columns import Task
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.tuning_batches import make_rows
from albertkit.finetuning.tuning_model import TunedEncoder, make_model
from albertkit.finetuning.tuning_recipe import SMALL_RATE, TuningConfig
from albertkit.model.albert import initialize_weights
from albertkit.spec.heads import IGNORED_LABEL
from albertkit.tokenization import AlbertTokenizer

BATCH = 32
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrainerResult:
    """A trained model, and the processor seconds of the training alone."""

    tuned: TunedEncoder
    seconds: float


def get_class(task: Task) -> Any:
    """The class of transformers that has the task's head."""
    import transformers

    if task == "tagging":
        return transformers.AlbertForTokenClassification
    if task == "multiple-choice":
        return transformers.AlbertForMultipleChoice
    if task == "question-answering":
        return transformers.AlbertForQuestionAnswering
    return transformers.AlbertForSequenceClassification


def make_base(
    model: str, labels: LabelSet, max_length: int, directory: Path, *, is_random: bool = False
) -> None:
    """Write a model with a new head, with which both trainings begin.

    Args:
        model: Whose weights it has.
        labels: Of the head.
        max_length: Ids of a text at most.
        directory: Where it is written.
        is_random: Whether all weights are random, as at the start of a pretraining.
    """
    base = load(model)
    packed = make_model(base, labels, TuningConfig(), 0)
    if is_random:
        initialize_weights(packed, base.config.initializer_range)
    TunedEncoder(packed, base.tokenizer, labels, max_length).write(directory, temperature=1.0)


def train_with_trainer(
    base: Path,
    labels: LabelSet,
    train: Examples,
    valid: Examples | None,
    *,
    steps: int,
    max_length: int,
    batches: int = 1,
    bf16: bool = True,
) -> TrainerResult:
    """Train with transformers.

    Args:
        base: From `make_base`.
        labels: The labels and their order.
        train: Training examples.
        valid: Their loss after each epoch decides which checkpoint is kept; None: the last is.
        steps: Of 32 examples.
        max_length: Ids of a text at most.
        batches: Into which a step is divided.
        bf16: Whether products are in bfloat16.
    """
    import transformers

    model = get_class(labels.task).from_pretrained(str(base), dtype=torch.float32)
    tokenizer = load(base).tokenizer
    when = "no" if valid is None else "epoch"
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=BATCH // batches,
            per_device_eval_batch_size=BATCH // batches,
            gradient_accumulation_steps=batches,
            max_steps=steps,
            learning_rate=SMALL_RATE,
            weight_decay=0.01,
            warmup_steps=round(0.1 * steps),
            seed=0,
            bf16=bf16,
            use_cpu=True,
            eval_strategy=when,
            save_strategy=when,
            save_total_limit=1,
            load_best_model_at_end=valid is not None,
            prediction_loss_only=True,
            report_to=[],
            disable_tqdm=True,
            logging_steps=10**6,
        )
        trainer: Any = transformers.Trainer(
            model,
            arguments,
            data_collator=pad_items,
            train_dataset=make_items(labels, train, tokenizer, max_length),
            eval_dataset=valid and make_items(labels, valid, tokenizer, max_length),
        )
        begin = time.process_time()
        trainer.train()
        seconds = time.process_time() - begin
        trained = Path(folder) / "trained"
        model.save_pretrained(trained)
        tokenizer.write_files(trained)
        packed = make_model(load(trained), labels, TuningConfig(), 0)
    return TrainerResult(TunedEncoder(packed, tokenizer, labels, max_length), seconds)


def make_items(
    labels: LabelSet, examples: Examples, tokenizer: AlbertTokenizer, max_length: int
) -> list[Item]:
    """The inputs of Hugging Face's class for each example; of questions for each window."""
    rows = make_rows(labels, examples, tokenizer, max_length)
    encodings = rows.encodings
    spans = list(pairwise(encodings.offsets.tolist()))
    items = []
    for number, (first, last) in enumerate(pairwise(rows.groups.tolist())):
        own = spans[first:last]
        item: Item = {
            "input_ids": [encodings.ids[a:b].tolist() for a, b in own],
            "token_type_ids": [encodings.type_ids[a:b].tolist() for a, b in own],
            "attention_mask": [[1] * (b - a) for a, b in own],
        }
        if labels.task != "multiple-choice":
            item = {name: values[0] for name, values in item.items()}
        target = rows.targets[number]
        if rows.tags is not None:
            item["labels"] = rows.tags[slice(*own[0])].tolist()
        elif labels.task == "question-answering":
            item["start_positions"], item["end_positions"] = map(int, target)
        elif labels.task == "regression":
            item["labels"] = float(target[0])
        else:
            item["labels"] = int(target if labels.task == "multiple-choice" else target.argmax())
        items.append(item)
    return items


def pad_items(items: list[Item]) -> dict[str, torch.Tensor]:
    """One batch, padded to its longest text."""
    return {
        name: _pad([item[name] for item in items], IGNORED_LABEL if name == "labels" else 0)
        for name in items[0]
    }


def _pad(values: list[Any], padding: int) -> torch.Tensor:
    if not isinstance(values[0], list):
        return torch.tensor(values)
    if isinstance(values[0][0], list):  # choices, as many for each question
        padded = _pad([row for value in values for row in value], padding)
        return padded.view(len(values), -1, padded.shape[1])
    rows = [torch.tensor(value) for value in values]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)
