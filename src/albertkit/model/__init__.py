"""ALBERT in torch: to be read and to be trained."""

from albertkit.model.bare import AlbertModel
from albertkit.model.compiled import compile_for_inference
from albertkit.model.heads import (
    AlbertForMultipleChoice,
    AlbertForQuestionAnswering,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
)
from albertkit.model.span_search import AlbertForSpanSearch
from albertkit.model.words import AlbertForMaskedLM, AlbertForPreTraining

__all__ = [
    "AlbertForMaskedLM",
    "AlbertForMultipleChoice",
    "AlbertForPreTraining",
    "AlbertForQuestionAnswering",
    "AlbertForSequenceClassification",
    "AlbertForSpanSearch",
    "AlbertForTokenClassification",
    "AlbertModel",
    "compile_for_inference",
]
