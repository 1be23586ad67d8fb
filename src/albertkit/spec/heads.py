"""The heads that stand on an ALBERT encoder: what each reads, its parameters, its width.

Names of parameters are Hugging Face's. A head that is linear on pooled or token vectors is one
row here; the masked-word head has arithmetic of its own in `model/heads.py` and `graph/heads.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from albertkit.errors import InputError
from albertkit.spec.config import AlbertConfig

Reads = Literal["pooled", "tokens"]
Loss = Literal["cross_entropy", "by_problem_type", "spans"]


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """One head.

    prefix: of its parameters' names. reads: pooled vector [B, H] or token vectors [B, S, H].
    width: how many numbers it gives for each. dropout: whether classifier dropout comes before.
    """

    name: str
    prefix: str
    reads: Reads
    width: Callable[[AlbertConfig], int]
    loss: Loss
    dropout: bool
    architecture: str  # Hugging Face's class that holds it


MASKED_LM = HeadSpec(
    "masked_lm",
    "predictions",
    "tokens",
    lambda c: c.vocab_size,
    "cross_entropy",
    dropout=False,
    architecture="AlbertForMaskedLM",
)
SENTENCE_ORDER = HeadSpec(
    "sentence_order",
    "sop_classifier.classifier",
    "pooled",
    lambda c: 2,
    "cross_entropy",
    dropout=True,
    architecture="AlbertForPreTraining",
)
SEQUENCE_CLASSIFICATION = HeadSpec(
    "sequence_classification",
    "classifier",
    "pooled",
    lambda c: c.num_labels,
    "by_problem_type",
    dropout=True,
    architecture="AlbertForSequenceClassification",
)
TOKEN_CLASSIFICATION = HeadSpec(
    "token_classification",
    "classifier",
    "tokens",
    lambda c: c.num_labels,
    "cross_entropy",
    dropout=True,
    architecture="AlbertForTokenClassification",
)
QUESTION_ANSWERING = HeadSpec(
    "question_answering",
    "qa_outputs",
    "tokens",
    lambda c: 2,
    "spans",
    dropout=False,
    architecture="AlbertForQuestionAnswering",
)
MULTIPLE_CHOICE = HeadSpec(
    "multiple_choice",
    "classifier",
    "pooled",
    lambda c: 1,
    "cross_entropy",
    dropout=True,
    architecture="AlbertForMultipleChoice",
)
HEADS = (
    MASKED_LM,
    SENTENCE_ORDER,
    SEQUENCE_CLASSIFICATION,
    TOKEN_CLASSIFICATION,
    QUESTION_ANSWERING,
    MULTIPLE_CHOICE,
)


def norm_eps(config: AlbertConfig, name: str) -> float:
    """The epsilon of the norm called `name`."""
    return config.prediction_eps if name.startswith(MASKED_LM.prefix) else config.layer_norm_eps


def head(name: str) -> HeadSpec:
    """The head of this name; raises InputError [unknown-head]."""
    for spec in HEADS:
        if spec.name == name:
            return spec
    raise InputError(
        "unknown-head",
        f"there is no head {name!r}",
        why=f"known are {', '.join(spec.name for spec in HEADS)}",
        fix="Take one of these",
    )
