"""Common to the classes with a head: the encoder, and how a linear head is created."""

from __future__ import annotations

from typing import Self

from torch import nn

from albertkit.model.albert import Attention, initialize_weights
from albertkit.model.base_model import AlbertModel
from albertkit.model.pretrained import PretrainedAlbert
from albertkit.spec import AlbertConfig, HeadSpec, Weights, head


class AlbertWithHead(PretrainedAlbert):
    """Has an AlbertModel as `albert`, with a pooler if a head of the class reads it."""

    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        """Create an untrained encoder; subclasses add their heads."""
        super().__init__()
        self.config = config
        pooler = any(head(name).reads == "pooled" for name in self.heads)
        self.albert = AlbertModel(config, pooler, attn_implementation=attn_implementation)

    @classmethod
    def create_for(cls, config: AlbertConfig, weights: Weights, attention: Attention) -> Self:
        """Create a model of this class; its parts do not depend on `weights`."""
        return cls(config, attn_implementation=attention)


def create_linear_head(spec: HeadSpec, config: AlbertConfig) -> nn.Linear:
    """Create the untrained linear head of `spec`, H → its width."""
    linear = nn.Linear(config.hidden_size, spec.width(config))
    initialize_weights(linear, config.initializer_range)
    return linear


def create_head_dropout(spec: HeadSpec, config: AlbertConfig) -> nn.Dropout:
    """Create the dropout before the head of `spec`, with rate 0 for a head without dropout."""
    return nn.Dropout(config.classifier_dropout_prob if spec.dropout else 0.0)
