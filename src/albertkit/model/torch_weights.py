"""The parameters of a torch model as Weights, in the model's own memory.

Input: a model of this package, or transformers' ALBERT of the same class. Output: its class here
and its Weights. transformers is never imported: a program that has such a model has imported it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from torch import nn

from albertkit.arrays import FloatArray
from albertkit.checkpoints.agreement import assign_group_by_transformers, describe_other_order
from albertkit.errors import InputError
from albertkit.model.compiled_forwards import FORWARDS
from albertkit.model.outputs import ModelOutput
from albertkit.model.pretrained import PREFIX, PretrainedAlbert
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.parameters import parameter_table

CLASSES = {cls.__name__: cls for cls in FORWARDS}


@dataclass(frozen=True, slots=True)
class TorchWeights:
    """The weights of a torch model.

    model_class: the class here. output_module: the module of transformers that has the model's
    output classes; None for a model of this package.
    """

    model_class: type[PretrainedAlbert]
    weights: Weights
    output_module: str | None = None

    def convert_output(self, output: ModelOutput) -> ModelOutput:
        """Return our output as an object of the model's own output class."""
        if self.output_module is None:
            return output
        cls = getattr(sys.modules[self.output_module], type(output).__name__)
        converted: ModelOutput = cls(**dict(output.items()))
        return converted


def read_torch_weights(model: object) -> TorchWeights:
    """Read the weights of a model; float32 parameters on the CPU share their memory.

    Args:
        model: An ALBERT of this package or of transformers.

    Returns:
        The class of this package that computes the same, and the weights.

    Raises:
        InputError: [model-not-albert], [model-in-training], [checkpoint-untied],
            [group-assignment-differs].
        FormatError: [config-not-albert].
    """
    if not isinstance(model, nn.Module):
        raise _not_albert_error(model)
    if isinstance(model, PretrainedAlbert):
        source = _read_own_model(model)
    else:
        source = _read_transformers_model(model)
    for name, part in model.named_modules():
        if isinstance(part, nn.Dropout) and part.training and part.p:
            raise InputError(
                "model-in-training",
                f"{name} drops out {part.p:.0%} of its inputs",
                why="the model is in training mode, and a compiled model has no dropout",
                fix="Call model.eval() first",
            )
    return source


def _read_own_model(model: PretrainedAlbert) -> TorchWeights:
    for cls in type(model).__mro__:
        if cls in FORWARDS:
            return TorchWeights(cls, model.weights())
    raise _not_albert_error(model)


def _read_transformers_model(model: nn.Module) -> TorchWeights:
    theirs = next(
        (
            cls
            for cls in type(model).__mro__
            if cls.__module__.startswith("transformers.") and cls.__name__ in CLASSES
        ),
        None,
    )
    if theirs is None:
        raise _not_albert_error(model)
    cls, name = CLASSES[theirs.__name__], type(model).__name__
    settings = model.config.to_dict()  # type: ignore[union-attr,operator]  # a config of transformers
    config = AlbertConfig.from_dict(settings, where=name)
    if order := describe_other_order(config, assign_group_by_transformers):
        raise InputError(
            "group-assignment-differs",
            f"transformers assigns the groups of these weights differently: {order}",
            why="it rounds the number of a layer's group",
            fix="Run this model in transformers",
        )
    return TorchWeights(cls, _take_weights(model, config, cls, name), theirs.__module__)


def _take_weights(
    model: nn.Module, config: AlbertConfig, cls: type[PretrainedAlbert], origin: str
) -> Weights:
    """The parameters of transformers' model; tied parameters must be equal."""
    arrays: dict[str, FloatArray] = {
        name.removeprefix(PREFIX): value.detach().float().cpu().numpy()
        for name, value in model.named_parameters(remove_duplicate=False)
    }
    table = parameter_table(config, cls.heads, pooler="pooler.weight" in arrays)
    for row in table:
        if row.tied_to is None or row.name not in arrays:
            continue
        if not np.array_equal(arrays.pop(row.name), arrays[row.tied_to]):
            raise InputError(
                "checkpoint-untied",
                f"{row.name} differs from {row.tied_to}",
                why="in ALBERT both are the same matrix",
                fix="Tie them, or run this model in transformers",
                where=origin,
            )
    shapes = {name: array.shape for name, array in arrays.items()}
    if differences := table.disagreements(shapes):
        raise InputError(
            "model-not-albert",
            f"the parameters of {origin} do not match its config: {differences}",
            why="parts were added, removed or replaced",
            fix="Undo that (merge adapters into the weights), or run the model in torch",
        )
    return Weights(config, table.heads, arrays, origin)


def _not_albert_error(model: object) -> InputError:
    return InputError(
        "model-not-albert",
        f"the model is a {type(model).__module__}.{type(model).__qualname__}",
        why=f"these classes of albertkit and transformers can be compiled: {', '.join(CLASSES)}",
        fix="Give one of these",
    )
