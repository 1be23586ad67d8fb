"""Take texts and kept columns from the record batches of Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from albertkit.tables.arrow.reading import ArrowTable
from albertkit.tables.chunk import (
    TOO_LONG,
    Chunk,
    RowError,
    is_too_long,
    make_encoding_error,
    make_type_error,
)

if TYPE_CHECKING:
    import pyarrow


def read_table(table: ArrowTable, column: str, keep: Sequence[str], skip: int) -> Iterator[Chunk]:
    """Yield the rows after the first `skip`; kept columns are pyarrow's arrays of their types."""
    for batch in table.batches([column, *(name for name in keep if name != column)], skip):
        if isinstance(batch, RowError):
            yield Chunk([], {name: [] for name in keep}, ((0, batch),))
        else:
            yield _make_chunk(batch, column, keep)


def holds_text(arrow_type: pyarrow.DataType) -> bool:
    """Whether a column of this type can hold texts: bytes may be UTF-8, each row shows it."""
    return str(arrow_type) in (
        *("string", "large_string", "string_view"),
        *("binary", "large_binary", "binary_view", "null"),
    )


def _make_chunk(batch: pyarrow.RecordBatch, column: str, keep: Sequence[str]) -> Chunk:
    texts = _read_texts(batch.column(column))
    kept = {name: _decode_dictionary(batch.column(name)) for name in keep}
    errors = {number: text for number, text in enumerate(texts) if isinstance(text, RowError)}
    for name, cells in kept.items():
        if not _is_valid(cells):
            for number in range(len(cells)):
                if not _is_valid(cells.slice(number, 1)):
                    errors[number] = RowError("row-malformed", f"holds damaged data in {name!r}")
    if not errors:
        return Chunk([text for text in texts if isinstance(text, str)], kept)
    valid = [number for number in range(len(texts)) if number not in errors]
    return Chunk(
        [str(texts[number]) for number in valid],
        {name: cells.take(_make_indices(valid)) for name, cells in kept.items()},
        tuple(sorted(errors.items())),
    )


def _decode_dictionary(cells: pyarrow.Array) -> pyarrow.Array:
    """The values of dictionary-encoded cells: each batch has a dictionary of its own."""
    import pyarrow

    return cells.dictionary_decode() if pyarrow.types.is_dictionary(cells.type) else cells


def _make_indices(numbers: list[int]) -> pyarrow.Array:
    import pyarrow

    return pyarrow.array(numbers, pyarrow.int64())


def _read_texts(cells: pyarrow.Array) -> list[str | RowError]:
    if _is_valid(cells):
        return [_text(value) for value in cells.to_pylist()]
    slices = (cells.slice(number, 1) for number in range(len(cells)))
    return [
        _text(cell.to_pylist()[0])
        if _is_valid(cell)
        else RowError("file-not-utf8", "holds bytes that are not UTF-8")
        for cell in slices
    ]


def _is_valid(cells: pyarrow.Array) -> bool:
    try:
        cells.validate(full=True)
    except ValueError:
        return False
    return True


def _text(value: object) -> str | RowError:
    text = value
    if isinstance(value, bytes):
        try:
            text = value.decode()
        except UnicodeDecodeError as error:
            return make_encoding_error(value, error)
    if not isinstance(text, str):
        return make_type_error(text)
    return TOO_LONG if is_too_long(text) else text
