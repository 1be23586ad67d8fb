"""The options of one call of a task: their values and defaults, each defined once.

The tasks take these names as keywords; the command line and jobs read the fields.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, SupportsFloat, get_args

from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, check_integer

VectorType = Literal["float32", "float16", "int8", "uint8", "binary", "ubinary"]
VECTOR_TYPES: tuple[VectorType, ...] = get_args(VectorType)
OutputValue = Literal["sentence_embedding", "token_embeddings"] | None
OUTPUT_VALUES: tuple[OutputValue, ...] = (*get_args(get_args(OutputValue)[0]), None)
TruncationMode = Literal["error", "warn", "off"]
TRUNCATION_MODES: tuple[TruncationMode, ...] = get_args(TruncationMode)
LongTextMode = Literal[TruncationMode, "windows"]
LONG_TEXT_MODES: tuple[LongTextMode, ...] = get_args(LongTextMode)
PartsMode = Literal["rows", "mean"]
PARTS_MODES: tuple[PartsMode, ...] = get_args(PartsMode)
ScoreFunction = Literal["sigmoid", "softmax", "none"]
Aggregation = Literal["none", "simple", "first", "average", "max"]


@dataclass(frozen=True, kw_only=True)
class EncodeOptions:
    """What one call of `encode` asks for besides its texts.

    Attributes:
        prompt_name: The name of a prompt of the model. None: its default prompt.
        prompt: Words to put before each text; goes before prompt_name.
        batch_size: At most the memory of this many longest texts is used at a time.
        output_value: "token_embeddings" for one array a text, None for everything.
        precision: The type of the vectors' numbers.
        truncate_dim: Keep the first numbers of each vector. None: all.
        normalize_embeddings: Scale each vector to length 1, after truncate_dim.
        chunk: Cut texts into parts of at most this many ids, special tokens and prompt included.
            None: texts are not cut into parts.
        overlap: Maximum number of pieces that a part shares with the part before it.
        parts: "rows" for a vector of each part, "mean" for one of each text: the mean of its
            parts' vectors, each weighted by the part's characters.
        markdown: Leave out Markdown's markup before texts are read.

    Raises:
        InputError: [option-invalid].
    """

    prompt_name: str | None = None
    prompt: str | None = None
    batch_size: int = 32
    output_value: OutputValue = "sentence_embedding"
    precision: VectorType = "float32"
    truncate_dim: int | None = None
    normalize_embeddings: bool = False
    chunk: int | None = None
    overlap: int = 0
    parts: PartsMode = "rows"
    markdown: bool = False

    def __post_init__(self) -> None:
        check_integer("batch_size", self.batch_size)
        if self.truncate_dim is not None:
            check_integer("truncate_dim", self.truncate_dim)
        check_choice("output_value", self.output_value, OUTPUT_VALUES)
        check_choice("precision", self.precision, VECTOR_TYPES)
        if self.precision != "float32" and self.output_value != "sentence_embedding":
            raise InputError(
                "option-invalid",
                f"precision is {self.precision!r}, output_value {self.output_value!r}",
                why="only vectors of whole texts can have another type than float32",
                fix="Leave one of the two out",
            )
        check_choice("parts", self.parts, PARTS_MODES)
        check_integer("overlap", self.overlap, minimum=0)
        if self.chunk is not None:
            check_integer("chunk", self.chunk)
            self._check_chunk_alone()
        elif self.overlap:
            raise InputError(
                "option-invalid",
                f"overlap is {self.overlap}, and chunk is not given",
                why="only parts of texts overlap",
                fix="Give a chunk, such as 128, or leave overlap out",
            )

    def _check_chunk_alone(self) -> None:
        if self.output_value != "sentence_embedding":
            raise InputError(
                "option-invalid",
                f"chunk is {self.chunk}, output_value {self.output_value!r}",
                why="a part has one vector",
                fix="Leave one of the two out",
            )


@dataclass(frozen=True, kw_only=True)
class ClassifyOptions:
    """What one call of TextClassifier asks for besides its texts.

    Attributes:
        top_k: How many labels of each text, the best first; None: all.
        function_to_apply: What makes scores of logits. None: as the model's config says.
        abstain_below: Below this score the label is None. None: as the
            model's config says (`abstain_below`), else every text has a label.

    Raises:
        InputError: [option-invalid].
    """

    top_k: int | None = 1
    function_to_apply: ScoreFunction | None = None
    abstain_below: float | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None:
            check_integer("top_k", self.top_k)
        check_choice("function_to_apply", self.function_to_apply, (None, *get_args(ScoreFunction)))
        _check_share("abstain_below", self.abstain_below)


@dataclass(frozen=True, kw_only=True)
class TagOptions:
    """What one call of TokenClassifier asks for besides its texts.

    Attributes:
        aggregation_strategy: "none": one result a piece. "simple": pieces with tags of one span
            are one result. "first", "average", "max": the pieces of a word first get one tag, that
            of the first piece, of the mean of the scores, or of the highest score.
        ignore_labels: Labels that are left out; the results without a span have the label "O".
        stride: Pieces that neighbouring windows of a long text share.

    Raises:
        InputError: [option-invalid].
    """

    aggregation_strategy: Aggregation = "none"
    ignore_labels: tuple[str, ...] = ("O",)
    stride: int = 128

    def __post_init__(self) -> None:
        check_choice("aggregation_strategy", self.aggregation_strategy, get_args(Aggregation))
        check_integer("stride", self.stride, minimum=0)


@dataclass(frozen=True, kw_only=True)
class AnswerOptions:
    """What one call of QuestionAnswerer asks for besides questions and contexts.

    Attributes:
        top_k: How many answers to each question, the best first.
        handle_impossible_answer: Whether "" may be the answer. None: if the config has a
            `no_answer_threshold`, or the model has the head for SQuAD 2.
        no_answer_threshold: How much likelier than the best answer "no answer" must be, as the
            difference of two logarithms. None: as the config says, else 0.
        max_answer_len: Maximum number of pieces of an answer.
        max_seq_len: Maximum number of ids of a window. None: what the model reads, up to 384, as in
            the ALBERT paper's settings for SQuAD 1.1.
        doc_stride: Pieces that neighbouring windows of a long context share.
        max_question_len: Pieces of a question at most; longer ones are cut, with a warning.
        align_to_words: Extend an answer to whole words, between two spaces.

    Raises:
        InputError: [option-invalid].
    """

    top_k: int = 1
    handle_impossible_answer: bool | None = None
    no_answer_threshold: float | None = None
    max_answer_len: int = 30
    max_seq_len: int | None = None
    doc_stride: int = 128
    max_question_len: int = 64
    align_to_words: bool = False

    def __post_init__(self) -> None:
        for name in ("top_k", "max_answer_len", "max_question_len"):
            check_integer(name, getattr(self, name))
        if self.max_seq_len is not None:
            check_integer("max_seq_len", self.max_seq_len, minimum=16)
        check_integer("doc_stride", self.doc_stride, minimum=0)
        threshold = self.no_answer_threshold
        is_number = isinstance(threshold, SupportsFloat) and not math.isnan(threshold)
        if threshold is not None and not is_number:
            raise InputError(
                "option-invalid",
                f"no_answer_threshold is {threshold!r}",
                why="it is compared with a difference of two logarithms",
                fix="Give a number, such as 0 or 2.5",
            )


def _check_share(name: str, value: float | None) -> None:
    """Refuse a number outside of 0 to 1."""
    if value is not None and not (isinstance(value, SupportsFloat) and 0 <= value <= 1):
        raise InputError(
            "option-invalid",
            f"{name} is {value!r}",
            why="it is compared with probabilities",
            fix="Give a number from 0 to 1",
        )
