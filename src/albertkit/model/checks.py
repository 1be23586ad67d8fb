"""Checks that every input of a model passes: type, axes, shape, range.

Each raises an InputError that names the input as the user did, and the position of the first
invalid value. While torch records a forward (`torch.jit.trace`, `torch.compile`, `torch.export`)
shapes and values are symbols, so only types and axes are checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from albertkit.checkpoints.agreement import BERT_PIECES, BERTS
from albertkit.errors import InputError

TensorLike: TypeAlias = Tensor | npt.NDArray[np.generic] | Sequence[object] | None

AXES = {2: "[batch, length]", 3: "[batch, choices, length]"}


def is_traced() -> bool:
    """Return whether torch.jit.trace records the forward."""
    is_tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    return is_tracing


def is_recorded() -> bool:
    """Return whether torch records the forward in any way, so that no value is known."""
    return is_traced() or torch.compiler.is_compiling()


def convert_to_tensor(name: str, value: TensorLike, device: torch.device) -> Tensor:
    """Convert any array or list of numbers to a tensor on `device`.

    Args:
        name: The input's name in messages.
        value: A tensor, an array of numbers, or nested lists of them.
        device: Where the tensor will be.

    Returns:
        The value itself if it is a tensor on `device`.

    Raises:
        InputError: [text-not-ids], [inputs-ragged], [inputs-not-numbers].
    """
    if isinstance(value, Tensor):
        return value.to(device)
    if _is_text(value):
        raise InputError(
            "text-not-ids",
            f"{name} is text",
            why="a model reads the ids that its tokenizer makes of text",
            fix="Call model(**tokenizer(text, return_tensors='pt')), or use TextEmbedder",
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(
            "inputs-ragged",
            f"the rows of {name} have different lengths",
            why="a batch is one array",
            fix="Tokenize with padding=True",
        ) from error
    if array.dtype.kind not in "biufc":
        raise InputError(
            "inputs-not-numbers",
            f"{name} is {_describe(value)}",
            why="a model reads tensors, arrays or lists of numbers",
            fix="Call model(**tokenizer(text, return_tensors='pt'))",
        )
    # torch takes neither a foreign byte order nor negative strides
    native = array.astype(array.dtype.newbyteorder("="), order="C", copy=False)
    return torch.as_tensor(native, device=device)


def check_whole(name: str, tensor: Tensor) -> None:
    """Raise InputError [ids-not-integers] if the tensor is not of an integer type."""
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise InputError(
            "ids-not-integers",
            f"{name} has the type {tensor.dtype}",
            why="ids, type ids, positions and class labels are whole numbers",
            fix=f"Convert it with {name}.long() if its values are whole numbers",
        )


def check_rank(name: str, tensor: Tensor, axes: int) -> None:
    """Raise InputError [inputs-rank] if the tensor has another number of axes."""
    if tensor.ndim != axes:
        raise InputError(
            "inputs-rank",
            f"{name} has the shape {list(tensor.shape)}",
            why=f"it must have {axes} axes{f', {AXES[axes]}' if axes in AXES else ''}",
            fix=_explain_batching(name, tensor.ndim - axes),
        )


def check_not_empty(name: str, tensor: Tensor) -> None:
    """Raise InputError [inputs-empty] if the tensor has no elements."""
    if not is_recorded() and not tensor.numel():
        raise InputError(
            "inputs-empty",
            f"{name} has the shape {list(tensor.shape)}",
            why="it is empty; even an empty text has [CLS] and [SEP]",
            fix="Leave out empty batches",
        )


def check_shape(name: str, tensor: Tensor, shape: torch.Size) -> None:
    """Raise InputError [inputs-shape] if the tensor has another shape."""
    if not is_recorded() and tensor.shape != shape:
        raise InputError(
            "inputs-shape",
            f"{name} has the shape {list(tensor.shape)}",
            why=f"it must have {list(shape)}, as the other inputs do",
            fix="Take all inputs from one call of the tokenizer",
        )


def check_range(code: str, name: str, numbers: Tensor, count: int) -> None:
    """Raise InputError with `code` if a number is not in 0 … count - 1."""
    if is_recorded():
        return
    outside = (numbers < 0) | (numbers >= count)
    if not bool(outside.any()):
        return
    position = outside.nonzero()[0].tolist()
    value = int(numbers[tuple(position)])
    raise InputError(
        code,
        f"{name}{position} is {value}, this model has {NUMBERED[code]} 0 to {count - 1}",
        why=_explain_range(code, value),
        fix=FIXES[code],
    )


NUMBERED = {
    "id-out-of-range": "ids",
    "type-id-out-of-range": "types",
    "position-out-of-range": "positions",
    "label-out-of-range": "classes",
}
FIXES = {
    "id-out-of-range": "Tokenize with the tokenizer saved with the model",
    "type-id-out-of-range": "Give 0 for the first text and 1 for the second",
    "position-out-of-range": "Count positions from 0 in each text",
    "label-out-of-range": "Set num_labels, or give -100 for tokens without a label",
}


def _is_text(value: object) -> bool:
    while isinstance(value, list | tuple) and value:
        value = value[0]
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return isinstance(value, str | bytes) or kind in ("U", "S")


def _describe(value: object) -> str:
    """What was given instead of numbers, in words."""
    if isinstance(value, list | tuple):
        return "a list that holds something else than numbers"
    return f"a {type(value).__name__}"


def _explain_batching(name: str, excess: int) -> str:
    if excess == -1:
        return f"Make a batch of one: {name}[None] for an array, [{name}] for a list"
    return "Tokenize with return_tensors='pt' and padding=True"


def _explain_range(code: str, value: int) -> str:
    if code == "id-out-of-range" and 30000 <= value < BERT_PIECES:
        return BERTS
    return "the model's table has no such row"
