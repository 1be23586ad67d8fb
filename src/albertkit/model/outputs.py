"""What the models return: dataclasses with Hugging Face's field names, also read as tuples.

`output.logits`, `output["logits"]` and `output[0]` are the same; fields that are None are left
out of the tuple, as in transformers. Common to all:
hidden_states: 1 + L·I times [B, S, H], the projected embedding first.
attentions: L·I times [B, A, S, S], after the softmax.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from dataclasses import dataclass, fields

from torch import Tensor

LayerTensors = tuple[Tensor, ...] | None
OutputValue = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class ModelOutput:
    """Fields by name, by number among those that are there, or all of them as a tuple."""

    def present(self) -> dict[str, OutputValue]:
        """Name → value of the fields that are there, in their order."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def to_tuple(self) -> tuple[OutputValue, ...]:
        return tuple(self.present().values())

    def __getitem__(self, which: str | int | slice) -> OutputValue | tuple[OutputValue, ...]:
        return self.present()[which] if isinstance(which, str) else self.to_tuple()[which]

    def __len__(self) -> int:
        return len(self.present())

    def __iter__(self) -> Iterator[str]:
        return iter(self.present())

    def __contains__(self, name: object) -> bool:
        return name in self.present()

    def keys(self) -> KeysView[str]:
        return self.present().keys()

    def values(self) -> ValuesView[OutputValue]:
        return self.present().values()

    def items(self) -> ItemsView[str, OutputValue]:
        return self.present().items()


@dataclass(frozen=True)
class BaseModelOutputWithPooling(ModelOutput):
    """Of AlbertModel."""

    last_hidden_state: Tensor  # [B, S, H]
    pooler_output: Tensor | None = None  # [B, H], None without a pooler
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None


@dataclass(frozen=True)
class AlbertForPreTrainingOutput(ModelOutput):
    """Of AlbertForPreTraining."""

    loss: Tensor | None  # the sum of both losses
    prediction_logits: Tensor  # [B, S, V], or [B, P, V] at given positions
    sop_logits: Tensor  # [B, 2], class 0 = in order, 1 = swapped
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None


@dataclass(frozen=True)
class HeadOutput(ModelOutput):
    """Of a model with one head."""

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
    """Of AlbertForQuestionAnswering."""

    loss: Tensor | None
    start_logits: Tensor  # [B, S]
    end_logits: Tensor  # [B, S]
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None


@dataclass(frozen=True)
class SpanSearchOutput(ModelOutput):
    """Of AlbertForSpanSearch; K beginnings, the likeliest first, and M ends for each.

    Pair k · M + m of a row is its beginning k with that one's end m.
    """

    loss: Tensor | None
    start_top_log_probs: Tensor  # [B, K]
    start_top_index: Tensor  # [B, K], slots
    end_top_log_probs: Tensor  # [B, K·M]
    end_top_index: Tensor  # [B, K·M]
    cls_logits: Tensor  # [B], above 0: there is no answer
    hidden_states: LayerTensors = None
    attentions: LayerTensors = None
