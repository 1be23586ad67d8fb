"""The texts that Search is given → vectors: one of each text, or one of each part of a document.

An empty text is never a result: its vector says nothing, and is near to many. It is not embedded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from albertkit.arrays import BoolArray, Int64Array
from albertkit.errors import InputError
from albertkit.tables.readers.vector_files import VectorFiles, VectorTable
from albertkit.tables.table import Column, take_cells
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.encode import make_progress
from albertkit.tasks.inputs import Texts
from albertkit.tasks.options import EncodeOptions, VectorType
from albertkit.tasks.reports import TextGroup, count_texts, warn_of_empty
from albertkit.tasks.vector_types import PART_COLUMNS, PartVectors, VectorCast, Vectors

LOGGER = logging.getLogger(__name__)

DOCUMENT = "document"  # the prompt


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """How texts are embedded; the vectors of a job must have been made so, where it is given.

    Attributes:
        precision: The type of the vectors. None: float32, or the job's.
        chunk: Ids of a part at most. None: whole texts, or the job's.
        overlap: Pieces at most that a part shares with the one before it. None: 0, or the job's.
        markdown: Whether Markdown's markup is left out before texts are read.
    """

    precision: VectorType | None = None
    chunk: int | None = None
    overlap: int | None = None
    markdown: bool = False

    def encode_options(self, embedder: TextEmbedder) -> EncodeOptions:
        """The options of `encode_document`; raises InputError [option-invalid]."""
        return EncodeOptions(
            prompt_name=DOCUMENT if DOCUMENT in embedder.prompts else None,
            precision=self.precision or "float32",
            chunk=self.chunk,
            overlap=self.overlap or 0,
            markdown=self.markdown,
        )


def embed_corpus(
    embedder: TextEmbedder,
    texts: Sequence[str],
    columns: Mapping[str, Column],
    options: CorpusOptions,
    *,
    show_progress_bar: bool | None,
) -> tuple[VectorFiles, BoolArray | None]:
    """Embed the texts, or their parts.

    Args:
        embedder: The model.
        texts: [N].
        columns: Name → one cell for each text.
        options: What vectors are made.
        show_progress_bar: As in `TextEmbedder.encode`.

    Returns:
        The vectors with their columns; and a mask of the empty texts among them, None if there is
        none. With a chunk a row is a part, and an empty text has none.

    Raises:
        InputError: [texts-missing] if all texts are empty, [option-invalid] for a column that is
            named like one of the parts, and those of `TextEmbedder.encode`.
    """
    empty = find_empty(texts)
    numbers = np.flatnonzero(~empty)  # of the texts that are embedded
    if not len(numbers):
        raise InputError(
            "texts-missing",
            f"{count_texts(len(texts), len(texts), 'is', 'are')} empty",
            why="an empty text is never a result",
            fix="Give texts with words",
        )
    if len(numbers) < len(texts):
        _warn_of_empty(empty)
    words = [texts[number] for number in numbers.tolist()]
    progress = make_progress(show_progress_bar, len(words))
    call = embedder.encode_call(options.encode_options(embedder), progress)
    cast = VectorCast(call.options.precision)
    windows = call.run(Texts(words, None, is_one=False).windows())
    if call.gives_parts:
        _check_part_columns(columns)
        return _make_part_table(windows, numbers, columns, cast), None
    vectors = cast.of_all(windows, len(words))
    table = {"text": texts, **columns}
    if len(numbers) == len(texts):
        return VectorFiles((VectorTable(vectors, table),), ranges=cast.ranges), None
    aligned: Vectors = np.zeros((len(texts), vectors.shape[1]), vectors.dtype)
    aligned[numbers] = vectors
    return VectorFiles((VectorTable(aligned, table),), ranges=cast.ranges), empty


def find_empty(cells: Iterable[object]) -> BoolArray:
    """[N], whether each cell is a text of white space alone."""
    return np.fromiter((isinstance(cell, str) and not cell.strip() for cell in cells), np.bool_)


def _check_part_columns(columns: Mapping[str, Column]) -> None:
    for name in PART_COLUMNS[1:]:  # "row" is the caller's, if there is one
        if name in columns:
            raise InputError(
                "option-invalid",
                f"the columns include {name!r}",
                why="a column of the parts has that name",
                fix="Rename it, or leave it out",
            )


def _make_part_table(
    windows: Iterable[PartVectors],
    numbers: Int64Array,
    columns: Mapping[str, Column],
    cast: VectorCast,
) -> VectorFiles:
    """A row of each part, with its place in its text, as a job writes it."""
    answers = list(windows)
    sizes = [len(answer.vectors) for answer in answers]
    vectors = cast.of_all((answer.vectors for answer in answers), sum(sizes))
    counts = np.concatenate([np.diff(answer.parts.offsets) for answer in answers])
    rows = np.repeat(numbers, counts)  # [P] of each part the number of its text
    places = [answer.columns(None) for answer in answers]
    table: dict[str, Column] = {} if "file" in columns else {"row": rows + 1}
    table |= {name: take_cells(c, rows) for name, c in columns.items()}
    table |= {name: np.concatenate([place[name] for place in places]) for name in places[0]}
    table["text"] = [part for answer in answers for part in answer.parts.texts]
    return VectorFiles((VectorTable(vectors, table),), ranges=cast.ranges)


def _warn_of_empty(empty: BoolArray) -> None:
    group = TextGroup(int(empty.sum()), int(empty.argmax()))
    LOGGER.warning(warn_of_empty(group, len(empty)).line())
