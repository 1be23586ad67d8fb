"""Texts and kept columns out of Arrow's tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from albertkit.tables.arrow.reading import ArrowTable
from albertkit.tables.chunk import TOO_LONG, Chunk, RowError, is_too_long, not_text, not_utf8

if TYPE_CHECKING:
    import pyarrow


def read_table(table: ArrowTable, column: str, keep: Sequence[str], skip: int) -> Iterator[Chunk]:
    """The rows behind the first `skip`; kept columns are pyarrow's arrays, of their own types."""
    for batch in table.batches([column, *(name for name in keep if name != column)], skip):
        if isinstance(batch, RowError):
            yield Chunk([], {name: [] for name in keep}, ((0, batch),))
        else:
            yield _piece(batch, column, keep)


def holds_text(kind: pyarrow.DataType) -> bool:
    """Whether a column of this type can hold texts: bytes may be UTF-8, and are looked at."""
    return str(kind) in (
        *("string", "large_string", "string_view"),
        *("binary", "large_binary", "binary_view", "null"),
    )


def _piece(batch: pyarrow.RecordBatch, column: str, keep: Sequence[str]) -> Chunk:
    texts = _texts(batch.column(column))
    kept = {name: _plain(batch.column(name)) for name in keep}
    errors = {number: text for number, text in enumerate(texts) if isinstance(text, RowError)}
    for name, cells in kept.items():
        if not _is_valid(cells):
            for number in range(len(cells)):
                if not _is_valid(cells.slice(number, 1)):
                    errors[number] = RowError("row-malformed", f"holds in {name!r} what is damaged")
    if not errors:
        return Chunk([text for text in texts if isinstance(text, str)], kept)
    good = [number for number in range(len(texts)) if number not in errors]
    return Chunk(
        [str(texts[number]) for number in good],
        {name: cells.take(_indices(good)) for name, cells in kept.items()},
        tuple(sorted(errors.items())),
    )


def _plain(cells: pyarrow.Array) -> pyarrow.Array:
    """Cells that are numbers of a dictionary as what they stand for: each batch has its own."""
    import pyarrow

    return cells.dictionary_decode() if pyarrow.types.is_dictionary(cells.type) else cells


def _indices(numbers: list[int]) -> pyarrow.Array:
    import pyarrow

    return pyarrow.array(numbers, pyarrow.int64())


def _texts(cells: pyarrow.Array) -> list[str | RowError]:
    if _is_valid(cells):
        return [_text(value) for value in cells.to_pylist()]
    ones = (cells.slice(number, 1) for number in range(len(cells)))
    return [
        _text(one.to_pylist()[0])
        if _is_valid(one)
        else RowError("file-not-utf8", "holds bytes that are not UTF-8")
        for one in ones
    ]


def _is_valid(cells: pyarrow.Array) -> bool:
    try:
        cells.validate(full=True)
    except ValueError:
        return False
    return True


def _text(value: object) -> str | RowError:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            return not_utf8(value, error)  # type: ignore[arg-type]  # it is bytes still
    if not isinstance(value, str):
        return not_text(value)
    return TOO_LONG if is_too_long(value) else value
