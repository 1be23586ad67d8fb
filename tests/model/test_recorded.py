"""A forward that torch records with a full mask computes as the model does with other masks.

Exported, compiled and traced programs are called with other batch sizes, lengths and padding.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import pytest
import torch
from tests.support.axes import CONFIG
from torch import Tensor
from torch.utils import _pytree as pytree

from albertkit.model.compiled_forwards import FORWARDS
from albertkit.model.outputs import ModelOutput
from albertkit.model.pretrained import PretrainedAlbert

CLASSES = {cls.__name__: cls for cls in FORWARDS}
RECORDED_SHAPE, SHAPE = (2, 9), (3, 13)
PADDED = torch.tensor([[1] * 5 + [0] * 8, [1] * 13, [1] * 9 + [0] * 4])


def model_and_inputs(
    name: str,
) -> tuple[PretrainedAlbert, tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """A model, ids and a full mask to record with, and padded inputs of another shape."""
    torch.manual_seed(0)
    model = CLASSES[name](CONFIG)
    first = torch.randint(5, 90, RECORDED_SHAPE)
    pairs = (first, torch.ones_like(first)), (torch.randint(5, 90, SHAPE), PADDED)
    if name == "AlbertForMultipleChoice":
        pairs = tuple(tuple(x[:, None].repeat(1, 2, 1) for x in pair) for pair in pairs)  # type: ignore[assignment]  # of the same lengths
    return model.eval(), *pairs


def assert_equal(values: Iterable[object], expected: ModelOutput) -> None:
    for value, other in zip(values, expected.values(), strict=True):
        torch.testing.assert_close(value, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", CLASSES)
def test_an_exported_model_takes_other_masks_and_shapes(name: str) -> None:
    model, recorded, inputs = model_and_inputs(name)
    free = torch.export.Dim.AUTO
    axes = {0: free, recorded[0].ndim - 1: free}
    program = torch.export.export(model, recorded, dynamic_shapes=(axes, axes))
    result = program.module()(*inputs)
    assert type(result) is type(model(*inputs))
    assert_equal(result.values(), model(*inputs))


@pytest.mark.parametrize("name", CLASSES)
def test_a_model_compiles_without_a_graph_break(name: str) -> None:
    model, recorded, inputs = model_and_inputs(name)
    compiled = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    compiled(*recorded)
    assert_equal(compiled(*inputs).values(), model(*inputs))


class AsTuple(torch.nn.Module):
    """What users write around a model for torch.jit.trace, which takes no dataclasses."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        output: tuple[Tensor, ...] = self.model(ids, mask, return_dict=False)
        return output


@pytest.mark.parametrize("name", CLASSES)
def test_a_traced_model_keeps_its_mask(name: str) -> None:
    model, recorded, inputs = model_and_inputs(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a TracerWarning says that a value became a constant
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        traced = torch.jit.trace(AsTuple(model), recorded)
    assert_equal(traced(*inputs), model(*inputs))


@pytest.mark.parametrize("name", CLASSES)
def test_outputs_are_pytrees(name: str) -> None:
    model, inputs, _ = model_and_inputs(name)
    output = model(*inputs, output_hidden_states=True)
    doubled = pytree.tree_map(lambda x: x + x, output)
    assert type(doubled) is type(output)
    assert doubled.attentions is None
    torch.testing.assert_close(doubled.hidden_states[0], 2 * output.hidden_states[0])
    torch.testing.assert_close(doubled[0], 2 * output[0])


def test_labels_can_be_compiled_with_the_loss() -> None:
    model, (ids, mask), _ = model_and_inputs("AlbertForMaskedLM")
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    loss, expected = (call(ids, mask, labels=ids).loss for call in (compiled, model))
    torch.testing.assert_close(loss, expected)
