"""The parameters of a torch model as Weights, in the memory where they lie.

In: a model of this package, or transformers' ALBERT of the same kind. Out: its class here, its
Weights, and how its outputs are dressed. transformers is not imported: whoever has such a model
has done that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from albertkit.arrays import FloatArray
from albertkit.checkpoints.group_order import by_transformers, other_order
from albertkit.errors import InputError
from albertkit.model.compiled_forwards import FORWARDS
from albertkit.model.outputs import ModelOutput
from albertkit.model.pretrained import PREFIX, PretrainedAlbert
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.parameters import parameter_table

KINDS = {kind.__name__: kind for kind in FORWARDS}
Dressed = Callable[[ModelOutput], ModelOutput]


@dataclass(frozen=True, slots=True)
class TorchWeights:
    """kind: the class here. dressed: our output in the class of the model's own outputs."""

    kind: type[PretrainedAlbert]
    weights: Weights
    dressed: Dressed


def read_torch_weights(model: object) -> TorchWeights:
    """float32 parameters on the CPU share their memory.

    Raises InputError [model-not-albert], [model-in-training], [checkpoint-untied],
    [group-assignment-differs], FormatError [config-not-albert].
    """
    if not isinstance(model, nn.Module):
        raise _not_albert(model)
    found = _of_ours(model) if isinstance(model, PretrainedAlbert) else _of_transformers(model)
    for name, part in model.named_modules():
        if isinstance(part, nn.Dropout) and part.training and part.p:
            raise InputError(
                "model-in-training",
                f"{name} drops out {part.p:.0%} of its numbers",
                why="the model is in training mode, and a compiled one never drops anything",
                fix="Call model.eval() first",
            )
    return found


def _of_ours(model: PretrainedAlbert) -> TorchWeights:
    for kind in type(model).__mro__:
        if kind in FORWARDS:
            return TorchWeights(kind, model.weights(), lambda output: output)
    raise _not_albert(model)


def _of_transformers(model: nn.Module) -> TorchWeights:
    theirs = next(
        (
            kind
            for kind in type(model).__mro__
            if kind.__module__.startswith("transformers.") and kind.__name__ in KINDS
        ),
        None,
    )
    if theirs is None:
        raise _not_albert(model)
    kind, name = KINDS[theirs.__name__], type(model).__name__
    read = model.config.to_dict()  # type: ignore[union-attr,operator]  # a config of transformers
    config = AlbertConfig.from_dict(read, where=name)
    if order := other_order(config, by_transformers):
        raise InputError(
            "group-assignment-differs",
            f"transformers computes another model of these weights than we do: {order}",
            why="it rounds where it counts the groups",
            fix="Run this model in transformers",
        )

    def dressed(output: ModelOutput) -> ModelOutput:
        own = getattr(sys.modules[theirs.__module__], type(output).__name__)
        made: ModelOutput = own(**output.present())
        return made

    return TorchWeights(kind, _canonical(model, config, kind, name), dressed)


def _canonical(
    model: nn.Module, config: AlbertConfig, kind: type[PretrainedAlbert], origin: str
) -> Weights:
    """transformers' parameters; what is tied must be so."""
    arrays: dict[str, FloatArray] = {
        name.removeprefix(PREFIX): value.detach().float().cpu().numpy()
        for name, value in model.named_parameters(remove_duplicate=False)
    }
    table = parameter_table(config, kind.heads, pooler="pooler.weight" in arrays)
    for row in table:
        if row.tied_to is None or row.name not in arrays:
            continue
        if not np.array_equal(arrays.pop(row.name), arrays[row.tied_to]):
            raise InputError(
                "checkpoint-untied",
                f"{row.name} differs from {row.tied_to}",
                why="an ALBERT has both in one",
                fix="Tie them, or run this model in transformers",
                where=origin,
            )
    shapes = {name: array.shape for name, array in arrays.items()}
    if differs := table.disagreements(shapes):
        raise InputError(
            "model-not-albert",
            f"{origin} has other parameters than its config says: {differs}",
            why="parts were added, taken away or exchanged",
            fix="Undo that (merge adapters into the weights), or run the model in torch",
        )
    return Weights(config, table.heads, arrays, origin)


def _not_albert(model: object) -> InputError:
    return InputError(
        "model-not-albert",
        f"the model is a {type(model).__module__}.{type(model).__qualname__}",
        why=f"compiled are {', '.join(KINDS)}, of albertkit or of transformers",
        fix="Give one of these",
    )
