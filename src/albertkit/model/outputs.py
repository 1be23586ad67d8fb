"""What the models return: dataclasses with Hugging Face's field names, also dicts and tuples.

`output.logits`, `output["logits"]` and `output[0]` are the same. Fields that are None are left out
of the dict and of the tuple, as in transformers. torch knows the classes as pytrees, and gathers
them from the replicas of a DataParallel. Fields of all classes:
hidden_states: 1 + L·I tensors [B, S, H], the projected embeddings first.
attentions: L·I tensors [B, A, S, S], after the softmax.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

LayerTensors = tuple[Tensor, ...] | None
OutputValue = Tensor | tuple[Tensor, ...]


class ModelOutput(dict[str, OutputValue]):
    """Fields by name, by number among those that are not None, or all of them as a tuple.

    A dict, because torch gathers only these: `type(output)((name, tensor) for …)`.
    """

    def __post_init__(self) -> None:
        values = ((field.name, getattr(self, field.name)) for field in fields(self))  # type: ignore[arg-type]  # every class below is a dataclass
        self.update((name, value) for name, value in values if value is not None)

    def to_tuple(self) -> tuple[OutputValue, ...]:
        """Return the fields that are not None."""
        return tuple(self.values())

    def __getitem__(self, key: Any) -> Any:
        """The value of a name, or the values of a number or slice."""
        return super().__getitem__(key) if isinstance(key, str) else self.to_tuple()[key]


@dataclass(frozen=True)
class BaseModelOutputWithPooling(ModelOutput):
    """Returned by AlbertModel."""

    last_hidden_state: Tensor  # [B, S, H]
    pooler_output: Tensor | None = None  # [B, H], None without a pooler
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None


@dataclass(frozen=True)
class AlbertForPreTrainingOutput(ModelOutput):
    """Returned by AlbertForPreTraining."""

    loss: Tensor | None  # the sum of both losses
    prediction_logits: Tensor  # [B, S, V], or [B, P, V] at given positions
    sop_logits: Tensor  # [B, 2], class 0 is in order, 1 is swapped
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None


@dataclass(frozen=True)
class HeadOutput(ModelOutput):
    """Returned by a model with one head."""

    loss: Tensor | None
    logits: Tensor
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None


class MaskedLMOutput(HeadOutput):
    """logits: [B, S, V], or [B, P, V] at given positions."""


class SequenceClassifierOutput(HeadOutput):
    """logits: [B, C]."""


class TokenClassifierOutput(HeadOutput):
    """logits: [B, S, C]."""


class MultipleChoiceModelOutput(HeadOutput):
    """logits: [B, C], one for each choice."""


@dataclass(frozen=True)
class QuestionAnsweringModelOutput(ModelOutput):
    """Returned by AlbertForQuestionAnswering."""

    loss: Tensor | None
    start_logits: Tensor  # [B, S]
    end_logits: Tensor  # [B, S]
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None


@dataclass(frozen=True)
class SpanSearchOutput(ModelOutput):
    """Returned by AlbertForSpanSearch: K starts, the likeliest first, and M ends of each.

    Pair k · M + m of a row is its start k with end m of this start.
    """

    loss: Tensor | None
    start_top_log_probs: Tensor  # [B, K]
    start_top_index: Tensor  # [B, K], positions
    end_top_log_probs: Tensor  # [B, K·M]
    end_top_index: Tensor  # [B, K·M], positions
    cls_logits: Tensor  # [B], above 0 if there is no answer
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None


def _register(cls: type[ModelOutput]) -> None:
    """Let torch flatten outputs and build them again.

    As a pytree (torch.export, torch.func, torch.compile), and from pairs of name and value, one
    argument (DataParallel).
    """
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # it is a dataclass
    from_fields = cls.__init__

    @functools.wraps(from_fields)
    def from_fields_or_pairs(self: ModelOutput, *args: Any, **kwargs: Any) -> None:
        if args and isinstance(args[0], Iterator):
            from_fields(self, **{**dict.fromkeys(names), **dict(args[0])})
        else:
            from_fields(self, *args, **kwargs)

    cls.__init__ = from_fields_or_pairs  # type: ignore[method-assign, assignment]

    def flatten(output: ModelOutput) -> tuple[list[OutputValue], list[str]]:
        return [*output.values()], [*output.keys()]

    def flatten_with_keys(
        output: ModelOutput,
    ) -> tuple[list[tuple[pytree.KeyEntry, OutputValue]], list[str]]:
        return [(pytree.GetAttrKey(name), value) for name, value in output.items()], [
            *output.keys()
        ]

    def unflatten(values: Iterable[OutputValue], present: list[str]) -> ModelOutput:
        return cls(**{**dict.fromkeys(names), **dict(zip(present, values, strict=True))})

    pytree.register_pytree_node(
        cls,
        flatten,
        unflatten,
        serialized_type_name=f"albertkit.{cls.__name__}",
        flatten_with_keys_fn=flatten_with_keys,
    )


for _cls in (
    BaseModelOutputWithPooling,
    AlbertForPreTrainingOutput,
    MaskedLMOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SpanSearchOutput,
):
    _register(_cls)
