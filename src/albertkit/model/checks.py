"""The checks that every input of a model passes: kind, axes, shape, range.

Each raises an InputError that names the input as the user did, and the first bad value's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from albertkit.errors import InputError
from albertkit.spec.vocabulary import BERT_PIECES, BERTS

TensorLike: TypeAlias = Tensor | npt.NDArray[np.generic] | Sequence[object] | None

AXES = {2: "[batch, length]", 3: "[batch, choices, length]"}


def as_tensor(name: str, given: TensorLike, device: torch.device) -> Tensor:
    """Any array as a tensor on `device`; raises InputError [text-not-ids], [inputs-ragged],
    [inputs-not-numbers].
    """
    if isinstance(given, Tensor):
        return given.to(device)
    if _is_text(given):
        raise InputError(
            "text-not-ids",
            f"{name} is text",
            why="a model reads the ids that its tokenizer makes of text",
            fix="Give model(**tokenizer(text, return_tensors='pt')), or use TextEmbedder",
        )
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InputError(
            "inputs-ragged",
            f"{name} cannot be made an array, since its rows differ in length",
            why="the rows of a batch have one length",
            fix="Tokenize with padding=True",
        ) from error
    if array.dtype.kind not in "biufc":
        raise InputError(
            "inputs-not-numbers",
            f"{name} is {_seen(given)}",
            why="a model reads tensors, arrays or lists of numbers",
            fix="Give the tokenizer's answer, as model(**tokenizer(text, return_tensors='pt'))",
        )
    # torch takes neither another machine's byte order nor strides that go backwards
    native = array.astype(array.dtype.newbyteorder("="), order="C", copy=False)
    return torch.as_tensor(native, device=device)


def _seen(given: object) -> str:
    """What was given instead of numbers, in words."""
    if isinstance(given, list | tuple):
        return "a list in which not all are numbers"
    return f"a {type(given).__name__}"


def _is_text(given: object) -> bool:
    while isinstance(given, list | tuple) and given:
        given = given[0]
    kind = getattr(getattr(given, "dtype", None), "kind", "")
    return isinstance(given, str | bytes) or kind in ("U", "S")


def check_whole(name: str, tensor: Tensor) -> None:
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise InputError(
            "ids-not-integers",
            f"{name} is of type {tensor.dtype}",
            why="ids, types, positions and labels are whole numbers",
            fix=f"Convert it, as by {name}.long(), if it holds whole numbers at all",
        )


def check_rank(name: str, tensor: Tensor, axes: int) -> None:
    if tensor.ndim != axes:
        raise InputError(
            "inputs-rank",
            f"{name} has the shape {list(tensor.shape)}",
            why=f"it must have {axes} axes{_axes(axes)}",
            fix=_how_to_batch(name, tensor.ndim - axes),
        )


def _how_to_batch(name: str, too_many: int) -> str:
    if too_many == -1:
        return f"Make a single one a batch of one: {name}[None] for an array, [{name}] for a list"
    return "Tokenize with return_tensors='pt' and padding=True"


def _axes(count: int) -> str:
    return f", {AXES[count]}" if count in AXES else ""


def check_not_empty(name: str, tensor: Tensor) -> None:
    if not tensor.numel():
        raise InputError(
            "inputs-empty",
            f"{name} has the shape {list(tensor.shape)}",
            why="there is nothing in it; an empty text still has [CLS] and [SEP]",
            fix="Leave empty batches out",
        )


def check_shape(name: str, tensor: Tensor, shape: torch.Size) -> None:
    if tensor.shape != shape:
        raise InputError(
            "inputs-shape",
            f"{name} has the shape {list(tensor.shape)}",
            why=f"it must have {list(shape)}, as the other inputs do",
            fix="Take all inputs from one call of the tokenizer",
        )


def check_range(code: str, name: str, numbers: Tensor, count: int) -> None:
    """Every number must be a row of a table of `count` rows."""
    outside = (numbers < 0) | (numbers >= count)
    if not bool(outside.any()):
        return
    at = outside.nonzero()[0].tolist()
    value = int(numbers[tuple(at)])
    raise InputError(
        code,
        f"{name}{at} is {value}, this model has {NUMBERED[code]} 0 to {count - 1}",
        why=_reason(code, value),
        fix=FIXES[code],
    )


def _reason(code: str, value: int) -> str:
    if code == "id-out-of-range" and 30000 <= value < BERT_PIECES:
        return BERTS
    return "it would be read from outside the model's tables"


NUMBERED = {
    "id-out-of-range": "ids",
    "type-id-out-of-range": "types",
    "position-out-of-range": "positions",
    "label-out-of-range": "classes",
}
FIXES = {
    "id-out-of-range": "Tokenize with the tokenizer saved beside the model",
    "type-id-out-of-range": "Give 0 for the first text and 1 for the second",
    "position-out-of-range": "Count positions from 0 in each text",
    "label-out-of-range": "Set num_labels, or give -100 where there is no label",
}
