"""What the classes with a head share: the encoder inside, and how a linear head is made."""

from __future__ import annotations

from typing import Self

from torch import nn

from albertkit.model.albert import Attention, initialize_weights
from albertkit.model.base_model import AlbertModel
from albertkit.model.pretrained import PretrainedAlbert
from albertkit.spec import AlbertConfig, HeadSpec, Weights, head


class AlbertWithHead(PretrainedAlbert):
    """An AlbertModel as `albert`, with a pooler where a head of the class reads it."""

    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        super().__init__()
        self.config = config
        pooler = any(head(name).reads == "pooled" for name in self.heads)
        self.albert = AlbertModel(config, pooler, attn_implementation=attn_implementation)

    @classmethod
    def create_for(cls, config: AlbertConfig, weights: Weights, attention: Attention) -> Self:
        return cls(config, attn_implementation=attention)


def linear_head(spec: HeadSpec, config: AlbertConfig) -> nn.Linear:
    """The untrained linear head of `spec`: H → its width."""
    made = nn.Linear(config.hidden_size, spec.width(config))
    initialize_weights(made, config.initializer_range)
    return made


def create_head_dropout(spec: HeadSpec, config: AlbertConfig) -> nn.Dropout:
    """The dropout before the head of `spec`, which may be none."""
    return nn.Dropout(config.classifier_dropout_prob if spec.dropout else 0.0)
