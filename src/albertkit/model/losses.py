"""The losses of Hugging Face's classes, and the checks of labels before any compute."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from albertkit.errors import InputError
from albertkit.model.checks import (
    TensorLike,
    check_range,
    check_shape,
    check_whole,
    convert_to_tensor,
    is_recorded,
)
from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import ProblemType
from albertkit.spec.heads import IGNORED_LABEL


def check_labels(name: str, value: TensorLike, like: Tensor, classes: int) -> Tensor | None:
    """Check class numbers.

    Args:
        name: The labels' name in messages.
        value: Numbers from 0 to classes - 1, or -100 for no label; [B, 1] is taken for [B].
        like: Any tensor of the shape that labels must have.
        classes: Number of classes.

    Returns:
        The labels, or None if none are given.

    Raises:
        InputError: [ids-not-integers], [inputs-shape], [label-out-of-range].
    """
    if value is None:
        return None
    labels = convert_to_tensor(name, value, like.device)
    check_whole(name, labels)
    if like.ndim == 1 and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    check_shape(name, labels, like.shape)
    check_range("label-out-of-range", name, labels.where(labels != IGNORED_LABEL, 0), classes)
    return labels.long()


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Compute the mean cross-entropy of the labels that are not -100; NaN if all are.

    Args:
        logits: [.., C].
        labels: [..].

    Returns:
        A scalar.
    """
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED_LABEL)


def infer_problem_type(config: AlbertConfig, labels: Tensor) -> ProblemType:
    """Return the config's problem type, or the one transformers infers from the labels."""
    if config.problem_type is not None:
        return config.problem_type
    if config.num_labels == 1:
        return "regression"
    if labels.is_floating_point():
        return "multi_label_classification"
    return "single_label_classification"


def check_class_labels(
    config: AlbertConfig, value: TensorLike, like: Tensor
) -> tuple[ProblemType, Tensor] | None:
    """Check the labels of texts.

    Args:
        config: Its problem_type and number of labels decide which labels are valid.
        value: Class numbers [B] for one class a text, [B, C] of 0 and 1 for several classes,
            [B] or [B, C] numbers for regression.
        like: Any tensor [B].

    Returns:
        The problem type and the labels in its shape, or None if none are given.

    Raises:
        InputError: [ids-not-integers], [inputs-shape], [label-out-of-range].
    """
    if value is None:
        return None
    labels = convert_to_tensor("labels", value, like.device)
    problem, C = infer_problem_type(config, labels), config.num_labels
    if problem == "single_label_classification":
        classes = check_labels("labels", labels, like, C)
        return None if classes is None else (problem, classes)
    if problem == "regression" and C == 1:
        labels = labels.reshape(-1, 1)
    if problem == "multi_label_classification" and labels.ndim == 1 and not is_recorded():
        raise InputError(
            "inputs-shape",
            f"labels has the type {labels.dtype} and the shape {list(labels.shape)}",
            why=f"floats mean several classes a text, which have the shape [batch, {C}]",
            fix="For one class a text give whole numbers, labels.long(); for regression set "
            "num_labels=1",
        )
    check_shape("labels", labels, torch.Size((len(like), C)))
    return problem, labels


def compute_class_loss(targets: tuple[ProblemType, Tensor], logits: Tensor) -> Tensor:
    """Compute the loss of texts' labels.

    Args:
        targets: As `check_class_labels` returns them.
        logits: [B, C].

    Returns:
        A scalar: cross-entropy, mean squared error or binary cross-entropy.
    """
    problem, labels = targets
    if problem == "single_label_classification":
        return cross_entropy(logits, labels)
    if problem == "regression":
        return F.mse_loss(logits, labels.to(logits.dtype))
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def check_span_labels(name: str, value: TensorLike, like: Tensor) -> Tensor | None:
    """Check the positions of answers' starts or ends.

    Args:
        name: The labels' name in messages.
        value: [B]. As in transformers, S or more means no label, and a negative position is 0.
        like: Any tensor of the inputs' shape [B, S].

    Returns:
        Positions [B], -100 for no label, or None if none are given.

    Raises:
        InputError: [ids-not-integers], [inputs-shape].
    """
    if value is None:
        return None
    positions = convert_to_tensor(name, value, like.device)
    check_whole(name, positions)
    if positions.ndim == 2 and positions.shape[1] == 1:
        positions = positions[:, 0]
    check_shape(name, positions, like.shape[:1])
    positions = positions.long().clamp(min=0)
    return positions.where(positions < like.shape[1], IGNORED_LABEL)
