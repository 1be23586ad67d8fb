"""ALBERT in torch: to be read and to be trained."""

from albertkit.model.auto import AutoAlbert
from albertkit.model.base_model import AlbertModel
from albertkit.model.compiled import compile_for_inference
from albertkit.model.heads import (
    AlbertForMultipleChoice,
    AlbertForQuestionAnswering,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
)
from albertkit.model.masked_lm import AlbertForMaskedLM, AlbertForPreTraining
from albertkit.model.span_search import AlbertForSpanSearch

__all__ = [
    "AlbertForMaskedLM",
    "AlbertForMultipleChoice",
    "AlbertForPreTraining",
    "AlbertForQuestionAnswering",
    "AlbertForSequenceClassification",
    "AlbertForSpanSearch",
    "AlbertForTokenClassification",
    "AlbertModel",
    "AutoAlbert",
    "compile_for_inference",
]
