"""An embedding job as plain data that can be sent to any process: files → vectors → shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import albertkit
from albertkit import tables
from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.errors.arguments import check_integer
from albertkit.runtime import LoadedModel, LoadOptions
from albertkit.sources import VECTORS
from albertkit.spec.pooling_config import Pooling
from albertkit.tables.formats import DETECT_ALL, ReadOptions
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.encode import EncodeCall, ProgressLine
from albertkit.tasks.options import EncodeOptions, LongTextMode
from albertkit.tasks.vector_types import PART_COLUMNS, VECTOR

if TYPE_CHECKING:
    from albertkit.fileformats.reader import JsonValue
    from albertkit.tables import Inputs


SHARD_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class EmbedJob:
    """What an embedding job reads, computes and writes.

    Args:
        locations: Files, directories, patterns, URIs, or "-".
        read: How files are read, where the user knows better than their bytes and names.
        column: The column of texts; None: "text", or the only one.
        keep: Columns that are written with the vectors, instead of the text. Of documents the
            column "file" is written in any case.
        skip_invalid: List rows without a text; else the first one ends the job.
        shard_rows: Input rows of one shard.
        model: The model's name or path.
        load: How the model is opened and computed.
        pooling: As for TextEmbedder.
        truncation: As for TextEmbedder.
        encode: What vectors are computed: prompt, number type, length.
        ranges: [2, D], for int8 and uint8 vectors. `start_job` sets it, and replaces "auto" and a
            missing calibration, as these depend on the machine and the first texts.

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
    pooling: Pooling | None = None
    truncation: LongTextMode = "warn"
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    ranges: FloatArray | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Check the options that no other class checks."""
        check_integer("shard_rows", self.shard_rows)
        own = PART_COLUMNS if self.encode.chunk and self.encode.parts == "rows" else ()
        for name in (VECTOR, *own):
            if name in self.keep:
                raise InputError(
                    "option-invalid",
                    f"the kept columns include {name!r}",
                    why=f"{'the vectors' if name == VECTOR else 'a number of each part'} will have"
                    " a column of that name",
                    fix="Rename it in the input, or leave it out",
                )

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """The columns that are written with the vectors, besides the text."""
        if self.read.files and "file" not in self.keep:
            return ("file", *self.keep)
        return self.keep

    def inputs(self) -> Inputs:
        """Find and inspect the input files; raises as `find_inputs` does."""
        return tables.find_inputs(self.locations, options=self.read, column=self.column)

    def embedder(self) -> TextEmbedder:
        """Open the model; raises as TextEmbedder does."""
        return TextEmbedder(
            self.model,
            default_prompt_name=self.encode.prompt_name,
            pooling=self.pooling,
            truncation=self.truncation,
            **self.load.keywords(),
        )

    def call(self, embedder: TextEmbedder, line: ProgressLine | None = None) -> EncodeCall:
        """Make the call of the embedder.

        Args:
            embedder: As `embedder()` opened it.
            line: Shows how many texts are done.

        Raises:
            InputError: [prompt-unknown], [option-invalid].
        """
        return embedder.encode_call(self.encode, line)

    def describe(self, embedder: TextEmbedder, inputs: Inputs) -> dict[str, JsonValue]:
        """Describe what the vectors depend on, so that another run knows whether it is this job.

        Where files are cached, and whether invalid rows are skipped, may change between runs.
        """
        call = self.call(embedder)
        calibration = self.load.calibration
        return {
            "albertkit": albertkit.__version__,
            "inputs": [dict(file) for file in inputs.describe()],
            **asdict(self.read),
            "column": self.column,
            "keep": list(self.keep),
            "model": self.model,
            "fingerprint": fingerprint(embedder.model),
            "engine": self.load.engine,
            "device": self.load.device,
            "precision": embedder.model.engines.precision,
            "calibration": str(calibration) if isinstance(calibration, str | Path) else None,
            "deterministic": self.load.deterministic,
            "pooling": embedder.pooling.pooling_name,
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
        }


def fingerprint(loaded: LoadedModel) -> str:
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
    for name, array in _arrays(loaded):
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _arrays(loaded: LoadedModel) -> Iterator[tuple[str, FloatArray]]:
    yield from sorted(loaded.weights.arrays.items())
    for step in loaded.pooling.steps if loaded.pooling else ():
        yield from step.arrays.items()
