"""ALBERT's forward pass, from ids to token vectors, in one file.

Names of modules are Hugging Face's, so that a state dict holds the canonical parameter names.
Letters: B batch, S length, E embedding, H hidden, F feed-forward, A heads, D = H/A, L layers.
Source: ALBERT paper and google-research/albert modeling.py, whose dropout positions stand here
(transformers leaves out the one after the feed-forward network).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.errors import InputError
from albertkit.model.packed_attention import TextBounds, attend_within_texts
from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import Activation

Attention = Literal["sdpa", "eager"]
ATTENTIONS: tuple[Attention, ...] = ("sdpa", "eager")

# Which keys a query sees; None: all.
# - A bool tensor, broadcast to [B, A, S, S], True where it sees: [B, 1, 1, S] hides padding,
#   [B, 1, S, S] keeps the texts of a packed row apart.
# - TextBounds: those of its own text, where texts lie end to end in one row. For answers alone:
#   nothing is dropped out, and no trace is left.
AttentionMask = Tensor | TextBounds | None


@dataclass(slots=True)
class Trace:
    """What a caller wants to see of the way through the layers."""

    hidden_states: list[Tensor] | None = None  # each [B, S, H]; None: not kept
    attentions: list[Tensor] | None = None  # each [B, A, S, S]; None: not kept

    @classmethod
    def wanted(cls, *, hidden_states: bool | None, attentions: bool | None) -> Trace:
        """Raises InputError [model-argument-invalid] for transformers' choice of some layers."""
        asked = {"output_hidden_states": hidden_states, "output_attentions": attentions}
        for name, value in asked.items():
            if not (value is None or isinstance(value, bool)):
                raise InputError(
                    "model-argument-invalid",
                    f"{name} is {value!r}",
                    why="it says whether they are wanted, of all repetitions",
                    fix="Give True, and take from the tuple what you need",
                )
        return cls([] if hidden_states else None, [] if attentions else None)

    def seen(self) -> tuple[tuple[Tensor, ...] | None, tuple[Tensor, ...] | None]:
        """hidden_states and attentions, as the outputs hold them."""
        return (
            None if self.hidden_states is None else tuple(self.hidden_states),
            None if self.attentions is None else tuple(self.attentions),
        )


def activate(kind: Activation, x: Tensor) -> Tensor:
    match kind:
        case "gelu_tanh":
            return F.gelu(x, approximate="tanh")
        case "gelu_erf":
            return F.gelu(x)
        case "relu":
            return F.relu(x)
        case "silu":
            return F.silu(x)
        case "tanh":
            return torch.tanh(x)
        case "identity":
            return x


class AlbertEmbeddings(nn.Module):
    """Ids → [B, S, E]: word + type + position, normed."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        E = config.embedding_size
        # No padding_idx: row 0 learns like any other, as in google's code.
        self.word_embeddings = empty_embedding(config.vocab_size, E)
        self.position_embeddings = empty_embedding(config.max_position_embeddings, E)
        self.token_type_embeddings = empty_embedding(config.type_vocab_size, E)
        self.LayerNorm = nn.LayerNorm(E, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, words: Tensor, type_ids: Tensor, position_ids: Tensor) -> Tensor:
        """words: [B, S, E] rows of the word table; type_ids, position_ids: [B, S]."""
        summed = words + self.token_type_embeddings(type_ids)  # [B, S, E]
        summed = summed + self.position_embeddings(position_ids)
        normed: Tensor = self.dropout(self.LayerNorm(summed))
        return normed


def empty_embedding(rows: int, width: int) -> nn.Embedding:
    """A table for `initialize_weights` or a checkpoint to fill.

    nn.Embedding's own filling, thrown away, imports a compiler on the meta device.
    """
    return nn.Embedding(rows, width, _weight=torch.empty(rows, width))


class AlbertAttention(nn.Module):
    """Self-attention with its output projection, residual and norm."""

    def __init__(self, config: AlbertConfig, implementation: Attention) -> None:
        super().__init__()
        H = config.hidden_size
        self.heads, self.head_size = config.num_attention_heads, config.head_size
        self.query = nn.Linear(H, H)
        self.key = nn.Linear(H, H)
        self.value = nn.Linear(H, H)
        self.dense = nn.Linear(H, H)
        self.LayerNorm = nn.LayerNorm(H, config.layer_norm_eps)
        self.attention_dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.output_dropout = nn.Dropout(config.hidden_dropout_prob)
        self.implementation: Attention = implementation

    def forward(self, x: Tensor, mask: AttentionMask, trace: Trace | None) -> Tensor:
        """x: [B, S, H]"""
        q, k, v = (self.split(linear(x)) for linear in (self.query, self.key, self.value))
        keep = trace is not None and trace.attentions is not None
        if isinstance(mask, TextBounds):
            context = attend_within_texts(q, k, v, mask)
        elif self.implementation == "sdpa" and not keep:
            rate = self.attention_dropout.p if self.training else 0.0
            context = F.scaled_dot_product_attention(q, k, v, mask, dropout_p=rate)
        else:
            attention_probs = self.attention_probs(q, k, mask)
            if trace is not None and trace.attentions is not None:
                trace.attentions.append(attention_probs)
            context = attention_probs @ v  # [B, A, S, D]
        merged = context.transpose(1, 2).flatten(2)  # [B, S, H]
        normed: Tensor = self.LayerNorm(x + self.output_dropout(self.dense(merged)))
        return normed

    def split(self, x: Tensor) -> Tensor:
        """[B, S, H] → [B, A, S, D]: a head is a contiguous slice of H."""
        return x.view(*x.shape[:-1], self.heads, self.head_size).transpose(1, 2)

    def attention_probs(self, q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
        """Softmaxed scores [B, A, S, S].

        A row that sees no key shares its attention equally, as in transformers' eager form.
        """
        scores = q @ k.transpose(-1, -2) * self.head_size**-0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        softmaxed = torch.softmax(scores, -1, dtype=torch.float32).to(q.dtype)
        dropped: Tensor = self.attention_dropout(softmaxed)
        return dropped


class AlbertLayer(nn.Module):
    """One layer: attention, then the feed-forward network, each with residual and norm after."""

    def __init__(self, config: AlbertConfig, implementation: Attention) -> None:
        super().__init__()
        self.attention = AlbertAttention(config, implementation)
        self.ffn = nn.Linear(config.hidden_size, config.intermediate_size)
        self.ffn_output = nn.Linear(config.intermediate_size, config.hidden_size)
        self.full_layer_layer_norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.activation = config.activation

    def forward(self, x: Tensor, mask: AttentionMask, trace: Trace | None) -> Tensor:
        attended = self.attention(x, mask, trace)  # [B, S, H]
        grown = activate(self.activation, self.ffn(attended))  # [B, S, F]
        out: Tensor = self.full_layer_layer_norm(attended + self.dropout(self.ffn_output(grown)))
        if trace is not None and trace.hidden_states is not None:
            trace.hidden_states.append(out)
        return out


class AlbertLayerGroup(nn.Module):
    """The inner layers of one group, run one after another."""

    def __init__(self, config: AlbertConfig, implementation: Attention) -> None:
        super().__init__()
        layers = (AlbertLayer(config, implementation) for _ in range(config.inner_group_num))
        self.albert_layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, mask: AttentionMask, trace: Trace | None) -> Tensor:
        for layer in self.albert_layers:
            x = layer(x, mask, trace)
        return x


class AlbertTransformer(nn.Module):
    """The projection E → H, then L repetitions of the shared layers."""

    def __init__(self, config: AlbertConfig, implementation: Attention) -> None:
        super().__init__()
        self.embedding_hidden_mapping_in = nn.Linear(config.embedding_size, config.hidden_size)
        groups = (AlbertLayerGroup(config, implementation) for _ in range(config.num_hidden_groups))
        self.albert_layer_groups = nn.ModuleList(groups)
        self.order = [config.group_of(layer) for layer in range(config.num_hidden_layers)]

    def forward(self, embedded: Tensor, mask: AttentionMask, trace: Trace | None) -> Tensor:
        x: Tensor = self.embedding_hidden_mapping_in(embedded)  # [B, S, H]
        if trace is not None and trace.hidden_states is not None:
            trace.hidden_states.append(x)
        for group in self.order:
            x = self.albert_layer_groups[group](x, mask, trace)
        return x


class AlbertEncoder(nn.Module):
    """Ids → token vectors → pooled vector; every class with a head holds one of these."""

    def __init__(
        self, config: AlbertConfig, *, pooler: bool = True, implementation: Attention = "sdpa"
    ) -> None:
        super().__init__()
        if implementation not in ATTENTIONS:
            raise InputError(
                "model-argument-invalid",
                f"attn_implementation is {implementation!r}",
                why=f"known are {', '.join(ATTENTIONS)}",
                fix="Take one of these",
            )
        self.embeddings = AlbertEmbeddings(config)
        self.encoder = AlbertTransformer(config, implementation)
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size) if pooler else None

    def token_vectors(
        self,
        words: Tensor,
        type_ids: Tensor,
        position_ids: Tensor,
        mask: AttentionMask,
        trace: Trace | None = None,
    ) -> Tensor:
        """Token vectors [B, S, H].

        words: ids [B, S], or rows in place of the word table's [B, S, E].
        type_ids, position_ids: [B, S].
        """
        if not words.is_floating_point():
            words = self.embeddings.word_embeddings(words)
        vectors: Tensor = self.encoder(self.embeddings(words, type_ids, position_ids), mask, trace)
        return vectors

    def pool(self, first: Tensor) -> Tensor:
        """The pooled vector [N, H] of the [CLS] vectors [N, H]."""
        if self.pooler is None:
            raise TypeError("this encoder was made without a pooler")
        return torch.tanh(self.pooler(first))


class MaskedLMHead(nn.Module):
    """Token vectors [P, H] → logits over the vocabulary [P, V]; the matrix is the word table."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.embedding_size)
        self.LayerNorm = nn.LayerNorm(config.embedding_size, config.prediction_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.activation = config.activation

    def forward(self, vectors: Tensor, word_table: Tensor) -> Tensor:
        narrowed = self.LayerNorm(activate(self.activation, self.dense(vectors)))  # [P, E]
        return F.linear(narrowed, word_table, self.bias)  # [P, V]


def initialize_weights(module: nn.Module, std: float) -> None:
    """google's initialisation: truncated normal (cut at two spreads), biases 0, norms 1 and 0."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(part.weight, std=std, a=-2 * std, b=2 * std)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.LayerNorm):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
        if isinstance(part, MaskedLMHead):
            nn.init.zeros_(part.bias)
