"""A format that computes by itself is asked itself: its parity is that of the file."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from tests.support.axes import random_weights
from tests.support.tiny_models import TINY, save_tiny

from albertkit import convert
from albertkit.checkpoints import Checkpoint
from albertkit.checkpoints.onnx.format import ONNX, ONNX_INT8
from albertkit.conversion.parity import check_parity
from albertkit.conversion.parity_inputs import make_parity_inputs
from albertkit.errors import FormatError


def test_parity_of_an_onnx_file_is_what_its_graph_computes(tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "from", ["masked_lm", "sentence_order"])
    done = convert(source, tmp_path / "to", to="onnx")
    assert done.parity.weights.identical == done.parity.weights.common
    assert 0 < done.parity.largest < 1e-5  # another program computes: never all bits alike
    assert set(done.parity.outputs) == {"sequence", "pooled", "masked_lm", "sentence_order"}


def test_a_wrong_graph_over_right_weights_is_found(tmp_path: Path) -> None:
    weights = random_weights(TINY)
    ONNX.write(Checkpoint(weights), tmp_path / "to")
    model = onnx.load(tmp_path / "to" / ONNX.file)
    for node in model.graph.node:
        if node.op_type == "LayerNormalization":
            next(a for a in node.attribute if a.name == "epsilon").f = 0.1
    onnx.save(model, tmp_path / "to" / ONNX.file)
    engine, asked = ONNX.engine(tmp_path / "to", weights), make_parity_inputs(TINY, None)
    with pytest.raises(FormatError, match=r"\[parity-failed\]"):
        check_parity(weights, weights, asked, "float32", "to", engine=engine)


def test_int8_is_proved_by_the_direction_of_its_vectors(tmp_path: Path) -> None:
    source = save_tiny(tmp_path / "from", ["masked_lm"])
    done = convert(source, tmp_path / "to", to="onnx-int8")
    assert done.parity.cosine is not None
    assert 0.99 < done.parity.cosine < 1
    assert "parity on 8 texts: lowest cosine 0.9" in done.parity.line()
    assert (tmp_path / "to" / "model_quantized.onnx").is_file()


def test_an_int8_file_that_answers_otherwise_is_refused_with_the_figure(tmp_path: Path) -> None:
    weights, others = random_weights(TINY), random_weights(TINY, seed=1)
    ONNX_INT8.write(Checkpoint(weights), tmp_path / "to")
    engine, asked = ONNX_INT8.engine(tmp_path / "to", weights), make_parity_inputs(TINY, None)
    with pytest.raises(
        FormatError, match=r"cosine to float32 is -?0\.\d{4}.*\[quantization-error-too-large\]"
    ):
        check_parity(others, weights, asked, "float32", "to", engine=engine)
