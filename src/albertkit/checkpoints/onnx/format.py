"""ONNX directories: model.onnx, or model_quantized.onnx in int8, with config.json and tokenizer.

In: weights. Out: a file that ONNX Runtime and others run, which holds every parameter once, in
float32 or rounded to int8; and back, from our own files. What a file computes: graph/onnx/graph.py.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.checkpoints.agreement import check_shapes
from albertkit.checkpoints.format import (
    NO_OVERRIDES,
    Checkpoint,
    ConfigOverrides,
    read_vector_head,
)
from albertkit.checkpoints.huggingface.format import (
    read_config,
    write_config,
)
from albertkit.checkpoints.names import read_weights
from albertkit.checkpoints.onnx.pooling_metadata import check_plan, plan_from, plan_text
from albertkit.checkpoints.onnx.quantization_error import estimate_cosine
from albertkit.checkpoints.onnx.tensors import (
    Unrounded,
    list_rows,
    make_float_tensors,
    make_int8_tensors,
)
from albertkit.errors import Diagnostic, InputError, extra_missing_error
from albertkit.fileformats.onnx.model_file import read_onnx, write_onnx
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.graph.onnx.emitter import OnnxEmitter
from albertkit.graph.onnx.graph import build_onnx_graph, check_outputs
from albertkit.graph.onnx.int8_emitter import OnnxInt8Emitter
from albertkit.graph.quantization_error import LEAST_COSINE
from albertkit.spec import Weights, parameter_table
from albertkit.tokenization.vocabulary_files import read_tokenizer_files

if TYPE_CHECKING:
    from albertkit.engine.protocol import Engine, Precision

LOGGER = logging.getLogger(__name__)

HEADS, VECTORS, COSINE = "heads", "vectors", "cosine_to_float32"  # keys of the file's metadata


@dataclass(frozen=True, slots=True)
class OnnxFormat:
    """The Format of ONNX directories.

    file: the name of the model in the directory; both are those of Hugging Face's exports.
    is_rounded: whether matrices and tables are int8, and activations rounded as they come.
    """

    name: str
    file: str
    is_rounded: bool

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format; None if there is none."""
        return self.file if (location / self.file).is_file() else None

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Open a directory that `write` wrote; tensors stay on disk until touched.

        Of int8 the weights come as they were rounded, with a note. Raises FormatError
        [file-wrong-format] for another program's file.
        """
        file = read_onnx(location / self.file)
        tensors = Unrounded(file) if self.is_rounded else file
        config, notes = overrides.apply(read_config(location), str(location))
        heads = tuple(file.metadata.get(HEADS, "").split())
        pooler = any(name.startswith("pooler.") for name in tensors)
        rows = list_rows(parameter_table(config, heads, pooler=pooler))
        weights = read_weights(tensors, rows, config, heads, pooler=pooler, origin=str(location))
        vectors = None
        if VECTORS in file.metadata:
            text, where = file.metadata[VECTORS], str(location / self.file)
            vectors = plan_from(text, tensors, config.hidden_size, where)
        if self.is_rounded:
            notes = (*notes, _note_rounding(location))
        tokenizer_files = read_tokenizer_files(location)
        return Checkpoint(weights, tokenizer_files, notes, vectors, read_vector_head(location))

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Write a directory; its graph computes a linear head on vectors if that reads no pairs.

        Raises, before anything is written, InputError [unsupported-by-format] for float16, for
        heads with outputs of one name and for more than 2 GiB, [quantization-error-too-large] for a
        model whose vectors int8 turns too far; FormatError and ResourceError as other formats do.
        """
        weights, plan = checkpoint.weights, checkpoint.pooling
        shapes = {name: array.shape for name, array in weights.arrays.items()}
        check_shapes(weights.table(), shapes, weights.origin)
        head = checkpoint.vector_head
        check_outputs(weights, has_vector_head=head is not None)
        if dtype != "float32":
            raise _unsupported_dtype_error(dtype)
        metadata = {HEADS: " ".join(weights.heads)}
        if plan is not None:
            check_plan(plan)
            metadata[VECTORS] = plan_text(plan)
        emit, tensors = OnnxEmitter(weights.config), make_float_tensors(weights, plan)
        if self.is_rounded:
            metadata[COSINE] = f"{_check_cosine(weights):.4f}"
            emit, tensors = OnnxInt8Emitter(weights.config), make_int8_tensors(weights, plan)
        # of a pair each text is read alone, so no graph of one text has its logits
        logits = None if head is None or head.reads_pairs else head
        graph = build_onnx_graph(emit, weights, plan, tensors, logits)
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in checkpoint.tokenizer_files.items():
            (directory / name).write_bytes(data)
        write_config(directory, weights)
        write_onnx(directory / self.file, graph, metadata)
        if head is not None:
            head.write(directory)

    def engine(self, directory: Path, weights: Weights) -> Engine:
        """Return the engine that runs the ONNX file; raises ResourceError [extra-missing]."""
        from albertkit.engine.cpu_engine import has_openvino
        from albertkit.engine.onnx_engine import OnnxEngine  # which imports OpenVINO

        if not has_openvino():
            raise extra_missing_error("openvino", "the check of an ONNX file")

        precision: Precision = "int8" if self.is_rounded else "float32"
        return OnnxEngine(weights, directory / self.file, precision=precision)


ONNX = OnnxFormat("onnx", "model.onnx", is_rounded=False)
ONNX_INT8 = OnnxFormat("onnx-int8", "model_quantized.onnx", is_rounded=True)


def _check_cosine(weights: Weights) -> float:
    """How near int8 comes to float32; raises InputError [quantization-error-too-large]."""
    cosine = estimate_cosine(weights)
    if not cosine >= LEAST_COSINE:
        raise InputError(
            "quantization-error-too-large",
            f"in int8 a text's vector has cosine {cosine:.4f} to the one in float32",
            why=f"below {LEAST_COSINE} the results are no longer the model's",
            fix=f"Write it in float32, as {ONNX.name}",
            where=weights.origin,
        )
    LOGGER.info("int8: lowest cosine of a text's vector to float32 is %.4f", cosine)
    return cosine


def _unsupported_dtype_error(dtype: str) -> InputError:
    return InputError(
        "unsupported-by-format",
        f"the dtype is {dtype!r}",
        why=f"{ONNX.name} is float32 and {ONNX_INT8.name} int8: few processors compute in halves",
        fix="Leave the dtype out",
    )


def _note_rounding(location: Path) -> Diagnostic:
    return Diagnostic(
        "weights-rounded",
        "note",
        "the matrices and tables are those that were rounded to int8",
        why="the file does not have the numbers before rounding",
        fix="Take the model that the file was made from, if you have it",
        where=str(location),
    )
