"""A job: rows of files → vectors → shards, described in plain data that any process can be sent.

A shard's bytes depend on its rows and the job alone: its windows begin with its first row, and the
engine is named from the start. So it does not matter which process makes it, or when.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import albertkit
from albertkit.errors import InputError
from albertkit.fileformats.reader import JsonValue
from albertkit.rows import Inputs, RowBatch, Table, find_inputs, read_batches
from albertkit.rows.kinds import Kind
from albertkit.rows.shards import Shards
from albertkit.runtime import EngineName, PrecisionName
from albertkit.sources import VECTORS
from albertkit.spec import FloatArray
from albertkit.spec.vector_plan import Pooling
from albertkit.tasks.arguments import at_least_one
from albertkit.tasks.cutting import Cuts, WhenTooLong
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.empty_texts import EmptyTexts
from albertkit.tasks.encode_call import EncodeCall
from albertkit.tasks.encode_options import EncodeOptions
from albertkit.tasks.fingerprint import fingerprint
from albertkit.tasks.progress import ProgressLine
from albertkit.tasks.row_windows import RowWindows
from albertkit.tasks.vector_file import VECTOR
from albertkit.tasks.vector_types import VectorCast, VectorType

SHARD_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class EmbedJob:
    """places: files, directories, "-". keep: columns that travel along, instead of the text.

    input_kind: as of `find_inputs`. column, skip_bad: as of `read_batches`. calibration: texts, or
    a file of them, that int8 is fitted to. vectors: the type of their numbers. The rest is as of
    TextEmbedder and its `encode`; what depends on the first texts that a process sees, or on its
    machine ("auto", calibration, ranges: [2, D], for int8 and uint8), is fixed by `opened_job`.
    Raises InputError [option-invalid].
    """

    places: tuple[str, ...]
    input_kind: Kind | None = None
    column: str | None = None
    keep: tuple[str, ...] = ()
    skip_bad: bool = False
    shard_rows: int = SHARD_ROWS
    model: str = VECTORS
    engine: EngineName = "auto"
    device: str | None = None
    precision: PrecisionName = "float32"
    calibration: str | tuple[str, ...] | None = None
    pooling: Pooling | None = None
    policy: str | None = None
    truncation: WhenTooLong = "warn"
    prompt_name: str | None = None
    normalize_embeddings: bool = False
    truncate_dim: int | None = None
    vectors: VectorType = "float32"
    ranges: FloatArray | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        at_least_one("shard_rows", self.shard_rows)
        if VECTOR in self.keep:
            raise InputError(
                "option-invalid",
                f"the column {VECTOR!r} is to be kept",
                why="that is what the vectors' own column is called",
                fix="Rename it in the input, or leave it out",
            )

    def inputs(self) -> Inputs:
        """Look at what is read; raises as `find_inputs` does."""
        return find_inputs(self.places, kind=self.input_kind)

    def embedder(self) -> TextEmbedder:
        """Open the model; raises as TextEmbedder does."""
        return TextEmbedder(
            self.model,
            engine=self.engine,
            device=self.device,
            precision=self.precision,
            calibration=self.calibration,
            pooling=self.pooling,
            policy=self.policy,
            truncation=self.truncation,
        )

    def call(self, embedder: TextEmbedder, line: ProgressLine | None = None) -> EncodeCall:
        """What the embedder is asked; raises InputError [prompt-unknown], [option-invalid]."""
        options = EncodeOptions(
            prompt=embedder.prompt_text(None, self.prompt_name),
            precision=self.vectors,
            kept=self.truncate_dim,
            normalise=self.normalize_embeddings,
        )
        return embedder.encode_call(options, line)

    def described(self, embedder: TextEmbedder, inputs: Inputs) -> dict[str, JsonValue]:
        """What the answers depend on, by which another run knows whether it is the same job."""
        call = self.call(embedder)
        return {
            "albertkit": albertkit.__version__,
            "inputs": [dict(each) for each in inputs.described()],
            "input_kind": self.input_kind,
            "column": self.column,
            "keep": list(self.keep),
            "model": self.model,
            "fingerprint": fingerprint(embedder.loaded),
            "engine": self.engine,
            "device": self.device,
            "precision": embedder.loaded.engines.precision,
            "calibration": self.calibration if isinstance(self.calibration, str) else None,
            "pooling": embedder.plan.pooling,
            "max_length": call.cuts.max_length,
            "truncation": self.truncation,
            "prompt": call.options.prompt,
            "normalize": self.normalize_embeddings,
            "truncate_dim": self.truncate_dim,
            "vectors": self.vectors,
        }


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard of a job; number: from 0, its rows are those from number · shard_rows on."""

    job: EmbedJob
    shards: Shards
    number: int


@dataclass(frozen=True, slots=True)
class ShardDone:
    """What became of a shard: rows with a vector, rows without, and what to tell of its texts."""

    number: int
    rows: int
    bad: int
    seconds: float
    empty: EmptyTexts
    cuts: Cuts


def embed_shard(embedder: TextEmbedder, task: ShardTask, inputs: Inputs | None = None) -> ShardDone:
    """Read a shard's rows and write it, whole or not at all; nothing where there are no rows.

    embedder: as `task.job.embedder()` made it; inputs: the job's, looked at once: a process keeps
    both for all its shards.
    Raises as `read_batches` and `TextEmbedder.encode` do, SurroundingsError [write-failed].
    """
    job = task.job
    begin = task.number * job.shard_rows
    batches = read_batches(
        job.inputs() if inputs is None else inputs,
        column=job.column,
        keep=job.keep,
        skip_bad=job.skip_bad,
        start=begin,
        border=job.shard_rows,
    )
    return write_shard(embedder, task, _until(batches, begin + job.shard_rows))


def write_shard(
    embedder: TextEmbedder,
    task: ShardTask,
    batches: Iterable[RowBatch],
    line: ProgressLine | None = None,
) -> ShardDone:
    """Write a shard, whole or not at all, of its rows, which are read already."""
    began = time.monotonic()
    call = task.job.call(embedder, line)
    batches = iter(batches)
    first = next(batches, None)
    rows = bad = 0
    if first is not None:
        with task.shards.writing(task.number) as shard:
            windows = RowWindows(chain((first,), batches), shard.bad.add)
            for table in answered(call, windows, VectorCast(task.job.vectors, task.job.ranges)):
                shard.write(table)
                rows += len(table)
            if not rows:
                nothing = {name: column[:0] for name, column in first.kept.items()} or {"text": []}
                shard.write(Table({**nothing, VECTOR: call.no_vectors()}))
            bad = shard.bad.rows
    seconds = time.monotonic() - began
    return ShardDone(task.number, rows, bad, seconds, call.empty, call.cuts)


def answered(call: EncodeCall, windows: RowWindows, cast: VectorCast) -> Iterator[Table]:
    """Window by window what travels along, and the vectors."""
    for vectors in call.answers(windows.texts()):
        yield Table({**windows.columns(), VECTOR: cast.of(vectors)})


def _until(batches: Iterable[RowBatch], end: int) -> Iterator[RowBatch]:
    """The batches before the row `end`, a border over which none reaches."""
    for batch in batches:
        yield batch
        if batch.end >= end:
            return
