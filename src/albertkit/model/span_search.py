"""The class with google's head for SQuAD 2: a search for starts and ends of answers.

For each of the likeliest starts it finds the likeliest ends, which are scored with the start's
vector and their own. Names of parts and outputs are those of transformers' XLNet, which has the
same head. Pairs of start and end are ordered as in google's code, all ends of the likeliest start
first.
Source: google-research/albert squad_utils.py, `create_v2_model` and `v2_model_fn`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.errors.arguments import check_keywords
from albertkit.model.albert import Attention, Trace, initialize_weights
from albertkit.model.call_adapter import accept_input_aliases
from albertkit.model.checks import TensorLike, check_shape, convert_to_tensor, is_traced
from albertkit.model.inputs import check_inputs
from albertkit.model.losses import check_span_labels
from albertkit.model.model_with_head import AlbertWithHead, create_head_dropout
from albertkit.model.outputs import SpanSearchOutput
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import EXCLUDED_SCORE, IGNORED_LABEL, SPAN_SEARCH


class StartLogits(nn.Module):
    """Token vectors [B, S, H] → scores of an answer's start [B, S]."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Score all tokens."""
        scores: Tensor = self.dense(vectors)
        return scores.squeeze(-1)


class EndLogits(nn.Module):
    """Token vectors [B, S, H], and those of starts [B, K, H] → scores of the ends [B, K, S]."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        H = config.hidden_size
        self.dense_0 = nn.Linear(2 * H, H)
        self.LayerNorm = nn.LayerNorm(H, config.layer_norm_eps)
        self.dense_1 = nn.Linear(H, 1)

    def forward(self, vectors: Tensor, start_vectors: Tensor) -> Tensor:
        """Score all tokens for each start."""
        K, S = start_vectors.shape[1], vectors.shape[1]
        pairs = torch.cat(
            [
                vectors[:, None].expand(-1, K, -1, -1),
                start_vectors[:, :, None].expand(-1, -1, S, -1),
            ],
            dim=-1,
        )  # [B, K, S, 2H]
        scores: Tensor = self.dense_1(self.LayerNorm(torch.tanh(self.dense_0(pairs))))
        return scores.squeeze(-1)


class NoAnswerLogit(nn.Module):
    """A summary of the starts [B, H] and the vector of [CLS] [B, H] → a logit [B]."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        H = config.hidden_size
        self.dense_0 = nn.Linear(2 * H, H)
        self.dropout = create_head_dropout(SPAN_SEARCH, config)
        self.dense_1 = nn.Linear(H, 1, bias=False)

    def forward(self, summary: Tensor, first: Tensor) -> Tensor:
        """Score that there is no answer."""
        hidden = torch.tanh(self.dense_0(torch.cat([summary, first], dim=-1)))  # [B, H]
        logits: Tensor = self.dense_1(self.dropout(hidden))
        return logits.squeeze(-1)


class AlbertForSpanSearch(AlbertWithHead):
    """Question and text → the likeliest answers, and a logit that there is none."""

    heads = (SPAN_SEARCH.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
        """Create an untrained model."""
        super().__init__(config, attn_implementation=attn_implementation)
        self.start_logits = StartLogits(config)
        self.end_logits = EndLogits(config)
        self.answer_class = NoAnswerLogit(config)
        for part in (self.start_logits, self.end_logits, self.answer_class):
            initialize_weights(part, config.initializer_range)

    @accept_input_aliases
    def forward(
        self,
        input_ids: TensorLike = None,
        attention_mask: TensorLike = None,
        token_type_ids: TensorLike = None,
        position_ids: TensorLike = None,
        inputs_embeds: TensorLike = None,
        start_positions: TensorLike = None,
        end_positions: TensorLike = None,
        is_impossible: TensorLike = None,
        p_mask: TensorLike = None,
        start_n_top: int = 5,
        end_n_top: int = 5,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> SpanSearchOutput:
        """Search for answers.

        Args:
            input_ids: [B, S].
            attention_mask: [B, S].
            token_type_ids: [B, S].
            position_ids: [B, S].
            inputs_embeds: [B, S, E], in place of `input_ids`.
            start_positions: For the loss: positions [B] of the answers' first tokens.
            end_positions: For the loss: positions [B] of the answers' last tokens.
            is_impossible: For a second part of the loss, with weight 1/2: 1 for texts without an
                answer [B].
            p_mask: [B, S], 1 for tokens that cannot start or end an answer; padding never can.
            start_n_top: Number K of starts.
            end_n_top: Number M of ends of each start.
            output_attentions: Whether to return attention probabilities.
            output_hidden_states: Whether to return the output of all layers.

        Returns:
            Log probabilities and positions of starts and ends, the logit that there is no answer,
            and the loss if both positions are given.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        starts = check_span_labels("start_positions", start_positions, inputs.type_ids)
        ends = check_span_labels("end_positions", end_positions, inputs.type_ids)
        no_answers = check_numbers("is_impossible", is_impossible, inputs.type_ids[:, 0])
        exclude = check_numbers("p_mask", p_mask, inputs.type_ids)
        is_excluded = (  # [B, S]
            torch.zeros_like(inputs.type_ids, dtype=torch.bool) if exclude is None else exclude > 0
        )
        if inputs.mask is not None:
            is_excluded = is_excluded | ~inputs.mask[:, 0, 0]
        trace = Trace.create(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)  # [B, S, H]

        start_log = _log_softmax(self.start_logits(vectors), is_excluded)  # [B, S]
        start_top, start_index = start_log.topk(_clip(start_n_top, start_log.shape[1]))  # [B, K]
        end_log = self._end_log_probs(vectors, start_index, is_excluded)  # [B, K, S]
        end_top, end_index = end_log.topk(_clip(end_n_top, end_log.shape[2]))  # [B, K, M]
        summary = (start_log.exp()[:, None] @ vectors)[:, 0]  # [B, H]
        no_answer_logit = self.answer_class(summary, vectors[:, 0])  # [B]
        loss = None
        if starts is not None and ends is not None:
            of_label = self._end_log_probs(vectors, starts.clamp(min=0)[:, None], is_excluded)
            loss = (
                _compute_span_loss(start_log, starts) + _compute_span_loss(of_label[:, 0], ends)
            ) / 2
            if no_answers is not None:
                target = no_answers.to(no_answer_logit.dtype)
                loss = loss + F.binary_cross_entropy_with_logits(no_answer_logit, target) / 2
        return SpanSearchOutput(
            loss,
            start_top,
            start_index,
            end_top.flatten(1),
            end_index.flatten(1),
            no_answer_logit,
            *trace.as_tuples(),
        )

    def _end_log_probs(self, vectors: Tensor, starts: Tensor, is_excluded: Tensor) -> Tensor:
        """Log probabilities [B, K, S] of the ends of answers that start at `starts` [B, K]."""
        index = starts[:, :, None].expand(-1, -1, vectors.shape[2])
        scores = self.end_logits(vectors, vectors.gather(1, index))
        return _log_softmax(scores, is_excluded[:, None])


def check_numbers(name: str, value: TensorLike, like: Tensor) -> Tensor | None:
    """Convert numbers to a tensor of the shape of `like`; None stays None.

    Raises InputError [inputs-shape], and as `convert_to_tensor`.
    """
    if value is None:
        return None
    numbers = convert_to_tensor(name, value, like.device)
    check_shape(name, numbers, like.shape)
    return numbers


def _clip(count: int, length: int) -> int:
    """The count, or less for short texts; a traced program keeps the count as a constant."""
    return count if is_traced() else min(count, length)


def _log_softmax(scores: Tensor, is_excluded: Tensor) -> Tensor:
    return F.log_softmax(scores.masked_fill(is_excluded, EXCLUDED_SCORE), dim=-1)


def _compute_span_loss(log_probs: Tensor, positions: Tensor) -> Tensor:
    """log_probs: [B, S]; positions: [B], -100 for no label."""
    return F.nll_loss(log_probs, positions, ignore_index=IGNORED_LABEL)
