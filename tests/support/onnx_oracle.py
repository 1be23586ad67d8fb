"""ONNX Runtime, asked as callers of ONNX files ask: a padded batch, a mask over it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from albertkit.arrays import FloatArray, Int64Array
from albertkit.tokenization.encodings import Encodings


def session(file: Path | bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # a model with more groups than layers has unused tensors
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def pad_encodings(encodings: Encodings) -> dict[str, Int64Array]:
    """input_ids, attention_mask and token_type_ids [N, S], zeros behind each text."""
    shape = len(encodings), int(encodings.lengths.max())
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {name: np.zeros(shape, np.int64) for name in names}
    for row, encoding in enumerate(encodings):
        own = slice(0, len(encoding.ids))
        inputs["input_ids"][row, own] = encoding.ids
        inputs["token_type_ids"][row, own] = encoding.type_ids
        inputs["attention_mask"][row, own] = 1
    return inputs


def run(
    file: Path, inputs: dict[str, Int64Array], *, inner: Iterable[str] = ()
) -> dict[str, FloatArray]:
    """Every output of a file by its name. inner: values inside the graph that are returned too."""
    model = onnx.load(file)
    model.graph.output.extend(map(onnx.helper.make_empty_tensor_value_info, inner))
    opened = session(model.SerializeToString())
    names = [output.name for output in opened.get_outputs()]
    return dict(zip(names, opened.run(None, inputs), strict=True))


def own_tokens(array: FloatArray, lengths: Iterable[int]) -> FloatArray:
    """[N, S, …] without the padding, the texts one after another [T, …]."""
    return np.concatenate([row[:length] for row, length in zip(array, lengths, strict=True)])
