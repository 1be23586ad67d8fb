"""AlbertModel: the encoder and its pooler, as Hugging Face's class of that name."""

from __future__ import annotations

from typing import Self

from albertkit.errors.arguments import check_keywords
from albertkit.model.albert import AlbertEncoder, Attention, Trace, initialize_weights
from albertkit.model.call_adapter import accept_input_aliases
from albertkit.model.checks import TensorLike
from albertkit.model.inputs import check_inputs
from albertkit.model.outputs import BaseModelOutputWithPooling
from albertkit.model.pretrained import PretrainedAlbert
from albertkit.spec import AlbertConfig, Weights


class AlbertModel(PretrainedAlbert, AlbertEncoder):
    """Ids → token vectors and the pooled vector.

    A model opened from a directory without a pooler has none, and its `pooler_output` is None: a
    random pooler's vectors would look like results.
    """

    @check_keywords
    def __init__(
        self,
        config: AlbertConfig,
        add_pooling_layer: bool = True,
        *,
        attn_implementation: Attention = "sdpa",
    ) -> None:
        """Create an untrained model.

        Args:
            config: The model's sizes and rates.
            add_pooling_layer: Whether the model has a pooler.
            attn_implementation: "sdpa", torch's fused attention, or "eager".
        """
        super().__init__(config, pooler=add_pooling_layer, implementation=attn_implementation)
        self.config = config
        initialize_weights(self, config.initializer_range)

    @classmethod
    def create_for(cls, config: AlbertConfig, weights: Weights, attention: Attention) -> Self:
        """Create a model with a pooler if `weights` have one.

        Args:
            config: Its sizes.
            weights: Decide about the pooler; they are not copied.
            attention: The implementation, as `attn_implementation`.
        """
        return cls(config, weights.has_pooler, attn_implementation=attention)

    @accept_input_aliases
    def forward(
        self,
        input_ids: TensorLike = None,
        attention_mask: TensorLike = None,
        token_type_ids: TensorLike = None,
        position_ids: TensorLike = None,
        inputs_embeds: TensorLike = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> BaseModelOutputWithPooling:
        """Encode a batch.

        Args:
            input_ids: [B, S].
            attention_mask: [B, S], 1 for real ids and 0 for padding; default all 1.
            token_type_ids: [B, S], 0 for the first text and 1 for the second; default all 0.
            position_ids: [B, S] or [1, S]; default 0 … S - 1.
            inputs_embeds: [B, S, E], in place of `input_ids`: rows of the word embeddings.
            output_attentions: Whether to return the attention probabilities of all layers.
            output_hidden_states: Whether to return the output of all layers.

        Returns:
            Token vectors [B, S, H], pooled vectors [B, H], and what else was asked for.

        Raises:
            InputError: As `check_inputs` and `accept_input_aliases`.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        trace = Trace.create(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.token_vectors(*inputs, trace)  # [B, S, H]
        pooled = None if self.pooler is None else self.pool(vectors[:, 0])  # [B, H]
        return BaseModelOutputWithPooling(vectors, pooled, *trace.as_tuples())
