"""ALBERT's forward pass, from ids to token vectors, in one file.

Names of modules are Hugging Face's, so that a state dict holds the canonical parameter names.
Input: ids, type ids, positions [B, S]. Output: token vectors [B, S, H], pooled vectors [B, H].
Letters: B batch, S length, E embedding, H hidden, F feed-forward, A heads, D = H/A, L layers.
Source: ALBERT paper and google-research/albert modeling.py. Dropout is applied where google's code
applies it; transformers leaves out the dropout after the feed-forward network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from albertkit.errors import InputError
from albertkit.model.explicit_attention import attend_explicitly
from albertkit.model.packed_attention import TextBounds, attend_within_texts
from albertkit.model.padded_attention import attend_from_first_tokens
from albertkit.spec import AlbertConfig
from albertkit.spec.config_values import Activation

# How attention is computed: torch's fused function; written out; written out with its own gradient
# where a CPU trains without dropout.
Attention = Literal["sdpa", "eager", "explicit"]
ATTENTIONS: tuple[Attention, ...] = ("sdpa", "eager", "explicit")

# Which keys a query attends to; None: all.
# - A bool tensor, broadcast to [B, A, S, S], True for keys to attend to: [B, 1, 1, S] hides
#   padding, [B, 1, S, S] separates the texts of a packed row.
# - TextBounds: the keys of its own text, for texts end to end in one row. For inference only:
#   without dropout, and without a trace.
AttentionMask = Tensor | TextBounds | None


@dataclass(slots=True)
class Trace:
    """The intermediate results that a caller asked for, collected in a forward pass."""

    hidden_states: list[Tensor] | None = None  # each [B, S, H]; None: not collected
    attentions: list[Tensor] | None = None  # each [B, A, S, S]; None: not collected

    @classmethod
    def create(cls, *, hidden_states: bool | None, attentions: bool | None) -> Trace:
        """Start a trace of all layers.

        Args:
            hidden_states: Whether to collect the output of each layer.
            attentions: Whether to collect the attention probabilities of each layer.

        Returns:
            A trace to give to `AlbertEncoder.token_vectors`.

        Raises:
            InputError: [model-argument-invalid] for anything but a bool or None.
        """
        options = {"output_hidden_states": hidden_states, "output_attentions": attentions}
        for name, value in options.items():
            if not (value is None or isinstance(value, bool)):
                raise InputError(
                    "model-argument-invalid",
                    f"{name} is {value!r}",
                    why="it must be True or False; a choice of layers is not supported",
                    fix="Give True, and take the layers from the tuple",
                )
        return cls([] if hidden_states else None, [] if attentions else None)

    def as_tuples(self) -> tuple[tuple[Tensor, ...] | None, tuple[Tensor, ...] | None]:
        """Return hidden_states and attentions as model outputs hold them."""
        return (
            None if self.hidden_states is None else tuple(self.hidden_states),
            None if self.attentions is None else tuple(self.attentions),
        )


def is_collecting(trace: Trace | None) -> bool:
    """Return whether a trace collects anything."""
    return trace is not None and trace != Trace()


def activate(kind: Activation, x: Tensor) -> Tensor:  # noqa: PLR0911
    """Apply an activation function elementwise."""
    match kind:
        case "gelu_tanh":
            return F.gelu(x, approximate="tanh")
        case "gelu_erf":
            return F.gelu(x)
        case "quick_gelu":
            return x * torch.sigmoid(1.702 * x)
        case "relu":
            return F.relu(x)
        case "silu":
            return F.silu(x)
        case "tanh":
            return torch.tanh(x)
        case "identity":
            return x


class AlbertEmbeddings(nn.Module):
    """Embeds ids: word + type + position, then LayerNorm and dropout."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        E = config.embedding_size
        # No padding_idx: row 0 is trained like any other row, as in google's code.
        self.word_embeddings = create_empty_embedding(config.vocab_size, E)
        self.position_embeddings = create_empty_embedding(config.max_position_embeddings, E)
        self.token_type_embeddings = create_empty_embedding(config.type_vocab_size, E)
        self.LayerNorm = nn.LayerNorm(E, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, words: Tensor, type_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Embed one batch.

        Args:
            words: [B, S, E], rows of the word embeddings.
            type_ids: [B, S].
            position_ids: [B, S].

        Returns:
            [B, S, E].
        """
        x = words + self.token_type_embeddings(type_ids)  # [B, S, E]
        x = x + self.position_embeddings(position_ids)
        normalized: Tensor = self.dropout(self.LayerNorm(x))
        return normalized


def create_empty_embedding(rows: int, width: int) -> nn.Embedding:
    """Create a table without values, for `initialize_weights` or a checkpoint to fill.

    nn.Embedding's own initialization is slow, and imports a compiler on the meta device.
    """
    return nn.Embedding(rows, width, _weight=torch.empty(rows, width))


class AlbertAttention(nn.Module):
    """Self-attention with its output projection, residual connection and LayerNorm."""

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

    def forward(
        self, x: Tensor, mask: AttentionMask, trace: Trace | None, slots: Tensor | None = None
    ) -> Tensor:
        """Let each token attend to the others; x: [B, S, H] → [B, S, H].

        With `slots`, as in `AlbertEncoder.vectors_at`: [B, S, H] → [1, N, H].
        """
        asking = x[:, slots] if slots is not None and isinstance(mask, TextBounds) else x
        q, k, v = self.split(self.query(asking)), self.split(self.key(x)), self.split(self.value(x))
        keep = trace is not None and trace.attentions is not None
        rate = self.attention_dropout.p if self.training else 0.0
        trains_on_cpu = q.requires_grad and not q.is_cuda
        if isinstance(mask, TextBounds) and slots is not None:
            context = attend_from_first_tokens(q, k, v, mask.runs, rate)
        elif isinstance(mask, TextBounds):
            context = attend_within_texts(q, k, v, mask, rate)
        elif self.implementation == "sdpa" and not keep:
            context = F.scaled_dot_product_attention(q, k, v, mask, dropout_p=rate)
        elif self.implementation == "explicit" and trains_on_cpu and not (keep or rate):
            context = attend_explicitly(q, k, v, mask)
        else:
            probs = self.attention_probs(q, k, mask)  # [B, A, S, S]
            if trace is not None and trace.attentions is not None:
                trace.attentions.append(probs)
            context = probs @ v  # [B, A, S, D]
        merged = context.transpose(1, 2).flatten(2)  # [B, S, H]
        if slots is not None and not isinstance(mask, TextBounds):
            # the slots of several rows have no attention of their own: one product is for all rows
            asking, merged = (
                t.flatten(0, 1).index_select(0, slots)[None] for t in (asking, merged)
            )
        normalized: Tensor = self.LayerNorm(asking + self.output_dropout(self.dense(merged)))
        return normalized

    def split(self, x: Tensor) -> Tensor:
        """Split the last axis into heads: [B, S, H] → [B, A, S, D]."""
        return x.view(*x.shape[:-1], self.heads, self.head_size).transpose(1, 2)

    def attention_probs(self, q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
        """Compute the attention probabilities, softmax over the keys.

        Args:
            q: Queries [B, A, S, D].
            k: Keys [B, A, S, D].
            mask: See AttentionMask. A query without any key attends equally to all keys, as in
                transformers' eager attention.

        Returns:
            [B, A, S, S], with dropout in training.
        """
        scores = q @ k.transpose(-1, -2) * self.head_size**-0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        softmaxed = torch.softmax(scores, -1, dtype=torch.float32).to(q.dtype)
        dropped: Tensor = self.attention_dropout(softmaxed)
        return dropped


class AlbertLayer(nn.Module):
    """One layer: attention, then the feed-forward network; post-LayerNorm."""

    def __init__(self, config: AlbertConfig, implementation: Attention) -> None:
        super().__init__()
        self.attention = AlbertAttention(config, implementation)
        self.ffn = nn.Linear(config.hidden_size, config.intermediate_size)
        self.ffn_output = nn.Linear(config.intermediate_size, config.hidden_size)
        self.full_layer_layer_norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.activation = config.activation

    def forward(
        self, x: Tensor, mask: AttentionMask, trace: Trace | None, slots: Tensor | None = None
    ) -> Tensor:
        """Run the layer; x: [B, S, H] → [B, S, H]."""
        attended = self.attention(x, mask, trace, slots)  # [B, S, H]
        hidden = activate(self.activation, self.ffn(attended))  # [B, S, F]
        out: Tensor = self.full_layer_layer_norm(attended + self.dropout(self.ffn_output(hidden)))
        if trace is not None and trace.hidden_states is not None:
            trace.hidden_states.append(out)
        return out


class AlbertLayerGroup(nn.Module):
    """The inner layers of one group, run one after another."""

    def __init__(self, config: AlbertConfig, implementation: Attention) -> None:
        super().__init__()
        layers = (AlbertLayer(config, implementation) for _ in range(config.inner_group_num))
        self.albert_layers = nn.ModuleList(layers)

    def forward(
        self, x: Tensor, mask: AttentionMask, trace: Trace | None, slots: Tensor | None = None
    ) -> Tensor:
        """Run the inner layers; x: [B, S, H] → [B, S, H]. `slots` is for the last one alone."""
        for number, layer in enumerate(self.albert_layers, 1):
            x = layer(x, mask, trace, slots if number == len(self.albert_layers) else None)
        return x


class AlbertTransformer(nn.Module):
    """The projection E → H, then L repetitions of the shared layers."""

    def __init__(self, config: AlbertConfig, implementation: Attention) -> None:
        super().__init__()
        self.embedding_hidden_mapping_in = nn.Linear(config.embedding_size, config.hidden_size)
        groups = (AlbertLayerGroup(config, implementation) for _ in range(config.num_hidden_groups))
        self.albert_layer_groups = nn.ModuleList(groups)
        self.order = [config.group_of(layer) for layer in range(config.num_hidden_layers)]
        self.gradient_checkpointing = False

    def compile_layers(self) -> None:
        """Let torch.compile make the code of each group, at its first call."""
        for group in self.albert_layer_groups:
            group.compile()

    def forward(
        self,
        embedded: Tensor,
        mask: AttentionMask,
        trace: Trace | None,
        slots: Tensor | None = None,
    ) -> Tensor:
        """Encode embeddings [B, S, E] → token vectors [B, S, H]. `slots` is for the last layer."""
        x: Tensor = self.embedding_hidden_mapping_in(embedded)  # [B, S, H]
        if trace is not None and trace.hidden_states is not None:
            trace.hidden_states.append(x)
        # a group that is computed again would add to the trace twice
        recompute = self.gradient_checkpointing and self.training and not is_collecting(trace)
        for number, group in enumerate(self.order, 1):
            layers = self.albert_layer_groups[group]
            asking = slots if number == len(self.order) else None
            if recompute:
                x = checkpoint(layers, x, mask, None, asking, use_reentrant=False)
            else:
                x = layers(x, mask, trace, asking)
        return x


class AlbertEncoder(nn.Module):
    """Ids → token vectors → pooled vector; every model class has one."""

    def __init__(
        self, config: AlbertConfig, *, pooler: bool = True, implementation: Attention = "sdpa"
    ) -> None:
        super().__init__()
        if implementation not in ATTENTIONS:
            raise InputError(
                "model-argument-invalid",
                f"attn_implementation is {implementation!r}",
                why=f"known are {', '.join(ATTENTIONS)}",
                fix="Choose one of these",
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
        """Compute the token vectors.

        Args:
            words: Ids [B, S], or word vectors [B, S, E].
            type_ids: [B, S].
            position_ids: [B, S].
            mask: See AttentionMask.
            trace: Collects intermediate results.

        Returns:
            [B, S, H].
        """
        if not words.is_floating_point():
            words = self.embeddings.word_embeddings(words)
        vectors: Tensor = self.encoder(self.embeddings(words, type_ids, position_ids), mask, trace)
        return vectors

    def vectors_at(
        self,
        ids: Tensor,
        type_ids: Tensor,
        position_ids: Tensor,
        mask: AttentionMask,
        slots: Tensor,
    ) -> Tensor:
        """Compute the token vectors of some slots: in the last layer the others are not computed.

        That layer costs a fifth for the first tokens of texts, two fifths for a sixth of all slots.

        Args:
            ids: [B, S].
            type_ids: [B, S].
            position_ids: [B, S].
            mask: See AttentionMask.
            slots: [N], numbers of slots in the rows end to end; with TextBounds, the first token of
                each text.

        Returns:
            [N, H].
        """
        words = self.embeddings.word_embeddings(ids)
        embedded = self.embeddings(words, type_ids, position_ids)
        vectors: Tensor = self.encoder(embedded, mask, None, slots)
        return vectors.squeeze(0)

    def first_vectors(
        self, ids: Tensor, type_ids: Tensor, position_ids: Tensor, bounds: TextBounds
    ) -> Tensor:
        """Compute the vectors [N, H] of the first tokens of texts end to end in one row [1, T]."""
        return self.vectors_at(ids, type_ids, position_ids, bounds, bounds.offsets[:-1])

    def pool(self, first: Tensor) -> Tensor:
        """Compute the pooled vectors [N, H] of [CLS] vectors [N, H]."""
        if self.pooler is None:
            raise TypeError("this encoder was made without a pooler")
        return torch.tanh(self.pooler(first))


class MaskedLMHead(nn.Module):
    """Token vectors → logits over the vocabulary; its matrix is the word embeddings."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.embedding_size)
        self.LayerNorm = nn.LayerNorm(config.embedding_size, config.prediction_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.activation = config.activation

    def forward(self, vectors: Tensor, word_embeddings: Tensor) -> Tensor:
        """Compute logits [.., V] of token vectors [.., H]; word_embeddings: [V, E]."""
        x = self.LayerNorm(activate(self.activation, self.dense(vectors)))  # [.., E]
        return F.linear(x, word_embeddings, self.bias)  # [.., V]


def initialize_weights(module: nn.Module, std: float) -> None:
    """Initialize all parameters of a module as google does.

    Matrices from a normal distribution truncated at two standard deviations, biases 0, LayerNorm
    scales 1.

    Args:
        module: Any module of this file.
        std: The config's initializer_range.
    """
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
