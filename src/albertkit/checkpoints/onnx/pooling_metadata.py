"""A PoolingConfig in an ONNX file: JSON in the file's metadata, and its matrices as tensors.

The graph computes the plan's pooling and steps; what goes before (prompts, lower case, length) and
after (the measure of similarity) is read by the caller.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TypeVar, get_args

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.checkpoints.unsupported import unsupported_error
from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue, parse_json
from albertkit.fileformats.tensors import Tensors
from albertkit.graph.onnx.emitter import name_matrix
from albertkit.graph.onnx.graph import make_module_prefix
from albertkit.spec.config_values import ACTIVATION_NAMES
from albertkit.spec.pooling_config import (
    Dense,
    LayerNorm,
    Normalize,
    Pooling,
    PoolingConfig,
    Similarity,
    VectorStep,
    is_encoder_activation,
)

NORMALIZE = "normalize"  # the other modules are named by a Dense's activation
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
SIMILARITIES: tuple[Similarity, ...] = get_args(Similarity)
Word = TypeVar("Word", bound=str)


def check_plan(plan: PoolingConfig) -> None:
    """Raise InputError [unsupported-by-format] for pooling that the graph does not compute."""
    unsupported = []
    if len(plan.modes) > 1:
        unsupported.append("several ways of pooling")
    if not plan.include_prompt:
        unsupported.append("pooling without the prompt")
    for step in plan.steps:
        if isinstance(step, Dense) and not is_encoder_activation(step.activation):
            unsupported.append(f"a Dense with the activation {step.activation}")
        elif isinstance(step, LayerNorm):
            unsupported.append("a LayerNorm of text vectors")
    if unsupported:
        what, why = ", ".join(unsupported), "the graph does not compute it"
        raise unsupported_error("an ONNX file", what, why, "vectors")


def list_dense_arrays(plan: PoolingConfig) -> dict[str, FloatArray]:
    """The parameters of the plan's steps, named as in torch."""
    arrays = {}
    for number, step in enumerate(plan.steps):
        if isinstance(step, Dense):
            bias = np.zeros(len(step.weight), np.float32) if step.bias is None else step.bias
            arrays[f"{make_module_prefix(number)}weight"] = step.weight
            arrays[f"{make_module_prefix(number)}bias"] = bias
    return arrays


def plan_text(plan: PoolingConfig) -> str:
    """Write a pooling configuration as JSON, without its matrices."""
    return json.dumps(
        {
            "pooling": plan.pooling,
            "steps": [s.activation if isinstance(s, Dense) else NORMALIZE for s in plan.steps],
            "max_length": plan.max_length,
            "prompts": dict(plan.prompts),
            "default_prompt": plan.default_prompt,
            "similarity": plan.similarity,
            "lower_case": plan.lower_case,
            "truncate_dim": plan.truncate_dim,
        },
        ensure_ascii=False,
    )


def plan_from(text: str, tensors: Tensors, hidden_size: int, where: str) -> PoolingConfig:
    """The plan that `plan_text` wrote; raises FormatError [json-malformed], [file-malformed]."""
    values = parse_json(text.encode(), where)
    names, prompts = values.get("steps"), values.get("prompts")
    length, default = values.get("max_length"), values.get("default_prompt")
    kept = values.get("truncate_dim")
    steps: list[VectorStep] = []
    width = hidden_size
    for number, name in enumerate(names if isinstance(names, list) else []):
        step = (
            Normalize() if name == NORMALIZE else _read_dense(number, name, tensors, width, where)
        )
        width = len(step.weight) if isinstance(step, Dense) else width
        steps.append(step)
    return PoolingConfig(
        pooling=_check_word(values.get("pooling"), POOLINGS, where),
        steps=tuple(steps),
        max_length=length if isinstance(length, int) and length > 0 else None,
        prompts=MappingProxyType(
            {name: str(words) for name, words in prompts.items()}
            if isinstance(prompts, dict)
            else {}
        ),
        default_prompt=default if isinstance(default, str) else None,
        similarity=_check_word(values.get("similarity"), SIMILARITIES, where),
        lower_case=values.get("lower_case") is True,
        truncate_dim=kept if isinstance(kept, int) and kept > 0 else None,
    )


def _read_dense(number: int, name: JsonValue, tensors: Tensors, width: int, where: str) -> Dense:
    prefix = make_module_prefix(number)
    weight, bias = name_matrix(f"{prefix}weight"), f"{prefix}bias"
    shape = tensors.shapes.get(weight, ())
    if len(shape) != 2 or shape[0] != width or tensors.shapes.get(bias) != shape[1:]:
        raise _format_error(f"step {number} of its vectors has no fitting matrix", where)
    activation = _check_word(name, ACTIVATION_NAMES, where)
    return Dense(tensors[weight].T, tensors[bias], activation)


def _check_word(value: JsonValue, words: tuple[Word, ...], where: str) -> Word:
    for word in words:
        if word == value:
            return word
    raise _format_error(
        f"its metadata has {str(value)[:40]!r}, not one of {', '.join(words)}", where
    )


def _format_error(what: str, where: str) -> FormatError:
    return FormatError(
        "file-malformed",
        what,
        why="a file that was written here never does so",
        fix="Copy the file again, or write it anew",
        where=where,
    )
