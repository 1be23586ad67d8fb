"""An embedding job: texts of files → vectors."""

from __future__ import annotations

import io
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.spec.pooling_config import Pooling
from albertkit.tables import Table
from albertkit.tables.formats import VECTOR_COLUMN
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.encode import EncodeCall, ProgressLine
from albertkit.tasks.inputs import RowWindows
from albertkit.tasks.job import FirstRows, TableJob
from albertkit.tasks.options import EncodeOptions, LongTextMode
from albertkit.tasks.reports import EncodeReport
from albertkit.tasks.vector_types import (
    IN_STEPS,
    PART_COLUMNS,
    PartVectors,
    VectorCast,
    compute_ranges,
)

if TYPE_CHECKING:
    from albertkit.fileformats.reader import JsonValue
    from albertkit.tables import RowBatch
    from albertkit.tables.cells import CellType
    from albertkit.tables.filesystems.remote_path import AnyPath


@dataclass(frozen=True, slots=True)
class EmbedJob(TableJob):
    """What an embedding job reads, computes and writes.

    Args:
        locations: As for TableJob, and the fields up to `load`.
        pooling: As for TextEmbedder.
        truncation: As for TextEmbedder.
        encode: What vectors are computed: prompt, number type, length.
        keep_text: Write the text (of a part: the part) also with `keep`.
        ranges: [2, D], for int8 and uint8 vectors. `start_job` sets it, as it depends on the
            first texts.

    Raises:
        InputError: [option-invalid].
    """

    pooling: Pooling | None = None
    truncation: LongTextMode = "warn"
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    keep_text: bool = False
    ranges: FloatArray | None = field(default=None, compare=False)

    def open(self) -> TextEmbedder:
        """Open the model; raises as TextEmbedder does."""
        return TextEmbedder(
            self.model,
            default_prompt_name=self.encode.prompt_name,
            pooling=self.pooling,
            truncation=self.truncation,
            **self.load.keywords(),
        )

    def start(self, opened: TextEmbedder, line: ProgressLine | None = None) -> EmbedCall:
        """See TableJob."""
        call = opened.encode_call(self.encode, line)
        call.report.empty_in_search = "hidden" if self.with_texts else "shown"
        return EmbedCall(call, VectorCast(self.encode.precision, self.ranges))

    @property
    def with_texts(self) -> bool:
        """See TableJob."""
        return self.keep_text or not self.keep

    def result_types(self) -> Mapping[str, CellType | None]:
        """See TableJob."""
        own = PART_COLUMNS if self.encode.chunk and self.encode.parts == "rows" else ()
        return dict.fromkeys((*own, VECTOR_COLUMN))

    @property
    def can_begin_small(self) -> bool:
        """See TableJob; ranges are computed from the first window."""
        return self.load.precision != "int8" and self.encode.precision not in IN_STEPS

    def check_output(self, path: Path) -> None:
        """See TableJob; the ranges of 8-bit vectors have a file of their own."""
        from albertkit.tasks.vector_file import make_ranges_writer  # printed vectors do not need it

        make_ranges_writer(path, VectorCast(self.encode.precision))

    def settings(self, opened: TextEmbedder) -> dict[str, JsonValue]:
        """See TableJob."""
        call = opened.encode_call(self.encode, None)
        return {
            "pooling": opened.pooling.pooling_name,
            "max_length": call.report.max_length,
            "truncation": self.truncation,
            "prompt": call.prompt,
            "normalize": self.encode.normalize_embeddings,
            "truncate_dim": call.options.truncate_dim,
            "vectors": self.encode.precision,
            "chunk": call.options.chunk,
            "overlap": call.options.overlap,
            "parts": call.options.parts,
            "markdown": call.options.markdown,
            "keep_text": self.keep_text,
        }

    def fix_first_rows(self, opened: TextEmbedder, rows: FirstRows, directory: AnyPath) -> EmbedJob:
        """The job with the ranges of 8-bit vectors: those that an earlier run saved, or new ones.

        They are saved as RANGES, [2, D], as queries are quantized with the same.
        """
        if self.encode.precision not in IN_STEPS:
            return self
        from albertkit.tables.filesystems.remote_path import create_file  # jobs alone need it
        from albertkit.tables.writers.job_directory import RANGES

        path = directory / RANGES
        if path.exists():
            return replace(self, ranges=_read_ranges(path))
        first = rows.first_window()
        if first is None:
            return self  # there are no rows, which is an error when they are read
        # not in the report: these texts are encoded again
        answer = next(opened.encode_call(self.encode, None).answers(iter([first])))
        vectors = answer.vectors if isinstance(answer, PartVectors) else answer
        ranges = compute_ranges(vectors, self.encode.precision)
        with create_file(path) as file:
            np.save(file, ranges)
        return replace(self, ranges=ranges)


@dataclass(frozen=True, slots=True)
class EmbedCall:
    """Computes the vectors of rows; see JobCall."""

    call: EncodeCall
    cast: VectorCast

    @property
    def report(self) -> EncodeReport:
        """Counts what happens to the texts."""
        return self.call.report

    def tables(self, windows: RowWindows, *, is_live: bool = False) -> Generator[Table]:
        """Yield a table of columns and vectors for each window."""
        with closing(self.call.answers(windows.texts(), is_live=is_live)) as answers:
            for answer in answers:
                yield windows.table(answer, self.cast)

    def write_other_files(self, path: Path) -> None:
        """Write the ranges of 8-bit vectors next to their file."""
        from albertkit.tasks.vector_file import make_ranges_writer

        make_ranges_writer(path, self.cast)()

    def empty_table(self, windows: RowWindows, rows: RowBatch) -> Table:
        """A table of the same columns without a row."""
        return windows.empty_table(rows, self.call.no_vectors())


def _read_ranges(path: AnyPath) -> FloatArray:
    from albertkit.fileformats.npy import read_npy  # few jobs have ranges

    file = io.BytesIO(path.read_bytes())
    return read_npy(file, str(path), fix="Start the job again in another directory")
