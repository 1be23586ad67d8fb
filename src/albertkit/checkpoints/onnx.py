"""ONNX directories: model.onnx with config.json and the tokenizer's files.

In: weights. Out: a file that ONNX Runtime and others run, which holds every parameter once, in
float32 or rounded to int8; and back, from our own files. What a file computes: graph/onnx_graph.py.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Literal

from albertkit.checkpoints.agreement import check_shapes
from albertkit.checkpoints.format import Stored
from albertkit.checkpoints.huggingface import (
    CONFIG,
    TOKENIZER_FILES,
    config_to_write,
    read_config,
)
from albertkit.checkpoints.names import weights_from
from albertkit.checkpoints.onnx_fidelity import lowest_cosine
from albertkit.checkpoints.onnx_tensors import float_tensors, int8_tensors, rows_of
from albertkit.checkpoints.onnx_vectors import plan_from, plan_text
from albertkit.checkpoints.sentence_transformers_steps import write_json
from albertkit.checkpoints.told import NOTHING_TOLD, Told
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.atomic import new_directory
from albertkit.fileformats.onnx_file import read_onnx, write_onnx
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.graph.onnx_emitter import OnnxEmitter, transposed
from albertkit.graph.onnx_graph import check_outputs, onnx_graph
from albertkit.graph.onnx_int8_emitter import OnnxInt8Emitter
from albertkit.spec import Weights, parameter_table

LOGGER = logging.getLogger(__name__)

MODEL = "model.onnx"
LEAST_COSINE = 0.99  # below, answers are no longer the model's
# Keys of the file's metadata.
PRECISION, HEADS, VECTORS, COSINE = "precision", "heads", "vectors", "cosine_to_float32"


class OnnxFormat:
    """The Format of ONNX directories."""

    name = "onnx"

    def recognises(self, place: Path) -> str | None:
        return MODEL if (place / MODEL).is_file() else None

    def read(self, place: Path, told: Told = NOTHING_TOLD) -> Stored:
        """Open a directory that `write` wrote in float32; tensors stay on disk until touched.

        Raises FormatError [file-foreign] for another program's file and for int8.
        """
        tensors = read_onnx(place / MODEL)
        said = tensors.metadata
        if said.get(PRECISION) != "float32":
            raise _rounded_away(place)
        config, notes = told.over(read_config(place), str(place))
        heads = tuple(said.get(HEADS, "").split())
        pooler = transposed("pooler.weight") in tensors
        rows = rows_of(parameter_table(config, heads, pooler=pooler))
        weights = weights_from(tensors, rows, config, heads, pooler=pooler, origin=str(place))
        files = tuple(place / name for name in TOKENIZER_FILES if (place / name).is_file())
        vectors = None
        if VECTORS in said:
            vectors = plan_from(said[VECTORS], tensors, config.hidden_size, str(place / MODEL))
        return Stored(weights, files, notes, vectors)

    def write(
        self, stored: Stored, place: Path, *, dtype: SavedDtype | Literal["int8"] = "float32"
    ) -> None:
        """Write a directory, whole or not at all.

        int8: matrices in eight bits, activations rounded as they come, a quarter of the size.
        Raises, before anything is written, InputError [target-cannot-hold] for float16, for heads
        with outputs of one name and for more than 2 GiB, [fidelity-too-low] for a model whose
        vectors int8 turns too far; FormatError and SurroundingsError as other formats do.
        """
        weights, plan = stored.weights, stored.vectors
        shapes = {name: array.shape for name, array in weights.arrays.items()}
        check_shapes(weights.table(), shapes, weights.origin)
        check_outputs(weights)
        said = {PRECISION: dtype, HEADS: " ".join(weights.heads)}
        if plan is not None:
            said[VECTORS] = plan_text(plan)
        if dtype == "int8":
            said[COSINE] = f"{_checked_cosine(weights):.4f}"
            tensors = int8_tensors(weights, plan)
            graph = onnx_graph(OnnxInt8Emitter(weights.config), weights, plan, tensors)
        elif dtype == "float32":
            tensors = float_tensors(weights, plan)
            graph = onnx_graph(OnnxEmitter(weights.config), weights, plan, tensors)
        else:
            raise _no_halves(dtype)
        with new_directory(place) as folder:
            for file in stored.tokenizer_files:
                shutil.copyfile(file, folder / file.name)
            write_json(folder / CONFIG, config_to_write(weights))
            write_onnx(folder / MODEL, graph, said)


ONNX = OnnxFormat()


def _checked_cosine(weights: Weights) -> float:
    """How near int8 comes to float32; raises InputError [fidelity-too-low]."""
    cosine = lowest_cosine(weights)
    if not cosine >= LEAST_COSINE:
        raise InputError(
            "fidelity-too-low",
            f"in int8 a text's vector has cosine {cosine:.4f} to the one in float32",
            why=f"below {LEAST_COSINE} a model no longer answers as itself",
            fix="Write it in float32",
            where=weights.origin,
        )
    LOGGER.info("int8: lowest cosine of a text's vector to float32 is %.4f", cosine)
    return cosine


def _no_halves(dtype: str) -> InputError:
    return InputError(
        "target-cannot-hold",
        f"the dtype is {dtype!r}",
        why="ONNX files are written in float32 or int8: few processors compute in 16-bit floats",
        fix="Choose one of these",
    )


def _rounded_away(place: Path) -> FormatError:
    return FormatError(
        "file-foreign",
        f"{MODEL} holds its matrices in int8",
        why="the weights that they were rounded from cannot be had back",
        fix="Give the model that it was made from; to compute, run this file in ONNX Runtime",
        where=str(place),
    )
