"""The classes with the masked-LM head: AlbertForMaskedLM and AlbertForPreTraining.

With `masked_lm_positions` the vocabulary matrix is multiplied at these positions only. At 15 % of
the positions that saves most of the head, whose E·V multiplications a position cost as much as
several layers of 12·H² if H is small.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn

from albertkit.errors import InputError
from albertkit.errors.arguments import check_keywords
from albertkit.model.albert import Attention, MaskedLMHead, Trace, initialize_weights
from albertkit.model.call_adapter import accept_input_aliases
from albertkit.model.checks import TensorLike
from albertkit.model.inputs import check_inputs, check_masked_positions
from albertkit.model.losses import check_labels, cross_entropy
from albertkit.model.model_with_head import AlbertWithHead, create_head_dropout, create_linear_head
from albertkit.model.outputs import AlbertForPreTrainingOutput, MaskedLMOutput
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import MASKED_LM, SENTENCE_ORDER

LOGGER = logging.getLogger(__name__)


class AlbertWithMaskedLMHead(AlbertWithHead):
    """An encoder with the masked-LM head, whose matrix is the word embeddings."""

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        """Create an untrained model."""
        super().__init__(config, attn_implementation=attn_implementation)
        self.predictions = MaskedLMHead(config)
        initialize_weights(self.predictions, config.initializer_range)

    def word_logits(self, vectors: Tensor, positions: Tensor | None) -> Tensor:
        """Compute logits over the vocabulary.

        Args:
            vectors: Token vectors [B, S, H].
            positions: [B, P], or None for all positions.

        Returns:
            [B, P, V], or [B, S, V] for all positions.
        """
        if positions is not None:
            index = positions[:, :, None].expand(-1, -1, vectors.shape[2])
            vectors = vectors.gather(1, index)  # [B, P, H]
        logits: Tensor = self.predictions(vectors, self.albert.embeddings.word_embeddings.weight)
        return logits

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Take transformers' state dict, which holds tied parameters a second time.

        Raises InputError [checkpoint-untied] if they are not equal.
        """
        ties = {"weight": "albert.embeddings.word_embeddings.weight", "bias": "predictions.bias"}
        for part, source in ties.items():
            name = f"{prefix}predictions.decoder.{part}"
            decoder, tied = state_dict.pop(name, None), state_dict.get(f"{prefix}{source}")
            if decoder is not None and tied is not None and not torch.equal(decoder, tied):
                raise InputError(
                    "checkpoint-untied",
                    f"{name} differs from {source}",
                    why="in ALBERT both are the same matrix",
                    fix="Tie them, or use transformers",
                )
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class AlbertForMaskedLM(AlbertWithMaskedLMHead):
    """Ids → logits over the vocabulary."""

    heads = (MASKED_LM.name,)

    @accept_input_aliases
    def forward(
        self,
        input_ids: TensorLike = None,
        attention_mask: TensorLike = None,
        token_type_ids: TensorLike = None,
        position_ids: TensorLike = None,
        inputs_embeds: TensorLike = None,
        labels: TensorLike = None,
        masked_lm_positions: TensorLike = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> MaskedLMOutput:
        """Predict masked words.

        Args:
            input_ids: [B, S].
            attention_mask: [B, S].
            token_type_ids: [B, S].
            position_ids: [B, S].
            inputs_embeds: [B, S, E], in place of `input_ids`.
            labels: For the loss: the right ids [B, S], or [B, P] with `masked_lm_positions`; -100
                for tokens without a label.
            masked_lm_positions: [B, P], the only positions to predict at.
            output_attentions: Whether to return attention probabilities.
            output_hidden_states: Whether to return the output of all layers.

        Returns:
            Logits [B, S, V], or [B, P, V] with `masked_lm_positions`, and the loss if `labels` are
            given.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        positions = check_masked_positions(masked_lm_positions, inputs.type_ids)
        like = inputs.type_ids if positions is None else positions
        targets = check_labels("labels", labels, like, self.config.vocab_size)
        trace = Trace.create(hidden_states=output_hidden_states, attentions=output_attentions)
        logits = self.word_logits(self.albert.token_vectors(*inputs, trace), positions)
        loss = None if targets is None else cross_entropy(logits, targets)
        return MaskedLMOutput(loss, logits, *trace.as_tuples())


class SentenceOrderHead(nn.Module):
    """Pooled vectors [B, H] → logits [B, 2]: class 0 is in order, 1 is swapped."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dropout = create_head_dropout(SENTENCE_ORDER, config)
        self.classifier = create_linear_head(SENTENCE_ORDER, config)

    def forward(self, pooled: Tensor) -> Tensor:
        """Compute logits [B, 2] of pooled vectors [B, H]."""
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits


class AlbertForPreTraining(AlbertWithMaskedLMHead):
    """Ids → logits over the vocabulary, and of the order of two segments."""

    heads = (MASKED_LM.name, SENTENCE_ORDER.name)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        """Create an untrained model."""
        super().__init__(config, attn_implementation=attn_implementation)
        self.sop_classifier = SentenceOrderHead(config)

    @accept_input_aliases
    def forward(
        self,
        input_ids: TensorLike = None,
        attention_mask: TensorLike = None,
        token_type_ids: TensorLike = None,
        position_ids: TensorLike = None,
        inputs_embeds: TensorLike = None,
        labels: TensorLike = None,
        sentence_order_label: TensorLike = None,
        masked_lm_positions: TensorLike = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> AlbertForPreTrainingOutput:
        """Predict masked words and the order of two segments.

        Args:
            input_ids: [B, S].
            attention_mask: [B, S].
            token_type_ids: [B, S].
            position_ids: [B, S].
            inputs_embeds: [B, S, E], in place of `input_ids`.
            labels: For the loss: the right ids [B, S], or [B, P] with `masked_lm_positions`; -100
                for tokens without a label.
            sentence_order_label: For the loss: 0 in order, 1 swapped [B].
            masked_lm_positions: [B, P], the only positions to predict at.
            output_attentions: Whether to return attention probabilities.
            output_hidden_states: Whether to return the output of all layers.

        Returns:
            Logits of words and of the order, and the sum of both losses if both labels are given;
            with one of them the loss is None, as in transformers.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        positions = check_masked_positions(masked_lm_positions, inputs.type_ids)
        like = inputs.type_ids if positions is None else positions
        words = check_labels("labels", labels, like, self.config.vocab_size)
        orders = check_labels("sentence_order_label", sentence_order_label, like[:, 0], 2)
        if (words is None) != (orders is None):
            LOGGER.warning("no loss: it needs both labels and sentence_order_label")
        trace = Trace.create(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)  # [B, S, H]
        word_logits = self.word_logits(vectors, positions)
        order_logits = self.sop_classifier(self.albert.pool(vectors[:, 0]))  # [B, 2]
        loss = None
        if words is not None and orders is not None:
            loss = cross_entropy(word_logits, words) + cross_entropy(order_logits, orders)
        return AlbertForPreTrainingOutput(loss, word_logits, order_logits, *trace.as_tuples())
