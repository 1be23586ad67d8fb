"""The engine that reads ONNX files gives what the numpy engine gives, whichever head is asked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import CONFIG, random_encodings, random_weights

from albertkit.arrays import FloatArray
from albertkit.checkpoints import Checkpoint
from albertkit.checkpoints.onnx.format import ONNX
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.onnx_engine import OnnxEngine
from albertkit.engine.packing import Layout, pack
from albertkit.engine.protocol import OutputRequest, PackedBatch, SpanSearch, require_output
from albertkit.errors import InputError
from albertkit.spec import HEADS, Weights

LENGTHS = (40, 3, 17, 9, 2)
LAYOUT = Layout(width=40, rows=((0,), (2, 1, 3, 4)))  # texts next to each other, out of order
LINEAR = [spec.name for spec in HEADS if spec.is_linear]


def engine_of(weights: Weights, path: Path) -> OnnxEngine:
    ONNX.write(Checkpoint(weights), path)
    return OnnxEngine(weights, path / ONNX.file, threads=1)


def batch() -> PackedBatch:
    return pack(random_encodings(CONFIG, LENGTHS), LAYOUT)


def assert_close(actual: FloatArray | None, expected: FloatArray | None) -> None:
    assert require_output(actual).dtype == np.float32
    np.testing.assert_allclose(require_output(actual), require_output(expected), rtol=0, atol=1e-5)


def test_vectors_and_words_of_packed_texts_equal_the_numpy_engines(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["masked_lm"], pooler=True)
    request = OutputRequest(tokens=True, pooled=True, mlm_tokens=np.array([3, 40, 41, 70]))
    outputs = engine_of(weights, tmp_path / "m").run(batch(), request)
    expected = NumpyEngine(weights).run(batch(), request)
    assert_close(outputs.tokens, expected.tokens)
    assert_close(outputs.pooled, expected.pooled)
    assert_close(outputs.mlm_logits, expected.mlm_logits)
    assert outputs.head_logits is None


@pytest.mark.parametrize("name", LINEAR)
def test_logits_of_every_head_equal_the_numpy_engines(name: str, tmp_path: Path) -> None:
    weights = random_weights(CONFIG, [name])
    outputs = engine_of(weights, tmp_path / "m").run(batch(), OutputRequest(head=name))
    assert_close(
        outputs.head_logits, NumpyEngine(weights).run(batch(), OutputRequest(head=name)).head_logits
    )


def test_spans_of_texts_of_any_length_equal_the_numpy_engines(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["span_search"])
    engine = engine_of(weights, tmp_path / "m")
    for lengths, search in (
        (LENGTHS, SpanSearch(5, 5)),
        ((3, 2), SpanSearch(5, 4)),
        (LENGTHS, SpanSearch(1, 2)),
    ):
        request = OutputRequest(spans=search)
        asked = pack(
            random_encodings(CONFIG, lengths), Layout(40, tuple((n,) for n in range(len(lengths))))
        )
        outputs, expected = (
            engine.run(asked, request).spans,
            NumpyEngine(weights).run(asked, request).spans,
        )
        assert outputs is not None
        assert expected is not None
        for field in dataclasses.fields(expected):
            one, other = getattr(outputs, field.name), getattr(expected, field.name)
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5, err_msg=field.name)


def test_a_file_searches_as_widely_as_it_was_written_to(tmp_path: Path) -> None:
    engine = engine_of(random_weights(CONFIG, ["span_search"]), tmp_path / "m")
    with pytest.raises(ValueError, match="5 starts and 5 ends"):
        engine.run(batch(), OutputRequest(spans=SpanSearch(6, 5)))


def test_what_the_model_does_not_have_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    engine = engine_of(random_weights(CONFIG, pooler=False), tmp_path / "m")
    with pytest.raises(InputError, match=r"\[pooler-missing\]"):
        engine.run(batch(), OutputRequest(pooled=True))
