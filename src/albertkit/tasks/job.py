"""A job as plain data that can be sent to any process: files → results of a task → a table.

Each task has a class: EmbedJob, and those of `head_jobs`. The functions of `tasks/jobs` and the
commands know this one alone.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

import albertkit
from albertkit import tables
from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.errors.arguments import check_integer
from albertkit.runtime import LoadedModel, LoadOptions
from albertkit.sources import VECTORS
from albertkit.tables.formats import DETECT_ALL, ReadOptions

if TYPE_CHECKING:
    from albertkit.fileformats.reader import JsonValue
    from albertkit.tables import Inputs, RowBatch, RowEstimate, Table
    from albertkit.tables.cells import CellType
    from albertkit.tables.chunk import FindErrors
    from albertkit.tables.filesystems.remote_path import AnyPath
    from albertkit.tasks.encode import ProgressLine
    from albertkit.tasks.inputs import RowWindows, Texts
    from albertkit.tasks.reports import EncodeReport

SHARD_ROWS = 100_000


class OpenTask(Protocol):
    """An open model with what a task adds to it: TextEmbedder, TextClassifier, …."""

    @property
    def model(self) -> LoadedModel:
        """The open model."""


class JobCall(Protocol):
    """Computes the results of rows."""

    @property
    def report(self) -> EncodeReport:
        """Counts what happens to the texts."""

    def tables(self, windows: RowWindows, *, is_live: bool = False) -> Generator[Table]:
        """Yield a table of columns and results for each window of rows.

        Args:
            windows: The rows.
            is_live: As in `prefetch`.
        """

    def write_other_files(self, path: Path) -> None:
        """Write the other files that belong to a file of results, before it gets its name."""

    def empty_table(self, windows: RowWindows, rows: RowBatch) -> Table:
        """A table of the same columns without a row.

        Args:
            windows: As for `tables`.
            rows: Any rows.
        """


class FirstRows(Protocol):
    """Reads rows in advance."""

    def first_window(self) -> Texts | None:
        """The texts of the first window; None if there are none."""


@dataclass(frozen=True, slots=True)
class TableJob(ABC):
    """What a job reads, computes and writes.

    Args:
        locations: Files, directories, patterns, URIs, or "-".
        read: How files are read, where the user knows better than their bytes and names.
        column: The column of texts; None: "text", or the only one.
        keep: Columns that are written with the results, instead of the text. Of documents the
            column "file" is written in any case.
        skip_invalid: List rows without a text; else the first one ends the job.
        shard_rows: Input rows of one shard.
        model: The model's name or path.
        load: How the model is opened and computed.

    Raises:
        InputError: [option-invalid].
    """

    locations: tuple[str, ...]
    read: ReadOptions = DETECT_ALL
    column: str | None = None
    keep: tuple[str, ...] = ()
    skip_invalid: bool = False
    shard_rows: int = SHARD_ROWS
    model: str = VECTORS
    load: LoadOptions = field(default_factory=LoadOptions)

    def __post_init__(self) -> None:
        """Check the options that no other class checks."""
        check_integer("shard_rows", self.shard_rows)
        for name in self.result_types():
            if name in self.keep:
                raise InputError(
                    "option-invalid",
                    f"the kept columns include {name!r}",
                    why="a column of the results has that name",
                    fix="Rename it in the input, or leave it out",
                )

    @abstractmethod
    def open(self) -> Any:
        """Open the model for the task; raises as the task's class does."""

    @abstractmethod
    def start(self, opened: Any, line: ProgressLine | None = None) -> JobCall:
        """Make the call of the open task.

        Args:
            opened: From `open`.
            line: Shows how many rows are done.

        Raises:
            InputError: [prompt-unknown], [option-invalid].
        """

    @abstractmethod
    def result_types(self) -> Mapping[str, CellType | None]:
        """The columns of results and their types; None: the first table decides."""

    @abstractmethod
    def settings(self, opened: Any) -> dict[str, JsonValue]:
        """The options of the task that results depend on."""

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """The columns of the input that are written besides the text."""
        if self.read.files and "file" not in self.keep:
            return ("file", *self.keep)
        return self.keep

    @property
    def with_texts(self) -> bool:
        """Whether the texts are written."""
        return not self.keep

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read besides the text."""
        return self.kept_columns

    def inputs(self) -> Inputs:
        """Find and inspect the input files; raises as `find_inputs` does."""
        return tables.find_inputs(self.locations, options=self.read, column=self.column)

    def read_rows(
        self,
        inputs: Inputs,
        *,
        start: int = 0,
        boundary: int | None = None,
        estimate: RowEstimate | None = None,
    ) -> Iterator[RowBatch]:
        """Read the rows of the input files; arguments and errors as `read_batches`."""
        return tables.read_batches(
            inputs,
            column=self.column,
            keep=self.columns,
            skip_invalid=self.skip_invalid,
            start=start,
            boundary=boundary,
            estimate=estimate,
            find_errors=self.find_errors,
        )

    @property
    def find_errors(self) -> FindErrors | None:
        """Finds rows that are invalid by other cells than their text; None: there are none."""
        return None

    @property
    def can_begin_small(self) -> bool:
        """Whether nothing is computed from the first window (as int8's error is)."""
        return self.load.precision != "int8"

    def own_types(self) -> dict[str, CellType]:
        """The types of the columns of results that are known before."""
        return {name: kind for name, kind in self.result_types().items() if kind is not None}

    def column_types(self, inputs: Inputs) -> dict[str, CellType]:
        """The types of all columns that are written."""
        return {**inputs.types(self.columns), **self.own_types()}

    def check_output(self, path: Path) -> None:  # noqa: B027 - most tasks write one file
        """Refuse a file of results if another file that belongs to it cannot be written."""

    def characters(self, rows: RowBatch) -> Sequence[int]:
        """What each row adds to a window."""
        return [len(text) for text in rows.texts]

    def fix_first_rows(self, opened: Any, rows: FirstRows, directory: AnyPath) -> Self:
        """The job with everything that its first rows decide, saved in its directory."""
        return self

    def describe(self, opened: Any, inputs: Inputs) -> dict[str, JsonValue]:
        """Describe what the results depend on, so that another run knows whether it is this job.

        Where files are cached, and whether invalid rows are skipped, may change between runs.
        """
        model: LoadedModel = opened.model
        return {
            "albertkit": albertkit.__version__,
            "inputs": [dict(file) for file in inputs.describe()],
            **asdict(self.read),
            "column": self.column,
            "keep": list(self.keep),
            "model": self.model,
            "fingerprint": hash_model(model),
            "engine": self.load.engine,
            "device": self.load.device,
            "precision": model.engines.precision,
            "deterministic": self.load.deterministic,
            **self.settings(opened),
        }


def hash_model(loaded: LoadedModel) -> str:
    """Hash the weights, pooling and tokenizer of a model: 16 hexadecimal digits."""
    steps = loaded.pooling.steps if loaded.pooling else ()
    settings = [
        loaded.config,
        loaded.tokenizer.fingerprint,
        loaded.tokenizer.policy,
        [(type(step).__name__, getattr(step, "activation", None)) for step in steps],
        loaded.pooling.lower_case if loaded.pooling else False,
    ]
    digest = hashlib.sha256(repr(settings).encode())
    for name, array in _list_arrays(loaded):
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _list_arrays(loaded: LoadedModel) -> Iterator[tuple[str, FloatArray]]:
    yield from sorted(loaded.weights.arrays.items())
    for step in loaded.pooling.steps if loaded.pooling else ():
        yield from step.arrays.items()
