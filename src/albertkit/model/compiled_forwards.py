"""What each class of models computes, asked of an engine: the same outputs, zeros at padding.

In: a call's arguments under Hugging Face's names. Out: the class's output, without a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.protocol import OutputRequest, Outputs, SpanSearch, given
from albertkit.model.base_model import AlbertModel
from albertkit.model.heads import (
    AlbertForMultipleChoice,
    AlbertForQuestionAnswering,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
)
from albertkit.model.inputs import Reader, check_inputs, check_positions, flatten_choices
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
from albertkit.model.span_search import CLOSED, AlbertForSpanSearch, check_numbers
from albertkit.model.unpadded import UnpaddedBatch
from albertkit.spec.heads import (
    MULTIPLE_CHOICE,
    QUESTION_ANSWERING,
    SENTENCE_ORDER,
    SEQUENCE_CLASSIFICATION,
    TOKEN_CLASSIFICATION,
)

Arguments = Mapping[str, Any]
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds")


class Answering(Reader, Protocol):
    """A compiled model, as far as a forward needs it."""

    @property
    def has_pooler(self) -> bool: ...
    def answers(self, texts: UnpaddedBatch, wanted: OutputRequest) -> Outputs: ...


Forward = Callable[[Answering, Arguments], ModelOutput]


def texts_of(model: Reader, arguments: Arguments) -> UnpaddedBatch:
    """Raises InputError as `check_inputs`."""
    return UnpaddedBatch.of(check_inputs(model, *(arguments.get(name) for name in INPUTS)))


def bare(model: Answering, arguments: Arguments) -> BaseModelOutputWithPooling:
    texts = texts_of(model, arguments)
    found = model.answers(texts, OutputRequest(tokens=True, pooled=model.has_pooler))
    pooled = None if found.pooled is None else torch.from_numpy(found.pooled)
    return BaseModelOutputWithPooling(texts.padded(given(found.tokens)), pooled)


def masked_words(model: Answering, arguments: Arguments) -> MaskedLMOutput:
    texts = texts_of(model, arguments)
    slots = _masked_slots(texts, arguments)
    found = model.answers(texts, OutputRequest(mlm_at=_numbers(texts, slots)))
    return MaskedLMOutput(None, _word_logits(found, texts, slots))


def pretraining(model: Answering, arguments: Arguments) -> AlbertForPreTrainingOutput:
    texts = texts_of(model, arguments)
    slots = _masked_slots(texts, arguments)
    wanted = OutputRequest(mlm_at=_numbers(texts, slots), head=SENTENCE_ORDER.name)
    found = model.answers(texts, wanted)
    words, order = _word_logits(found, texts, slots), torch.from_numpy(given(found.head_logits))
    return AlbertForPreTrainingOutput(None, words, order)


def sequence_classes(model: Answering, arguments: Arguments) -> SequenceClassifierOutput:
    logits = _head(model, texts_of(model, arguments), SEQUENCE_CLASSIFICATION.name)
    return SequenceClassifierOutput(None, torch.from_numpy(logits))


def token_classes(model: Answering, arguments: Arguments) -> TokenClassifierOutput:
    texts = texts_of(model, arguments)
    return TokenClassifierOutput(None, texts.padded(_head(model, texts, TOKEN_CLASSIFICATION.name)))


def spans(model: Answering, arguments: Arguments) -> QuestionAnsweringModelOutput:
    texts = texts_of(model, arguments)
    both = texts.padded(_head(model, texts, QUESTION_ANSWERING.name))  # [B, S, 2]
    return QuestionAnsweringModelOutput(None, both[..., 0], both[..., 1])


def choices(model: Answering, arguments: Arguments) -> MultipleChoiceModelOutput:
    rows, count = flatten_choices(model, *(arguments.get(name) for name in INPUTS))
    texts = UnpaddedBatch.of(check_inputs(model, *rows))  # [B·C, S]
    logits = _head(model, texts, MULTIPLE_CHOICE.name)  # [B·C, 1]
    return MultipleChoiceModelOutput(None, torch.from_numpy(logits).view(-1, count))


def span_search(model: Answering, arguments: Arguments) -> SpanSearchOutput:
    """Where a text has fewer tokens than are asked for, the rest is at slot 0 and as good as -∞."""
    texts = texts_of(model, arguments)
    p_mask = check_numbers("p_mask", arguments.get("p_mask"), torch.from_numpy(texts.own))
    widest = texts.own.shape[1]
    search = SpanSearch(
        start_n_top=min(arguments.get("start_n_top", 5), widest),
        end_n_top=min(arguments.get("end_n_top", 5), widest),
        is_excluded=None if p_mask is None else p_mask.numpy()[texts.own] > 0,
    )
    found = model.answers(texts, OutputRequest(spans=search)).spans
    if found is None:
        raise AssertionError("an engine that was asked for spans gives them")
    return SpanSearchOutput(
        None,
        _log_probs(found.start_log_probs),
        torch.from_numpy(texts.slots_of(found.start_index)),
        _log_probs(found.end_log_probs).flatten(1),
        torch.from_numpy(texts.slots_of(found.end_index)).flatten(1),
        torch.from_numpy(found.no_answer_logit),
    )


FORWARDS: Mapping[type[PretrainedAlbert], Forward] = MappingProxyType(
    {
        AlbertModel: bare,
        AlbertForPreTraining: pretraining,
        AlbertForMaskedLM: masked_words,
        AlbertForSequenceClassification: sequence_classes,
        AlbertForTokenClassification: token_classes,
        AlbertForQuestionAnswering: spans,
        AlbertForMultipleChoice: choices,
        AlbertForSpanSearch: span_search,
    }
)


def _head(model: Answering, texts: UnpaddedBatch, name: str) -> FloatArray:
    return given(model.answers(texts, OutputRequest(head=name)).head_logits)


def _masked_slots(texts: UnpaddedBatch, arguments: Arguments) -> Int64Array | None:
    """[B, P] of `masked_lm_positions`; None: words are predicted everywhere."""
    slots = check_positions(arguments.get("masked_lm_positions"), torch.from_numpy(texts.own))
    return None if slots is None else slots.numpy()


def _numbers(texts: UnpaddedBatch, slots: Int64Array | None) -> Int64Array:
    """The tokens where words are predicted, each once and in order."""
    if slots is None:
        return np.arange(len(texts.positions))
    numbers = np.unique(texts.numbers_at(slots))
    return numbers[numbers >= 0]


def _word_logits(found: Outputs, texts: UnpaddedBatch, slots: Int64Array | None) -> Tensor:
    """[B, S, V], or [B, P, V] at `slots`; zeros at padding."""
    logits = given(found.mlm_logits)
    if slots is None:
        return texts.padded(logits)
    numbers = texts.numbers_at(slots)  # [B, P]
    rows = np.zeros((*slots.shape, logits.shape[1]), np.float32)
    real = numbers >= 0
    rows[real] = logits[np.searchsorted(_numbers(texts, slots), numbers[real])]
    return torch.from_numpy(rows)


def _log_probs(found: FloatArray) -> Tensor:
    return torch.from_numpy(np.maximum(found, np.float32(CLOSED)))
