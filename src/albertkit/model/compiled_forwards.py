"""The forward of each model class, computed by an engine: the same outputs, zeros at padding.

Input: a call's arguments under Hugging Face's names. Output: the class's output, without a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.protocol import OutputRequest, Outputs, SpanSearch, require_output
from albertkit.model.base_model import AlbertModel
from albertkit.model.heads import (
    AlbertForMultipleChoice,
    AlbertForQuestionAnswering,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
)
from albertkit.model.inputs import (
    InputReader,
    check_inputs,
    check_masked_positions,
    flatten_choices,
)
from albertkit.model.masked_lm import AlbertForMaskedLM, AlbertForPreTraining
from albertkit.model.outputs import (
    AlbertForPreTrainingOutput,
    BaseModelOutputWithPooling,
    MaskedLMOutput,
    ModelOutput,
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    SpanSearchOutput,
    TokenClassifierOutput,
)
from albertkit.model.pretrained import PretrainedAlbert
from albertkit.model.span_search import AlbertForSpanSearch, check_numbers
from albertkit.model.unpadded import UnpaddedBatch
from albertkit.spec.heads import (
    EXCLUDED_SCORE,
    MULTIPLE_CHOICE,
    QUESTION_ANSWERING,
    SENTENCE_ORDER,
    SEQUENCE_CLASSIFICATION,
    TOKEN_CLASSIFICATION,
)

Arguments = Mapping[str, Any]
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds")


class CompiledModel(InputReader, Protocol):
    """The part of a compiled model that a forward needs."""

    @property
    def has_pooler(self) -> bool:
        """Whether the model has a pooler."""

    def run(self, texts: UnpaddedBatch, request: OutputRequest) -> Outputs:
        """Run the engine on texts without padding."""


Forward = Callable[[CompiledModel, Arguments], ModelOutput]


def read_texts(model: InputReader, arguments: Arguments) -> UnpaddedBatch:
    """Check a call's inputs and remove their padding; raises InputError as `check_inputs`."""
    return UnpaddedBatch.of(check_inputs(model, *(arguments.get(name) for name in INPUTS)))


def run_base_model(model: CompiledModel, arguments: Arguments) -> BaseModelOutputWithPooling:
    """Compute the output of AlbertModel."""
    texts = read_texts(model, arguments)
    outputs = model.run(texts, OutputRequest(tokens=True, pooled=model.has_pooler))
    pooled = None if outputs.pooled is None else torch.from_numpy(outputs.pooled)
    return BaseModelOutputWithPooling(texts.pad(require_output(outputs.tokens)), pooled)


def run_masked_lm(model: CompiledModel, arguments: Arguments) -> MaskedLMOutput:
    """Compute the output of AlbertForMaskedLM."""
    texts = read_texts(model, arguments)
    columns = _read_masked_columns(texts, arguments)
    outputs = model.run(texts, OutputRequest(mlm_tokens=_number_masked_tokens(texts, columns)))
    return MaskedLMOutput(None, _spread_word_logits(outputs, texts, columns))


def run_pretraining(model: CompiledModel, arguments: Arguments) -> AlbertForPreTrainingOutput:
    """Compute the output of AlbertForPreTraining."""
    texts = read_texts(model, arguments)
    columns = _read_masked_columns(texts, arguments)
    request = OutputRequest(
        mlm_tokens=_number_masked_tokens(texts, columns), head=SENTENCE_ORDER.name
    )
    outputs = model.run(texts, request)
    order_logits = torch.from_numpy(require_output(outputs.head_logits))
    return AlbertForPreTrainingOutput(
        None, _spread_word_logits(outputs, texts, columns), order_logits
    )


def run_sequence_classification(
    model: CompiledModel, arguments: Arguments
) -> SequenceClassifierOutput:
    """Compute the output of AlbertForSequenceClassification."""
    logits = _compute_head_logits(model, read_texts(model, arguments), SEQUENCE_CLASSIFICATION.name)
    return SequenceClassifierOutput(None, torch.from_numpy(logits))


def run_token_classification(model: CompiledModel, arguments: Arguments) -> TokenClassifierOutput:
    """Compute the output of AlbertForTokenClassification."""
    texts = read_texts(model, arguments)
    logits = texts.pad(_compute_head_logits(model, texts, TOKEN_CLASSIFICATION.name))
    return TokenClassifierOutput(None, logits)


def run_question_answering(
    model: CompiledModel, arguments: Arguments
) -> QuestionAnsweringModelOutput:
    """Compute the output of AlbertForQuestionAnswering."""
    texts = read_texts(model, arguments)
    logits = texts.pad(_compute_head_logits(model, texts, QUESTION_ANSWERING.name))  # [B, S, 2]
    return QuestionAnsweringModelOutput(None, logits[..., 0], logits[..., 1])


def run_multiple_choice(model: CompiledModel, arguments: Arguments) -> MultipleChoiceModelOutput:
    """Compute the output of AlbertForMultipleChoice."""
    rows, choices = flatten_choices(model, *(arguments.get(name) for name in INPUTS))
    texts = UnpaddedBatch.of(check_inputs(model, *rows))  # [B·C, S]
    logits = _compute_head_logits(model, texts, MULTIPLE_CHOICE.name)  # [B·C, 1]
    return MultipleChoiceModelOutput(None, torch.from_numpy(logits).view(-1, choices))


def run_span_search(model: CompiledModel, arguments: Arguments) -> SpanSearchOutput:
    """Compute the output of AlbertForSpanSearch.

    A text with fewer tokens than are asked for gets column 0 with EXCLUDED_SCORE for the rest.
    """
    texts = read_texts(model, arguments)
    p_mask = check_numbers("p_mask", arguments.get("p_mask"), torch.from_numpy(texts.is_real))
    length = texts.is_real.shape[1]
    search = SpanSearch(
        start_n_top=min(arguments.get("start_n_top", 5), length),
        end_n_top=min(arguments.get("end_n_top", 5), length),
        is_excluded=None if p_mask is None else p_mask.numpy()[texts.is_real] > 0,
    )
    spans = model.run(texts, OutputRequest(spans=search)).spans
    if spans is None:
        raise AssertionError("the engine did not return the spans it was asked for")
    return SpanSearchOutput(
        None,
        _limit_log_probs(spans.start_log_probs),
        torch.from_numpy(texts.columns(spans.start_index)),
        _limit_log_probs(spans.end_log_probs).flatten(1),
        torch.from_numpy(texts.columns(spans.end_index)).flatten(1),
        torch.from_numpy(spans.no_answer_logit),
    )


FORWARDS: Mapping[type[PretrainedAlbert], Forward] = MappingProxyType(
    {
        AlbertModel: run_base_model,
        AlbertForPreTraining: run_pretraining,
        AlbertForMaskedLM: run_masked_lm,
        AlbertForSequenceClassification: run_sequence_classification,
        AlbertForTokenClassification: run_token_classification,
        AlbertForQuestionAnswering: run_question_answering,
        AlbertForMultipleChoice: run_multiple_choice,
        AlbertForSpanSearch: run_span_search,
    }
)


def _compute_head_logits(model: CompiledModel, texts: UnpaddedBatch, name: str) -> FloatArray:
    return require_output(model.run(texts, OutputRequest(head=name)).head_logits)


def _read_masked_columns(texts: UnpaddedBatch, arguments: Arguments) -> Int64Array | None:
    """`masked_lm_positions` [B, P]; None to predict words at all positions."""
    like = torch.from_numpy(texts.is_real)
    columns = check_masked_positions(arguments.get("masked_lm_positions"), like)
    return None if columns is None else columns.numpy()


def _number_masked_tokens(texts: UnpaddedBatch, columns: Int64Array | None) -> Int64Array:
    """Numbers of the tokens to predict at, ascending without duplicates."""
    if columns is None:
        return np.arange(len(texts.positions))
    numbers = np.unique(texts.number_tokens(columns))
    return numbers[numbers >= 0]


def _spread_word_logits(
    outputs: Outputs, texts: UnpaddedBatch, columns: Int64Array | None
) -> Tensor:
    """[B, S, V], or [B, P, V] at `columns`; zeros at padding."""
    logits = require_output(outputs.mlm_logits)
    if columns is None:
        return texts.pad(logits)
    numbers = texts.number_tokens(columns)  # [B, P]
    rows = np.zeros((*columns.shape, logits.shape[1]), np.float32)
    is_real = numbers >= 0
    rows[is_real] = logits[np.searchsorted(_number_masked_tokens(texts, columns), numbers[is_real])]
    return torch.from_numpy(rows)


def _limit_log_probs(log_probs: FloatArray) -> Tensor:
    return torch.from_numpy(np.maximum(log_probs, np.float32(EXCLUDED_SCORE)))
