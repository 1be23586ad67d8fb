"""The class with google's head for SQuAD 2: a search over beginnings and ends, or no answer.

For each of the likeliest beginnings the likeliest ends are found, scored with the beginning's
vector beside their own. Names of parts and outputs are those of transformers' XLNet, which has the
same head; the pairs of beginning and end lie as in google's code, all ends of the likeliest
beginning first.
Source: google-research/albert squad_utils.py, `create_v2_model` and `v2_model_fn`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from albertkit.errors.keywords import check_keywords
from albertkit.model.albert import Attention, Trace, initialize_weights
from albertkit.model.call_adapter import accept_input_aliases
from albertkit.model.checks import TensorLike, as_tensor, check_shape
from albertkit.model.inputs import check_inputs
from albertkit.model.losses import NO_LABEL, check_span_labels
from albertkit.model.model_with_head import AlbertWithHead, create_head_dropout
from albertkit.model.outputs import SpanSearchOutput
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import SPAN_SEARCH

CLOSED = -1e30  # the score where an answer may not begin or end


class StartLogits(nn.Module):
    """Token vectors [B, S, H] → how well an answer begins there [B, S]."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, 1)

    def forward(self, vectors: Tensor) -> Tensor:
        scores: Tensor = self.dense(vectors)
        return scores.squeeze(-1)


class EndLogits(nn.Module):
    """Token vectors [B, S, H], those of beginnings [B, K, H] → how well they end [B, K, S]."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        H = config.hidden_size
        self.dense_0 = nn.Linear(2 * H, H)
        self.LayerNorm = nn.LayerNorm(H, config.layer_norm_eps)
        self.dense_1 = nn.Linear(H, 1)

    def forward(self, vectors: Tensor, beginnings: Tensor) -> Tensor:
        K, S = beginnings.shape[1], vectors.shape[1]
        pairs = torch.cat(
            [
                vectors[:, None].expand(-1, K, -1, -1),
                beginnings[:, :, None].expand(-1, -1, S, -1),
            ],
            dim=-1,
        )  # [B, K, S, 2H]
        scores: Tensor = self.dense_1(self.LayerNorm(torch.tanh(self.dense_0(pairs))))
        return scores.squeeze(-1)


class NoAnswerLogit(nn.Module):
    """A summary of the beginnings [B, H] and the vector of [CLS] [B, H] → a logit [B]."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        H = config.hidden_size
        self.dense_0 = nn.Linear(2 * H, H)
        self.dropout = create_head_dropout(SPAN_SEARCH, config)
        self.dense_1 = nn.Linear(H, 1, bias=False)

    def forward(self, summary: Tensor, first: Tensor) -> Tensor:
        hidden = torch.tanh(self.dense_0(torch.cat([summary, first], dim=-1)))  # [B, H]
        logits: Tensor = self.dense_1(self.dropout(hidden))
        return logits.squeeze(-1)


class AlbertForSpanSearch(AlbertWithHead):
    """Text and question → the likeliest answers, and how likely it is that there is none."""

    heads = (SPAN_SEARCH.name,)

    @check_keywords
    def __init__(self, config: AlbertConfig, *, attn_implementation: Attention = "sdpa") -> None:
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
        """start_positions, end_positions: [B]. is_impossible: [B], 1 where there is no answer.

        p_mask: [B, S], 1 where no answer may begin or end; padding never may.
        The loss has its second part where is_impossible is given, half as heavy.
        """
        inputs = check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        begins = check_span_labels("start_positions", start_positions, inputs.type_ids)
        ends = check_span_labels("end_positions", end_positions, inputs.type_ids)
        without = check_numbers("is_impossible", is_impossible, inputs.type_ids[:, 0])
        given = check_numbers("p_mask", p_mask, inputs.type_ids)
        closed = torch.zeros_like(inputs.type_ids, dtype=torch.bool) if given is None else given > 0
        if inputs.mask is not None:
            closed = closed | ~inputs.mask[:, 0, 0]  # [B, S]
        trace = Trace.wanted(hidden_states=output_hidden_states, attentions=output_attentions)
        vectors = self.albert.token_vectors(*inputs, trace)  # [B, S, H]

        start_log = _log_softmax(self.start_logits(vectors), closed)  # [B, S]
        start_top, start_at = start_log.topk(min(start_n_top, start_log.shape[1]))  # [B, K]
        end_log = self._end_log_probs(vectors, start_at, closed)  # [B, K, S]
        end_top, end_index = end_log.topk(min(end_n_top, end_log.shape[2]))  # [B, K, M]
        summary = (start_log.exp()[:, None] @ vectors)[:, 0]  # [B, H]
        no_answer_logit = self.answer_class(summary, vectors[:, 0])  # [B]
        loss = None
        if begins is not None and ends is not None:
            there = begins.clamp(min=0)[:, None]  # [B, 1]
            of_it = self._end_log_probs(vectors, there, closed)[:, 0]  # [B, S]
            loss = (_span_loss(start_log, begins) + _span_loss(of_it, ends)) / 2
            if without is not None:
                target = without.to(no_answer_logit.dtype)
                loss = loss + F.binary_cross_entropy_with_logits(no_answer_logit, target) / 2
        return SpanSearchOutput(
            loss,
            start_top,
            start_at,
            end_top.flatten(1),
            end_index.flatten(1),
            no_answer_logit,
            *trace.seen(),
        )

    def _end_log_probs(self, vectors: Tensor, beginnings: Tensor, closed: Tensor) -> Tensor:
        """Where answers end that begin at slots `beginnings` [B, K]: [B, K, S]."""
        at = beginnings[:, :, None].expand(-1, -1, vectors.shape[2])
        return _log_softmax(self.end_logits(vectors, vectors.gather(1, at)), closed[:, None])


def _log_softmax(scores: Tensor, closed: Tensor) -> Tensor:
    return F.log_softmax(scores.masked_fill(closed, CLOSED), dim=-1)


def _span_loss(log_probs: Tensor, places: Tensor) -> Tensor:
    """log_probs: [B, S]; places: [B], -100 for no label."""
    return F.nll_loss(log_probs, places, ignore_index=NO_LABEL)


def check_numbers(name: str, given: TensorLike, like: Tensor) -> Tensor | None:
    if given is None:
        return None
    numbers = as_tensor(name, given, like.device)
    check_shape(name, numbers, like.shape)
    return numbers
