"""AlbertModel: the encoder and its pooler, as Hugging Face's class of that name."""

from __future__ import annotations

from typing import Self

from albertkit.errors.keywords import check_keywords
from albertkit.model.albert import AlbertEncoder, Attention, Trace, initialize_weights
from albertkit.model.call_adapter import accept_input_aliases
from albertkit.model.checks import TensorLike
from albertkit.model.inputs import check_inputs
from albertkit.model.outputs import BaseModelOutputWithPooling
from albertkit.model.pretrained import PretrainedAlbert
from albertkit.spec import AlbertConfig, Weights


class AlbertModel(PretrainedAlbert, AlbertEncoder):
    """Ids → token vectors and the pooled vector.

    Opened from a directory without a pooler it has none, and `pooler_output` is None: numbers
    from a random one would look like an answer.
    """

    @check_keywords
    def __init__(
        self,
        config: AlbertConfig,
        add_pooling_layer: bool = True,
        *,
        attn_implementation: Attention = "sdpa",
    ) -> None:
        super().__init__(config, pooler=add_pooling_layer, implementation=attn_implementation)
        self.config = config
        initialize_weights(self, config.initializer_range)

    @classmethod
    def create_for(cls, config: AlbertConfig, weights: Weights, attention: Attention) -> Self:
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
        """input_ids, attention_mask, token_type_ids, position_ids: [B, S].

        inputs_embeds: [B, S, E], rows to stand in place of the word table's.
        output_hidden_states, output_attentions: whether those of every repetition are wanted, as
        outputs.py describes them, under either attention; no lists of layers.
        Raises InputError as `check_inputs` and `accept_input_aliases`.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        trace = Trace.wanted(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.token_vectors(*inputs, trace)  # [B, S, H]
        pooled = None if self.pooler is None else self.pool(vectors[:, 0])  # [B, H]
        return BaseModelOutputWithPooling(vectors, pooled, *trace.seen())
