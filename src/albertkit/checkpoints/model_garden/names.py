"""The variables of TF Hub's ALBERT encoders, by their own names and in the published order.

The same names stand in SavedModels of every version and in Model Garden's checkpoints, as the
full name of each variable. There is one shared layer; where E equals H there is no projection.
Source: Model Garden, official/nlp/modeling/networks/albert_encoder.py and its exports.
"""

from __future__ import annotations

from albertkit.checkpoints.names import PROJECTION, Row
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import MASKED_LM
from albertkit.spec.parameters import WORD_TABLE, make_layer_prefix

_LAYER = make_layer_prefix(0, 0)

PREPROCESSOR = "preprocessor"  # the folder of an encoder's module in which we put another

EMBEDDINGS = (
    Row(WORD_TABLE, "word_embeddings/embeddings"),
    Row("embeddings.position_embeddings.weight", "position_embedding/embeddings"),
    Row("embeddings.token_type_embeddings.weight", "type_embeddings/embeddings"),
    Row("embeddings.LayerNorm.weight", "embeddings/layer_norm/gamma"),
    Row("embeddings.LayerNorm.bias", "embeddings/layer_norm/beta"),
)
PROJECTED = (
    Row(f"{PROJECTION}.weight", "embedding_projection/kernel", "transposed"),
    Row(f"{PROJECTION}.bias", "embedding_projection/bias"),
)
LAYER = (
    Row(f"{_LAYER}attention.query.weight", "transformer/self_attention/query/kernel", "heads_out"),
    Row(f"{_LAYER}attention.query.bias", "transformer/self_attention/query/bias", "heads_bias"),
    Row(f"{_LAYER}attention.key.weight", "transformer/self_attention/key/kernel", "heads_out"),
    Row(f"{_LAYER}attention.key.bias", "transformer/self_attention/key/bias", "heads_bias"),
    Row(f"{_LAYER}attention.value.weight", "transformer/self_attention/value/kernel", "heads_out"),
    Row(f"{_LAYER}attention.value.bias", "transformer/self_attention/value/bias", "heads_bias"),
    Row(
        f"{_LAYER}attention.dense.weight",
        "transformer/self_attention/attention_output/kernel",
        "heads_in",
    ),
    Row(f"{_LAYER}attention.dense.bias", "transformer/self_attention/attention_output/bias"),
    Row(f"{_LAYER}attention.LayerNorm.weight", "transformer/self_attention_layer_norm/gamma"),
    Row(f"{_LAYER}attention.LayerNorm.bias", "transformer/self_attention_layer_norm/beta"),
    Row(f"{_LAYER}ffn.weight", "transformer/intermediate/kernel", "transposed"),
    Row(f"{_LAYER}ffn.bias", "transformer/intermediate/bias"),
    Row(f"{_LAYER}ffn_output.weight", "transformer/output/kernel", "transposed"),
    Row(f"{_LAYER}ffn_output.bias", "transformer/output/bias"),
    Row(f"{_LAYER}full_layer_layer_norm.weight", "transformer/output_layer_norm/gamma"),
    Row(f"{_LAYER}full_layer_layer_norm.bias", "transformer/output_layer_norm/beta"),
)
POOLER = (
    Row("pooler.weight", "pooler_transform/kernel", "transposed"),
    Row("pooler.bias", "pooler_transform/bias"),
)
PREDICTIONS = (
    Row("predictions.bias", "bert/cls/predictions/output_bias/bias"),
    Row("predictions.dense.weight", "bert/cls/predictions/transform/dense/kernel", "transposed"),
    Row("predictions.dense.bias", "bert/cls/predictions/transform/dense/bias"),
    Row("predictions.LayerNorm.weight", "bert/cls/predictions/transform/LayerNorm/gamma"),
    Row("predictions.LayerNorm.bias", "bert/cls/predictions/transform/LayerNorm/beta"),
)


def list_encoder_rows(config: AlbertConfig) -> tuple[Row, ...]:
    """The encoder's 25 variables, or 23 where E equals H."""
    projected = PROJECTED if config.embedding_size != config.hidden_size else ()
    return (*EMBEDDINGS, *projected, *LAYER, *POOLER)


def list_rows(config: AlbertConfig, heads: tuple[str, ...] = ()) -> tuple[Row, ...]:
    """All variables: the encoder's, then those of `.mlm` where it is there."""
    return (*list_encoder_rows(config), *(PREDICTIONS if MASKED_LM.name in heads else ()))
