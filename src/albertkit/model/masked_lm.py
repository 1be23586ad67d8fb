"""The classes that predict masked words: AlbertForMaskedLM, and AlbertForPreTraining.

At given positions only (`masked_lm_positions`) the vocabulary matrix is multiplied there alone:
at 15 % of the positions that saves most of the head, whose E·V multiplications at every position
are as many as several layers' 12·H² where H is small.
"""

from __future__ import annotations

import logging

from torch import Tensor, nn

from albertkit.errors.keywords import check_keywords
from albertkit.model.albert import Attention, MaskedLMHead, Trace, initialize_weights
from albertkit.model.call_adapter import accept_input_aliases
from albertkit.model.checks import TensorLike
from albertkit.model.inputs import check_inputs, check_positions
from albertkit.model.losses import check_labels, cross_entropy
from albertkit.model.model_with_head import AlbertWithHead, create_head_dropout, linear_head
from albertkit.model.outputs import AlbertForPreTrainingOutput, MaskedLMOutput
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import MASKED_LM, SENTENCE_ORDER

LOGGER = logging.getLogger(__name__)


class AlbertWithMaskedLMHead(AlbertWithHead):
    """An encoder with the masked-word head, whose matrix is the word table."""

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        super().__init__(config, attn_implementation=attn_implementation)
        self.predictions = MaskedLMHead(config)
        initialize_weights(self.predictions, config.initializer_range)

    def word_logits(self, vectors: Tensor, at: Tensor | None) -> Tensor:
        """[B, S, H] → [B, S, V], or [B, P, V] at the slots `at` [B, P]."""
        if at is not None:
            vectors = vectors.gather(
                1, at[:, :, None].expand(-1, -1, vectors.shape[2])
            )  # [B, P, H]
        logits: Tensor = self.predictions(vectors, self.albert.embeddings.word_embeddings.weight)
        return logits


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
        """labels: [B, S], or [B, P] with masked_lm_positions [B, P]; -100 for no label.

        The rest as AlbertModel's.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        at = check_positions(masked_lm_positions, inputs.type_ids)
        slots = inputs.type_ids if at is None else at
        wanted = check_labels("labels", labels, slots, self.config.vocab_size)
        trace = Trace.wanted(hidden_states=output_hidden_states, attentions=output_attentions)
        logits = self.word_logits(self.albert.token_vectors(*inputs, trace), at)
        loss = None if wanted is None else cross_entropy(logits, wanted)
        return MaskedLMOutput(loss, logits, *trace.seen())


class SentenceOrderHead(nn.Module):
    """Pooled vectors [B, H] → logits [B, 2]: 0 in order, 1 swapped."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dropout = create_head_dropout(SENTENCE_ORDER, config)
        self.classifier = linear_head(SENTENCE_ORDER, config)

    def forward(self, pooled: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits


class AlbertForPreTraining(AlbertWithMaskedLMHead):
    """Ids → logits over the vocabulary, and of the order of two sentences."""

    heads = (MASKED_LM.name, SENTENCE_ORDER.name)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
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
        """labels, masked_lm_positions: as AlbertForMaskedLM's. sentence_order_label: [B].

        The loss needs both labels, as in transformers; with one of them it is None.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        at = check_positions(masked_lm_positions, inputs.type_ids)
        slots = inputs.type_ids if at is None else at
        words = check_labels("labels", labels, slots, self.config.vocab_size)
        orders = check_labels("sentence_order_label", sentence_order_label, slots[:, 0], 2)
        if (words is None) != (orders is None):
            LOGGER.warning("no loss: it needs both labels and sentence_order_label")
        trace = Trace.wanted(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)  # [B, S, H]
        word_logits = self.word_logits(vectors, at)
        order_logits = self.sop_classifier(self.albert.pool(vectors[:, 0]))  # [B, 2]
        loss = None
        if words is not None and orders is not None:
            loss = cross_entropy(word_logits, words) + cross_entropy(order_logits, orders)
        return AlbertForPreTrainingOutput(loss, word_logits, order_logits, *trace.seen())
