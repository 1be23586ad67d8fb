"""Real messages are recognised: of ONNX Runtime, numpy and scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import sklearn.metrics

from albertkit.conversion import convert
from tests.doctor.library_output import all_codes, first_code
from tests.support.tiny_models import save_tiny


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    directory = tmp_path_factory.mktemp("onnx")
    convert(save_tiny(directory / "tiny"), directory / "onnx", to="onnx")
    return onnxruntime.InferenceSession(directory / "onnx" / "model.onnx")


@pytest.mark.parametrize(
    ("code", "inputs"),
    [
        ("onnx-input-missing", {"input_ids": np.ones((1, 4), np.int64)}),
        (
            "onnx-input-type",
            dict.fromkeys(
                ("input_ids", "attention_mask", "token_type_ids"), np.ones((1, 4), np.int32)
            ),
        ),
    ],
)
def test_what_onnx_runtime_says_is_recognised(
    code: str, inputs: dict[str, np.ndarray], session: onnxruntime.InferenceSession
) -> None:
    assert first_code(lambda: session.run(None, inputs)) == code


def predict_one_class() -> None:
    sklearn.metrics.precision_score([0, 1], [0, 0])


def open_as_numpy_1() -> None:
    """Ask for what a library asks for that was compiled for NumPy 1."""
    _ = import_module("numpy.core._multiarray_umath")._ARRAY_API


OTHERS: dict[str, Callable[[], object]] = {
    "same-class-predicted": predict_one_class,
    "evaluation-memory": lambda: np.empty((10**7, 30000)),
    "numpy-abi": open_as_numpy_1,
    "pieces-not-cut": lambda: np.zeros(130).reshape(1, 128),
}


@pytest.mark.parametrize("code", OTHERS)
def test_what_other_calls_say_is_recognised(code: str) -> None:
    assert code in all_codes(OTHERS[code])


def test_fixed_axes_and_new_formats_are_recognised_in_what_onnx_runtime_says(
    session: onnxruntime.InferenceSession, tmp_path: Path
) -> None:
    model = onnx.load(session._model_path)
    for port in model.graph.input:
        for axis in port.type.tensor_type.shape.dim:
            axis.dim_value = 8
    onnx.save(model, tmp_path / "fixed.onnx")
    names = [port.name for port in model.graph.input]
    inputs = dict.fromkeys(names, np.ones((1, 4), np.int64))
    fixed = onnxruntime.InferenceSession(tmp_path / "fixed.onnx")
    assert first_code(lambda: fixed.run(None, inputs)) == "onnx-input-shape"
    model.ir_version = 99
    onnx.save(model, tmp_path / "new.onnx")
    assert "onnx-opset-unsupported" in all_codes(
        lambda: onnxruntime.InferenceSession(tmp_path / "new.onnx")
    )
