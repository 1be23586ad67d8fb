"""The heads of an ALBERT encoder: what each reads, its rows of the parameter table, its width.

Names of parameters are Hugging Face's. A head that is linear in pooled or token vectors is one row
here; the others list their parameters, and their arithmetic has files of its own: masked LM in
`model/masked_lm.py` and `graph/encoder.py`, the span search in `model/span_search.py` and
`engine/span_search.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from albertkit.errors import InputError
from albertkit.spec.config import AlbertConfig

WORD_TABLE = "embeddings.word_embeddings.weight"
Reads = Literal["pooled", "tokens"]
Loss = Literal["cross_entropy", "by_problem_type", "spans", "spans_or_none"]

# A linear head on text vectors (spec/vector_head.py), and the file that shows that there is one.
VECTOR_HEAD, VECTOR_HEAD_FILE = "vector_head", "classifier.json"
IGNORED_LABEL = -100  # of what has no label. Source: torch's ignore_index
EXCLUDED_SCORE = -1e30  # of what cannot be chosen, as a token that is no part of an answer


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row: an array of the model."""

    name: str
    shape: tuple[int, ...]
    group: int | None = None  # of a layer's parameters
    inner: int | None = None
    tied_to: str | None = None  # the name whose array this one is
    decays: bool = True  # weight decay and LAMB's ratio apply (google: not to biases and norms)

    @property
    def size(self) -> int:
        """The number of floats."""
        return math.prod(self.shape)


def make_linear(
    name: str, inputs: int, outputs: int, group: int | None = None, inner: int | None = None
) -> tuple[Parameter, ...]:
    """The rows of a linear layer: a matrix [out, in] and its bias."""
    return (
        Parameter(f"{name}.weight", (outputs, inputs), group, inner),
        Parameter(f"{name}.bias", (outputs,), group, inner, decays=False),
    )


def make_norm(
    name: str, width: int, group: int | None = None, inner: int | None = None
) -> tuple[Parameter, ...]:
    """The rows of a layer norm: its scales and shifts."""
    return (
        Parameter(f"{name}.weight", (width,), group, inner, decays=False),
        Parameter(f"{name}.bias", (width,), group, inner, decays=False),
    )


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """One head.

    prefix: of its parameters' names; empty if they have several. reads: pooled vector [B, H] or
    token vectors [B, S, H]. width: numbers that it gives for each. dropout: whether classifier
    dropout comes before its last product. own_parameters: of a head that is not linear.
    """

    name: str
    prefix: str
    reads: Reads
    width: Callable[[AlbertConfig], int]
    loss: Loss
    dropout: bool
    architecture: str | None  # Hugging Face's class that has it; None if no class has
    own_parameters: Callable[[AlbertConfig], tuple[Parameter, ...]] | None = None

    @property
    def is_linear(self) -> bool:
        """Whether it is one product with the vectors that it reads."""
        return self.own_parameters is None

    def parameters(self, config: AlbertConfig) -> tuple[Parameter, ...]:
        """Its rows of the parameter table."""
        if self.own_parameters is None:
            return make_linear(self.prefix, config.hidden_size, self.width(config))
        return self.own_parameters(config)


def _list_masked_lm(c: AlbertConfig) -> tuple[Parameter, ...]:
    V, E, H = c.vocab_size, c.embedding_size, c.hidden_size
    return (
        *make_linear("predictions.dense", H, E),
        *make_norm("predictions.LayerNorm", E),
        Parameter("predictions.bias", (V,), decays=False),
        Parameter("predictions.decoder.weight", (V, E), tied_to=WORD_TABLE),
        Parameter("predictions.decoder.bias", (V,), tied_to="predictions.bias", decays=False),
    )


def _list_span_search(c: AlbertConfig) -> tuple[Parameter, ...]:
    """Named as in transformers' XLNet, which has the same head."""
    H = c.hidden_size
    return (
        *make_linear("start_logits.dense", H, 1),
        *make_linear("end_logits.dense_0", 2 * H, H),
        *make_norm("end_logits.LayerNorm", H),
        *make_linear("end_logits.dense_1", H, 1),
        *make_linear("answer_class.dense_0", 2 * H, H),
        Parameter("answer_class.dense_1.weight", (1, H)),  # without a bias
    )


MASKED_LM = HeadSpec(
    "masked_lm",
    "predictions",
    "tokens",
    lambda c: c.vocab_size,
    "cross_entropy",
    dropout=False,
    architecture="AlbertForMaskedLM",
    own_parameters=_list_masked_lm,
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
# google's for SQuAD 2: for each likely start the likely ends, and whether there is an answer.
SPAN_SEARCH = HeadSpec(
    "span_search",
    "",
    "tokens",
    lambda c: 1,
    "spans_or_none",
    dropout=True,
    architecture=None,
    own_parameters=_list_span_search,
)
HEADS = (
    MASKED_LM,
    SENTENCE_ORDER,
    SEQUENCE_CLASSIFICATION,
    TOKEN_CLASSIFICATION,
    QUESTION_ANSWERING,
    MULTIPLE_CHOICE,
    SPAN_SEARCH,
)


def get_norm_eps(config: AlbertConfig, name: str) -> float:
    """The epsilon of the norm called `name`."""
    return config.prediction_eps if name.startswith(MASKED_LM.prefix) else config.layer_norm_eps


def head(name: str) -> HeadSpec:
    """Look up a head by its name.

    Raises:
        InputError: [unknown-head].
    """
    for spec in HEADS:
        if spec.name == name:
            return spec
    raise InputError(
        "unknown-head",
        f"there is no head {name!r}",
        why=f"known are {', '.join(spec.name for spec in HEADS)}",
        fix="Take one of these",
    )
