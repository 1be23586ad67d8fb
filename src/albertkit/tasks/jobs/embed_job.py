"""A job: rows of files → vectors → shards, described in plain data that any process can be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
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
from albertkit.spec.pooling_config import Dense, Pooling
from albertkit.tables.formats import Kind
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.encode import EncodeCall
from albertkit.tasks.options import EncodeOptions, TruncationMode
from albertkit.tasks.progress import ProgressLine
from albertkit.tasks.vector_file import VECTOR

if TYPE_CHECKING:
    from albertkit.fileformats.reader import JsonValue
    from albertkit.tables import Inputs


SHARD_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class EmbedJob:
    """places: files, directories, "-". keep: columns that travel along, instead of the text.

    input_format: as of `find_inputs`. column, skip_invalid: as of `read_batches`. load: how the
    model is opened. vectors: the type of their numbers. The rest is as of TextEmbedder and its
    `encode`. What depends on the first texts of a process, or on its machine ("auto", calibration,
    ranges: [2, D], for int8 and uint8), is fixed by `start_job`.
    Raises InputError [option-invalid].
    """

    places: tuple[str, ...]
    input_format: Kind | None = None
    column: str | None = None
    keep: tuple[str, ...] = ()
    skip_invalid: bool = False
    shard_rows: int = SHARD_ROWS
    model: str = VECTORS
    load: LoadOptions = field(default_factory=LoadOptions)
    pooling: Pooling | None = None
    truncation: TruncationMode = "warn"
    encode: EncodeOptions = field(default_factory=EncodeOptions)
    ranges: FloatArray | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_integer("shard_rows", self.shard_rows)
        if VECTOR in self.keep:
            raise InputError(
                "option-invalid",
                f"the column {VECTOR!r} is to be kept",
                why="that is what the vectors' own column is called",
                fix="Rename it in the input, or leave it out",
            )

    def inputs(self) -> Inputs:
        """Look at what is read; raises as `find_inputs` does."""
        return tables.find_inputs(self.places, kind=self.input_format)

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
        """What the embedder is asked; raises InputError [prompt-unknown], [option-invalid]."""
        return embedder.encode_call(self.encode, line)

    def described(self, embedder: TextEmbedder, inputs: Inputs) -> dict[str, JsonValue]:
        """What the answers depend on, by which another run knows whether it is the same job."""
        call = self.call(embedder)
        return {
            "albertkit": albertkit.__version__,
            "inputs": [dict(each) for each in inputs.described()],
            "input_format": self.input_format,
            "column": self.column,
            "keep": list(self.keep),
            "model": self.model,
            "fingerprint": fingerprint(embedder.model),
            "engine": self.load.engine,
            "device": self.load.device,
            "precision": embedder.model.engines.precision,
            "calibration": str(self.load.calibration)
            if isinstance(self.load.calibration, str | Path)
            else None,
            "deterministic": self.load.deterministic,
            "pooling": embedder.pooling.pooling,
            "max_length": call.report.max_length,
            "truncation": self.truncation,
            "prompt": call.prompt,
            "normalize": self.encode.normalize_embeddings,
            "truncate_dim": self.encode.truncate_dim,
            "vectors": self.encode.precision,
        }


def fingerprint(loaded: LoadedModel) -> str:
    """Sixteen hexadecimal digits; reads all weights once."""
    steps = loaded.pooling.steps if loaded.pooling else ()
    told = [
        loaded.config,
        loaded.tokenizer.fingerprint,
        loaded.tokenizer.policy,
        [(type(step).__name__, getattr(step, "activation", None)) for step in steps],
        loaded.pooling.lower_case if loaded.pooling else False,
    ]
    digest = hashlib.sha256(repr(told).encode())
    for name, array in _arrays(loaded):
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _arrays(loaded: LoadedModel) -> Iterator[tuple[str, FloatArray]]:
    yield from sorted(loaded.weights.arrays.items())
    for step in loaded.pooling.steps if loaded.pooling else ():
        if isinstance(step, Dense):
            yield "weight", step.weight
            if step.bias is not None:
                yield "bias", step.bias
