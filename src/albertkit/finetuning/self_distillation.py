"""Self-distillation: a model that runs its shared layers fewer times learns from itself.

All layers of an ALBERT have one set of weights, so the same weights can run fewer times: less time
and no new parameters. Input: the tuned model with all repetitions, and the training rows. Output:
its logits for these rows, and the distance to them as a loss. Source of the loss: Hinton et al.
2015, arXiv 1503.02531.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from albertkit.arrays import FloatArray, Int64Array
from albertkit.finetuning.tuning_batches import (
    SoftTargets,
    TuningRows,
    make_batch,
    sort_by_length,
    split_by_tokens,
)
from albertkit.spec.heads import IGNORED_LABEL
from albertkit.training.devices import TrainingDevice

if TYPE_CHECKING:
    from albertkit.finetuning.tuning_model import PackedTuning

TEMPERATURE = 2.0  # of both distributions: Hinton's paper has 2 to 5 for few classes


def compute_soft_targets(
    teacher: PackedTuning, rows: TuningRows, training_device: TrainingDevice
) -> SoftTargets:
    """Compute the teacher's logits for all examples.

    Args:
        teacher: The tuned model.
        rows: N examples.
        training_device: Where it computes, and in which precision.
    """
    counts = count_logits(rows, teacher.task)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    parts: list[FloatArray] = [np.empty(0, np.float32)] * len(rows)
    teacher.eval()
    with torch.no_grad(), training_device.autocast():
        for numbers in split_by_tokens(rows):
            logits = teacher.logits(make_batch(rows, numbers, 1.0)).float().cpu()
            order = sort_by_length(rows, numbers)
            own = torch.split(logits, counts[order].tolist())
            for number, part in zip(order, own, strict=True):
                parts[number] = part.numpy()
    return SoftTargets(np.concatenate(parts), offsets)


def count_logits(rows: TuningRows, task: str) -> Int64Array:
    """How many rows of logits each example has [N]."""
    if rows.tags is not None:
        is_word = (rows.tags != IGNORED_LABEL).astype(np.int64)
        return np.add.reduceat(is_word, rows.encodings.offsets[:-1])
    if task == "multiple-choice":
        return np.diff(rows.groups)
    if task == "question-answering":
        return np.asarray(rows.encodings.lengths, np.int64)
    return np.ones(len(rows), np.int64)


def soft_losses(logits: Tensor, teacher_logits: Tensor, task: str) -> Tensor:
    """The distance of each example (or word) to the teacher.

    Args:
        logits: [N, C], [P, C] of words, or [windows, S, 2] of questions.
        teacher_logits: Of the same shape.
        task: What is learned.

    Returns:
        [N] or [P].
    """
    if task == "regression":
        return (logits - teacher_logits).square().mean(-1)
    if task == "multi-label":
        probabilities = torch.sigmoid(teacher_logits)
        losses = F.binary_cross_entropy_with_logits(logits, probabilities, reduction="none")
        return losses.mean(-1)
    axis = 1 if task == "question-answering" else -1
    probabilities = torch.softmax(teacher_logits / TEMPERATURE, axis)
    logarithms = torch.log_softmax(logits / TEMPERATURE, axis)
    # temperature² keeps the gradient as large as that of the labels
    losses = -(probabilities * logarithms).sum(axis) * TEMPERATURE**2
    return losses.mean(-1) if task == "question-answering" else losses
