"""How texts are encoded: every option of one `encode` call, its values and its default.

TextEmbedder.encode takes these names as keywords; the command line and jobs read the fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

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
        overlap: Pieces at most that a part shares with the one before it.
        parts: "rows" for a vector of each part, "mean" for one of each text: the mean of its
            parts' vectors, each weighted by the part's characters.

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
