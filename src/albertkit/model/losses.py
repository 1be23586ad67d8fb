"""The losses of Hugging Face's classes, and the checks that labels pass before any compute."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from albertkit.model.checks import TensorLike, as_tensor, check_range, check_shape, check_whole
from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import ProblemType

NO_LABEL = -100  # torch's ignore_index, Hugging Face's mark


def check_labels(name: str, given: TensorLike, like: Tensor, classes: int) -> Tensor | None:
    """Labels in the shape of `like`: classes from 0 to classes - 1, or -100 for no label.

    Raises InputError [ids-not-integers], [inputs-shape], [label-out-of-range].
    """
    if given is None:
        return None
    labels = as_tensor(name, given, like.device)
    check_whole(name, labels)
    if like.ndim == 1 and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    check_shape(name, labels, like.shape)
    check_range("label-out-of-range", name, labels.where(labels != NO_LABEL, 0), classes)
    return labels.long()


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the labels that are not -100; NaN where all are.

    logits: [..., C]; labels: [...].
    """
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=NO_LABEL)


def infer_problem_type(config: AlbertConfig, labels: Tensor) -> ProblemType:
    """The config's problem type, or the guess that transformers makes from the labels."""
    if config.problem_type is not None:
        return config.problem_type
    if config.num_labels == 1:
        return "regression"
    if labels.is_floating_point():
        return "multi_label_classification"
    return "single_label_classification"


def check_class_labels(
    config: AlbertConfig, given: TensorLike, like: Tensor
) -> tuple[ProblemType, Tensor] | None:
    """The problem type and the labels in the shape that it asks for; like: [B].

    Single label: [B] whole numbers. Multi-label: [B, C] of 0 and 1. Regression: [B] or [B, C].
    """
    if given is None:
        return None
    labels = as_tensor("labels", given, like.device)
    problem, C = infer_problem_type(config, labels), config.num_labels
    if problem == "single_label_classification":
        wanted = check_labels("labels", labels, like, C)
        return None if wanted is None else (problem, wanted)
    if problem == "regression" and C == 1:
        labels = labels.reshape(-1, 1)
    check_shape("labels", labels, torch.Size((len(like), C)))
    return problem, labels


def class_loss(wanted: tuple[ProblemType, Tensor], logits: Tensor) -> Tensor:
    """wanted: as `check_class_labels` gives it; logits: [B, C]."""
    problem, labels = wanted
    if problem == "single_label_classification":
        return cross_entropy(logits, labels)
    if problem == "regression":
        return F.mse_loss(logits, labels.to(logits.dtype))
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def check_span_labels(name: str, given: TensorLike, slots: Tensor) -> Tensor | None:
    """Where an answer begins or ends, [B]; slots: anything of the inputs' shape [B, S].

    Outside of the inputs as transformers takes it: from S on there is no label, below 0 is 0.
    """
    if given is None:
        return None
    ends = as_tensor(name, given, slots.device)
    check_whole(name, ends)
    if ends.ndim == 2 and ends.shape[1] == 1:
        ends = ends[:, 0]
    check_shape(name, ends, slots.shape[:1])
    ends = ends.long().clamp(min=0)
    return ends.where(ends < slots.shape[1], NO_LABEL)
