"""What is searched, compared and grouped: texts of files, or vectors that were written before.

Texts are embedded in memory; with an index or a cache by a job into a directory, which the next
command finds.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from albertkit import tables
from albertkit.cli.index_contents import check_contents, hash_file, write_contents
from albertkit.cli.input_texts import STANDARD_INPUT, no_text_error
from albertkit.cli.output import print_status, shows_progress
from albertkit.cli.stream_job import print_invalid_rows
from albertkit.errors import InputError
from albertkit.errors.exceptions import count_noun
from albertkit.runtime.options import LoadOptions
from albertkit.sources import VECTORS
from albertkit.tables.filesystems.remote_path import make_path
from albertkit.tables.filesystems.streams import make_name_cell
from albertkit.tables.formats import DETECT_ALL, ReadOptions
from albertkit.tables.readers.inputs import Inputs, check_lines_without_column
from albertkit.tables.readers.vector_files import (
    is_finished_job,
    is_job_directory,
    is_vector_file,
    read_job,
)
from albertkit.tables.table import convert_to_json_cells
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.job import SHARD_ROWS
from albertkit.tasks.jobs.run_job import run_job, start_job
from albertkit.tasks.options import EncodeOptions, LongTextMode
from albertkit.tasks.row_filter import check_column
from albertkit.tasks.search import Search
from albertkit.tasks.search_texts import DOCUMENT, CorpusOptions
from albertkit.tasks.vector_types import PART_COLUMNS

MANY_TEXTS = 1000  # texts; embedding more comes with a hint
PLACES = ("file", "text", *PART_COLUMNS)  # what a row of results has without being read


@dataclass(frozen=True, slots=True)
class SearchInput:
    """Where to search, as a command line says it.

    Attributes:
        locations: Files of texts or directories of them; or one directory or file of vectors.
        read: How files of texts are read.
        column: Their column of texts.
        keep: Columns that results show with the text.
        named: Columns that conditions and groups name; they are read along, so results show them.
        index: A directory of vectors, which is used, or made.
        cache: A directory with one index for each content of the files.
        model: None: the one that made the vectors, or the built-in one.
        load: How the model is opened.
        corpus: How texts are embedded.
        truncation: What to do with long texts and queries.
        skip_invalid: Leave out rows without a text, and list them.
    """

    locations: tuple[str, ...]
    read: ReadOptions = DETECT_ALL
    column: str | None = None
    keep: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    index: str | None = None
    cache: str | None = None
    model: str | None = None
    load: LoadOptions = field(default_factory=LoadOptions)
    corpus: CorpusOptions = field(default_factory=CorpusOptions)
    truncation: LongTextMode = "warn"
    skip_invalid: bool = False

    def open(self) -> Search:
        """Open the vectors, or make them.

        Raises:
            InputError: [usage], [texts-missing], [index-differs], and those of Search.
        """
        if self.index is not None and self.cache is not None:
            raise InputError(
                "usage",
                "both --index and --cache are given",
                why="each is a directory for the vectors",
                fix="Give one of the two",
            )
        if not self.locations and self.index is None:
            raise _usage_error("there is no input", "neither --in nor --index is given")
        if self.index is None and self.cache is None:
            if len(self.locations) == 1 and _holds_vectors(self.locations[0]):
                return self._open_index(self.locations[0])
            return self._embed_in_memory()
        if not self.locations and self.index is not None:
            if not make_path(self.index).exists():
                raise InputError(
                    "file-not-found",
                    f"there is no index {self.index!r}",
                    why="no --in names the texts that it would be made of",
                    fix="Check the path, or give --in FILE to make it",
                )
            return self._open_index(self.index)
        for option, name in (("--index", self.index), ("--cache", self.cache)):
            if name is not None and Path(name).is_file():
                raise _usage_error(
                    f"{option} is the file {name!r}", "vectors are kept in a directory"
                )
        if STANDARD_INPUT in self.locations:
            raise _usage_error(
                "vectors of standard input are to be kept", "it cannot be read again to compare it"
            )
        inputs = tables.find_inputs(self.locations, options=self.read, column=self.column)
        if self.index is not None and is_job_directory(self.index):
            check_contents(self.index, inputs)
            self._check_options(self.index, inputs)
            if is_finished_job(self.index):
                return self._open_index(self.index, inputs)
        job = self._job()
        directory = self.index or str(Path(self.cache or "", self._content_key(job, inputs)))
        if not is_finished_job(directory):
            self._make_index(job, inputs, directory)
        return self._open_index(directory, inputs)

    def _open_index(self, location: str, inputs: Inputs | None = None) -> Search:
        if is_job_directory(location):
            self._check_options(location, inputs)
        search = self._search(location)
        for name in self.keep:
            if name not in search.columns:
                raise _differs(
                    location,
                    f"its columns are {', '.join(search.columns) or 'none'}, and --keep names"
                    f" {name!r}",
                    "keep",
                )
        return search

    def _check_options(self, directory: str, inputs: Inputs | None) -> None:
        """Refuse an index whose texts were read in another way than is asked for.

        What is left out is as it was made. Search compares the others.
        """
        made = read_job(directory)
        asked: dict[str, Any] = {
            **asdict(self.read),
            "files": self.read.files or None,
            "column": self.column,
            "truncation": None if self.truncation == "warn" else self.truncation,
        }
        for name, value in asked.items():
            if value is None or name not in made or value == made[name]:
                continue
            is_unnamed = name == "column" and made[name] is None  # "text", or the only one
            if is_unnamed and (
                inputs is None or inputs.columns(None) == inputs.columns(str(value))
            ):
                continue
            option = "input-format" if name == "file_format" else name
            why = f"it was made with --{option} {made[name]}, not {value}"
            why = why if made[name] else f"it was made without --{option}"
            raise _differs(directory, why, option)

    @property
    def _columns(self) -> tuple[str, ...]:
        """The columns that are read besides the text: kept ones, and named ones of the files."""
        others = (name for name in self.named if name not in PLACES)
        return tuple(dict.fromkeys((*self.keep, *others)))

    def _check_named(self, columns: Iterable[str]) -> None:
        """Refuse the name of a place that results will not have, before texts are embedded."""
        parts = PART_COLUMNS if self.corpus.chunk else ()
        for name in self.named:
            check_column(name, (*columns, *parts, "text"))

    def _search(self, corpus: str | list[str], **others: Any) -> Search:
        return Search(
            corpus,
            self.model,
            corpus_precision=self.corpus.precision,
            chunk=self.corpus.chunk,
            overlap=self.corpus.overlap,
            markdown=self.corpus.markdown,
            truncation=self.truncation,
            **others,
            **self.load.keywords(),
        )

    def _embed_in_memory(self) -> Search:
        texts, columns = read_rows(
            self.locations, self.read, self.column, self._columns, skip_invalid=self.skip_invalid
        )
        self._check_named(columns)
        start = time.monotonic()
        search = self._search(texts, columns=columns, show_progress_bar=shows_progress())
        if len(texts) >= MANY_TEXTS:
            print_status(
                f"{len(texts):,} texts embedded in {time.monotonic() - start:.0f} s;"
                " --index DIR keeps the vectors for the next time"
            )
        return search

    def _job(self) -> EmbedJob:
        return EmbedJob(
            self.locations,
            read=self.read,
            column=self.column,
            shard_rows=SHARD_ROWS,
            model=self.model or VECTORS,
            load=self.load,
            truncation=self.truncation,
            skip_invalid=self.skip_invalid,
            encode=EncodeOptions(
                precision=self.corpus.precision or "float32",
                prompt_name=DOCUMENT,
                chunk=self.corpus.chunk,
                overlap=self.corpus.overlap or 0,
                markdown=self.corpus.markdown,
            ),
            keep=self._columns,
            keep_text=bool(self._columns),
        )

    def _make_index(self, job: EmbedJob, inputs: Inputs, directory: str) -> None:
        check_lines_without_column(inputs.files, self.column)
        self._check_named(job.columns)
        start = time.monotonic()
        with start_job(job, directory, resume=True, inputs=inputs) as open_job:
            if self.index is not None:  # the name of a directory in a cache says the contents
                write_contents(directory, inputs)
            report = run_job(open_job, shows_progress=shows_progress())
        if not report.shards:  # the last file was full, and the job finished
            return
        noun = "part" if self.corpus.chunk else "text"
        invalid = f"; {count_noun(report.invalid, 'invalid row')} listed there"
        print_status(
            f"{count_noun(report.rows, noun)} embedded in {time.monotonic() - start:.0f} s,"
            f" written to {directory}{invalid if report.invalid else ''}"
        )

    def _content_key(self, job: EmbedJob, inputs: Inputs) -> str:
        """A name for the vectors of these contents with these options: 16 hexadecimal digits."""
        description: dict[str, Any] = job.describe(job.open(), inputs)
        description["inputs"] = None
        digest = hashlib.sha256(repr(sorted(description.items())).encode())
        for file in inputs.files:
            digest.update(hash_file(file).encode())
        return digest.hexdigest()[:16]


def read_rows(
    locations: tuple[str, ...],
    read: ReadOptions,
    column: str | None,
    keep: tuple[str, ...],
    *,
    skip_invalid: bool | None = None,
) -> tuple[list[str], dict[str, list[Any]]]:
    """Read the texts of all files, and the columns that say where each is.

    Args:
        locations: Files, directories, or "-".
        read: How they are read.
        column: The column of texts.
        keep: Further columns.
        skip_invalid: As for `read_batches`; rows that are left out are printed.

    Returns:
        The texts; and "file" if there are several, "row" (from 1, in its file), and the others.

    Raises:
        InputError: [texts-missing], [column-missing], and those of `find_inputs`.
        FormatError: As `read_batches`.
    """
    inputs = tables.find_inputs(locations, options=read, column=column)
    check_lines_without_column(inputs.files, column)
    inputs.types(keep)  # refused before anything is read
    texts: list[str] = []
    places: dict[str, list[Any]] = {}  # of a document its file, else the file and the row
    if read.files or len(inputs.files) > 1:
        places["file"] = []
    if not read.files:
        places["row"] = []
    columns: dict[str, list[Any]] = {name: [] for name in keep}
    for file in inputs.files:
        for batch in tables.read_batches(
            Inputs((file,)), column=column, keep=keep, skip_invalid=skip_invalid
        ):
            print_invalid_rows(batch.invalid)
            texts += batch.texts
            if "file" in places:
                places["file"] += [make_name_cell(file.name)] * len(batch.texts)
            if "row" in places:
                places["row"] += [number + 1 for number in batch.numbers]
            for name in keep:
                columns[name] += convert_to_json_cells(batch.kept[name])
    if not texts:
        raise no_text_error(locations)
    return texts, {**places, **columns}


def _holds_vectors(location: str) -> bool:
    return is_job_directory(location) or is_vector_file(location)


def _differs(location: str, why: str, option: str) -> InputError:
    return InputError(
        "index-differs",
        f"{location} cannot be searched with these options",
        why=why,
        fix=f"Leave --{option} out, or embed the texts again into a new directory",
    )


def _usage_error(what: str, why: str) -> InputError:
    return InputError(
        "usage", what, why=why, fix="Give --in FILE, or --index DIR that embed has written"
    )
