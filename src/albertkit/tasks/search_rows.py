"""What Search searches in: texts that are embedded now, vectors, or files of vectors.

Input: what the caller gave. Output: SearchRows: vectors of one type, their columns, and the model
that encodes queries; of a job the same model with the same settings, or an error.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from albertkit.arrays import BoolArray, FloatArray
from albertkit.errors import Diagnostic, InputError
from albertkit.errors.arguments import describe_value
from albertkit.errors.exceptions import count_noun
from albertkit.fileformats.reader import JsonValue
from albertkit.sources import VECTORS
from albertkit.tables.readers.vector_files import VectorFiles, VectorTable, read_vector_files
from albertkit.tables.table import Column, convert_to_json_cells
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.inputs import convert_to_list
from albertkit.tasks.nearest import BITS
from albertkit.tasks.options import VECTOR_TYPES, VectorType
from albertkit.tasks.search_texts import CorpusOptions, embed_corpus, find_empty
from albertkit.tasks.vector_types import (
    IN_STEPS,
    Vectors,
    compute_width,
    get_dtype,
    to_array,
)

LOGGER = logging.getLogger(__name__)

AnyModel: TypeAlias = "TextEmbedder | str | Path | None"


@dataclass(frozen=True, slots=True, eq=False)
class SearchRows:
    """Vectors with their columns.

    Attributes:
        parts: Tables that follow one another, at least one.
        kind: The type of the vectors.
        dimensions: D, the numbers of a query.
        ranges: [2, D], for int8 and uint8.
        embedder: Encodes queries; None if the vectors were given without a model.
        empty: [N], True for empty texts, which are never a result. None: there are none.
        truncate_dim: Of queries. None: as the model says.
        job: What a job's vectors depend on; empty for others.
    """

    parts: tuple[VectorTable, ...]
    kind: VectorType
    dimensions: int
    ranges: FloatArray | None
    embedder: TextEmbedder | None
    empty: BoolArray | None = None
    truncate_dim: int | None = None
    job: Mapping[str, JsonValue] = field(default_factory=dict)


def read_search_rows(
    corpus: Any,
    model: AnyModel,
    columns: Mapping[str, Any],
    options: CorpusOptions,
    ranges: npt.ArrayLike | None,
    *,
    show_progress_bar: bool | None,
    settings: Mapping[str, Any],
) -> SearchRows:
    """Read, embed or check what Search was given; arguments and errors as of Search.

    `settings` are the keywords of TextEmbedder.
    """
    location = "the corpus"
    columns = {name: _read_column(name, column) for name, column in columns.items()}
    texts = convert_to_texts(corpus)
    precision = options.precision
    embedder: TextEmbedder | None = None
    empty: BoolArray | None = None
    if texts is not None:
        _check_columns(columns, len(texts), "text")
        embedder = opened = _open_model(model, settings)
        files, empty = embed_corpus(
            opened, texts, columns, options, show_progress_bar=show_progress_bar
        )
    elif isinstance(corpus, str | os.PathLike):
        location = os.fspath(corpus)
        files = read_vector_files(location)
        _check_options(options, files.job, location)
        if model is not None or files.job:
            embedder = _open_model(model, settings, files.job)
        empty = _find_empty_rows(files.parts)
    else:
        embedder = None if model is None else _open_model(model, settings)
        files = VectorFiles((VectorTable(_check_matrix(corpus)),))
        _check_options(options, {}, location)
    if texts is None:
        _check_columns(columns, sum(len(part.vectors) for part in files.parts), "vector")
        files = replace(files, parts=_add_columns(files.parts, columns))
    if files.job and embedder is not None:
        check_job(files.job, location, embedder)
        precision = next((name for name in VECTOR_TYPES if name == files.job.get("vectors")), None)
    truncate_dim = files.job.get("truncate_dim")
    truncate_dim = truncate_dim if isinstance(truncate_dim, int) else None
    vectors = files.parts[0].vectors
    kind = _choose_vector_type(vectors.dtype, precision)
    width = vectors.shape[1]
    dimensions = width * 8 if kind in BITS else width
    if embedder is not None:
        dimensions = truncate_dim or embedder.get_embedding_dimension()
        if width != compute_width(kind, dimensions):
            raise _differs(
                location,
                f"its vectors have {count_noun(width, 'number')}, and the model gives"
                f" {compute_width(kind, dimensions)}",
                "Give the model that made them",
            )
    given = files.ranges if ranges is None else to_array(ranges, "ranges")
    return SearchRows(
        tuple(
            replace(part, vectors=part.vectors.astype(get_dtype(kind), copy=False))
            for part in files.parts
        ),
        kind,
        dimensions,
        _check_ranges(given, kind, dimensions),
        embedder,
        empty,
        truncate_dim,
        files.job,
    )


def convert_to_texts(value: object) -> list[str] | None:
    """The texts of a list, or of a column of numpy, pandas, pyarrow or polars; None for numbers.

    Raises:
        InputError: [input-not-texts] for a list of texts in which an item is none, and for an
            iterator, whose items can be read only once.
    """
    if isinstance(value, Iterator):
        raise InputError(
            "input-not-texts",
            f"the texts or vectors are a {type(value).__name__}",
            why="an iterator is read only once, and its length is unknown",
            fix="Give list(…) of it",
        )
    kind = getattr(getattr(value, "dtype", None), "kind", "O")
    if hasattr(value, "detach") or kind not in "OUT" or isinstance(value, str):
        return None
    try:
        items = convert_to_list(value)
    except InputError:
        return None
    texts = [item for item in items if isinstance(item, str)]
    if not texts:
        return None
    for number, item in enumerate(items):
        if not isinstance(item, str):
            raise InputError(
                "input-not-texts",
                f"item {number} is {describe_value(item)}",
                why="the list has texts, so each item is one",
                fix="Leave it out, or write it as a text",
            )
    return texts


def check_job(job: Mapping[str, object], location: str, embedder: TextEmbedder) -> None:
    """Compare a job's vectors with what will search in them.

    An input that now has another size is a warning: its texts can still be searched.

    Args:
        job: As EmbedJob.describe wrote it.
        location: Its directory, for messages.
        embedder: The model of the queries.

    Raises:
        InputError: [index-differs].
    """
    from albertkit.tasks.job import hash_model

    _warn_of_changed_inputs(job, location)
    if job.get("fingerprint") not in (None, hash_model(embedder.model)):
        raise _differs(
            location,
            f"it was made by the model {job.get('model')!r}, and"
            f" {str(embedder.model.path)!r} is another, or has changed",
            "Give the model that made it, or embed the texts again",
        )
    pooling = job.get("pooling")
    if pooling not in (None, embedder.pooling.pooling_name):
        raise _differs(
            location,
            f"its vectors have {pooling} pooling, and the model {embedder.pooling.pooling_name}",
            f"Give the model with pooling={pooling!r}, or its name alone",
        )


def _check_options(options: CorpusOptions, job: Mapping[str, object], location: str) -> None:
    """Compare the options that were given with those that the vectors were made with.

    Raises:
        InputError: [index-differs]; [option-invalid] for parts of vectors that no job describes.
    """
    if not job:
        if options.chunk is not None or options.overlap is not None or options.markdown:
            raise InputError(
                "option-invalid",
                "a chunk, an overlap or markdown is given",
                why=f"{location} has vectors already, and only texts are cut into parts",
                fix="Leave it out, or give the texts",
            )
        return
    given = {"vectors": options.precision, "chunk": options.chunk}
    given |= {"overlap": options.overlap, "markdown": options.markdown or None}
    for name, value in given.items():
        if value is not None and value != job.get(name):
            argument = "corpus_precision" if name == "vectors" else name
            raise InputError(
                "index-differs",
                f"{location} cannot be searched with these options",
                why=f"it was made with {name} {job.get(name) or 'none'}, not {value}",
                fix=f"Leave --{name} out (in Python: {argument}), or embed the texts again",
            )


def _warn_of_changed_inputs(job: Mapping[str, object], location: str) -> None:
    inputs = job.get("inputs")
    for file in inputs if isinstance(inputs, list) else []:
        size = file.get("bytes") if isinstance(file, dict) else None
        path = Path(str(file.get("name"))) if isinstance(size, int) else None
        if path is None or not path.is_file() or path.stat().st_size == size:
            continue
        LOGGER.warning(
            Diagnostic(
                "index-outdated",
                "warning",
                f"{str(path)!r} has changed since {location!r} was made",
                why=f"it had {size:,} bytes, and has {path.stat().st_size:,} now",
                fix="Embed it again to search in its present texts",
            ).line()
        )
        return


def _open_model(
    model: AnyModel, settings: Mapping[str, Any], job: Mapping[str, JsonValue] | None = None
) -> TextEmbedder:
    """The model that encodes queries; of a job the same, with the same pooling."""
    if isinstance(model, TextEmbedder):
        return model
    name = model or str((job or {}).get("model", VECTORS))
    embedder = TextEmbedder(name, **settings)
    pooling = (job or {}).get("pooling", embedder.pooling.pooling_name)
    if pooling == embedder.pooling.pooling_name:
        return embedder
    return TextEmbedder(name, **{**settings, "pooling": pooling})


def _check_matrix(value: Any) -> Vectors:
    array = to_array(value, "corpus")
    if array.ndim != 2 or not array.shape[1]:
        raise InputError(
            "inputs-shape",
            f"the corpus has the shape {list(array.shape)}",
            why="it is a list of texts, or vectors [N, D]",
            fix="Give at least one text, or the vectors as encode returns them",
        )
    return array


def _choose_vector_type(dtype: np.dtype[Any], precision: VectorType | None) -> VectorType:
    """The type of vectors, from what the caller says and the array has.

    Raises:
        InputError: [option-invalid] if bytes come without a type, or another type is named.
    """
    if precision is None and dtype.kind == "f":
        return "float16" if dtype == np.float16 else "float32"
    is_text_file = dtype == np.float32  # JSON has one type of numbers
    if precision is not None and (is_text_file or get_dtype(precision) == dtype):
        return precision
    raise InputError(
        "option-invalid",
        f"the numbers of the vectors are {dtype}, and corpus_precision is {precision!r}",
        why="bytes may be numbers in steps, or bits" if dtype.kind in "iu" else "they differ",
        fix="Say which: --vectors int8, uint8, binary or ubinary (in Python: corpus_precision=)"
        if dtype.kind in "iu"
        else "Leave --vectors out (in Python: corpus_precision)",
    )


def _check_ranges(
    ranges: npt.NDArray[Any] | None, kind: VectorType, dimensions: int
) -> FloatArray | None:
    if kind not in IN_STEPS:
        return None
    if ranges is None or ranges.shape != (2, dimensions):
        raise InputError(
            "ranges-missing",
            f"the ranges of {kind} vectors are missing"
            if ranges is None
            else f"the ranges have the shape {list(ranges.shape)}",
            why="they hold the smallest and the largest number of each dimension, "
            f"[2, {dimensions}]",
            fix="Search the directory that albertkit embed writes, which holds them (in Python: "
            "ranges=)",
        )
    result: FloatArray = ranges.astype(np.float32)
    return result


def _read_column(name: str, column: Any) -> Column:
    """Arrays of numbers and pyarrow's as they are; the cells of other columns as a list."""
    is_numbers = isinstance(column, np.ndarray) and column.ndim and column.dtype.kind in "fiub"
    if is_numbers or hasattr(column, "to_pylist"):
        result: Column = column
        return result
    try:
        return convert_to_list(column)
    except InputError:
        raise InputError(
            "inputs-shape",
            f"the column {name!r} is {describe_value(column)}",
            why="a column has one cell for each row",
            fix="Give a list, an array, or a column of a table",
        ) from None


def _check_columns(columns: Mapping[str, Column], count: int, noun: str) -> None:
    for name, column in columns.items():
        if len(column) != count:
            raise InputError(
                "inputs-shape",
                f"the column {name!r} has {count_noun(len(column), 'cell')}",
                why=f"there {'is' if count == 1 else 'are'} {count_noun(count, noun)}",
                fix="Give one cell for each",
            )


def _add_columns(
    parts: Sequence[VectorTable], columns: Mapping[str, Column]
) -> tuple[VectorTable, ...]:
    """The parts with further columns of all vectors."""
    result = []
    begin = 0
    for part in parts:
        end = begin + len(part.vectors)
        own = {name: column[begin:end] for name, column in columns.items()}
        result.append(replace(part, columns={**part.columns, **own}))
        begin = end
    return tuple(result)


def _find_empty_rows(parts: Sequence[VectorTable]) -> BoolArray | None:
    """Which rows of a job have an empty text; None if there is none, or texts were not written."""
    if "text" not in parts[0].columns:
        return None
    empty = np.concatenate(
        [find_empty(convert_to_json_cells(part.columns["text"])) for part in parts]
    )
    return empty if empty.any() else None


def _differs(location: str, why: str, fix: str) -> InputError:
    return InputError(
        "index-differs", f"{location} cannot be searched with this model", why=why, fix=fix
    )
